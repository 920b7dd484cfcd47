import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Project } from '../../define/project.ts'
import { isThere } from '../../internal/is-there.ts'
import { entriesBelow, entryOf, type Entry } from './entry.ts'

const run = promisify(execFile)

const never =
  /(?:^|\/)(?:node_modules|\.git|\.millrace|\.env(?:\..*)?|\.npmrc|\.netrc|id_[a-z0-9]+|[^/]+\.(?:pem|key|p12))(?:\/|$)/

/** Names that git knows or would add; undefined where there is no git. */
async function gitNames(root: string): Promise<readonly string[] | undefined> {
  try {
    const { stdout } = await run('git', ['-C', root, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      env: { PATH: process.env.PATH, HOME: process.env.HOME, GIT_OPTIONAL_LOCKS: '0', LC_ALL: 'C' },
      maxBuffer: 64e6,
    })
    return stdout.split('\0').filter(name => name !== '')
  } catch {
    return undefined
  }
}

/** Folders that datasets read from: data is mounted where an image runs, not baked in. */
function dataFolders(project: Project): readonly string[] {
  return [...project.datasets.values()]
    .map(dataset => dataset.source.path.replace(/^\.\//, ''))
    .map(path => (path.includes('*') ? path.slice(0, path.indexOf('*')) : path))
    .filter(prefix => prefix !== '' && !prefix.startsWith('/'))
}

/** The project's own files: what git has or would take, without data, keys, secrets and what Millrace writes. */
export async function projectFiles(root: string, project: Project, without: readonly string[]): Promise<Entry[]> {
  const prefixes = [...dataFolders(project), ...without.filter(name => name !== '').map(name => `${name}/`)]
  const keep = (name: string): boolean =>
    !never.test(name) && !prefixes.some(prefix => name === prefix || name.startsWith(prefix))
  const writable: Entry = { path: 'app/.millrace', kind: 'folder', open: true }
  const names = await gitNames(root)
  if (names === undefined) return [...(await entriesBelow(root, 'app', keep)), writable]
  const kept = await Promise.all(
    names
      .filter(keep)
      .map(async name => ((await isThere(join(root, name))) ? entryOf(join(root, name), `app/${name}`) : undefined)),
  )
  return [...kept.filter(entry => entry !== undefined), writable]
}
