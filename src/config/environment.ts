import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { digestBytes } from '../internal/digest.ts'
import type { Json } from '../internal/canonical-json.ts'

const run = promisify(execFile)

/** Git without a shell, without prompts, without optional locks; undefined where there is no repository or no git. */
export async function git(root: string, ...args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout } = await run('git', ['-C', root, ...args], {
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        GIT_OPTIONAL_LOCKS: '0',
        GIT_TERMINAL_PROMPT: '0',
        LC_ALL: 'C',
      },
      maxBuffer: 64e6,
    })
    return stdout
  } catch {
    return undefined
  }
}

async function lockfile(root: string): Promise<string | null> {
  for (let at = root; ; at = dirname(at)) {
    const path = join(at, 'package-lock.json')
    if (existsSync(path)) return digestBytes(await readFile(path))
    if (dirname(at) === at) return null
  }
}

/** What a step's result may depend on beyond its inputs: part of every cache key. */
export async function stepEnvironment(root: string): Promise<Json> {
  return { node: process.versions.node.split('.')[0] as string, lockfile: await lockfile(root) }
}

/** What a run is recorded with: the code it ran with, to the byte. */
export async function runEnvironment(root: string): Promise<Readonly<Record<string, Json>>> {
  const commit = (await git(root, 'rev-parse', 'HEAD'))?.trim() ?? null
  const diff =
    commit === null ? undefined : await git(root, 'diff', 'HEAD', '--no-ext-diff', '--no-textconv', '--', '.')
  return {
    commit,
    dirty: diff === undefined ? null : diff.length > 0,
    diff: diff ? digestBytes(diff) : null,
    lockfile: await lockfile(root),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  }
}
