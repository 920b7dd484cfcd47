import { readFile, realpath } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { findRoot, loadProject } from '../config/load.ts'
import { git } from '../config/git.ts'
import { fail } from '../errors/index.ts'
import { publishFile } from '../internal/publish.ts'
import type { Project } from '../define/project.ts'
import type { CiOptions } from '../stages/ci/plan.ts'
import type { Command, OptionSpec } from './command.ts'

async function existing(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** One CI system: where its file stands and what is written there. */
export interface CiSystem {
  readonly summary: string
  readonly details: string
  /** From the repository's root. */
  readonly file: string
  readonly options?: readonly OptionSpec[]
  /** Whether its file names a branch (default: yes). */
  readonly namesBranch?: boolean
  readonly text: (project: Project, plan: CiOptions, options: Readonly<Record<string, unknown>>) => string
}

/** The branch that others start from as far as git knows, else the one that is checked out; undefined without git. */
async function ownBranch(root: string): Promise<string | undefined> {
  const remote = (await git(root, 'symbolic-ref', '--quiet', '--short', 'refs/remotes/origin/HEAD'))?.trim()
  if (remote) return remote.replace(/^origin\//, '')
  return (await git(root, 'symbolic-ref', '--quiet', '--short', 'HEAD'))?.trim() || undefined
}

const branchOption: OptionSpec = {
  flags: '--branch <name>',
  description: "branch whose pushes are checked (default: the repository's own, else main)",
}

/** The verb that writes a system's file, and leaves another one that stands there alone. */
export function ciCommand(system: CiSystem): Command {
  return {
    summary: system.summary,
    details: system.details,
    options: [
      ...(system.namesBranch === false ? [] : [branchOption]),
      { flags: '--schedule <cron>', description: 'five cron fields, UTC', default: '17 4 * * *' },
      { flags: '--node <version>', description: 'Node.js version', default: '20' },
      ...(system.options ?? []),
      { flags: '--no-tests', description: 'no models are trained and tested' },
      { flags: '--print', description: 'print it and write nothing' },
      { flags: '--force', description: 'replace a file that says something else' },
    ],
    async run({ options, cwd, out }) {
      const root = findRoot(cwd)
      const top = (await git(root, 'rev-parse', '--show-toplevel'))?.trim() || root
      const folder = relative(await realpath(top), await realpath(root))
        .split(sep)
        .join('/')
      const given = (name: 'schedule' | 'node'): Partial<CiOptions> =>
        typeof options[name] === 'string' ? { [name]: options[name] } : {}
      const branch = typeof options.branch === 'string' ? options.branch : await ownBranch(root)
      const plan = {
        folder,
        tests: options.tests !== false,
        ...(branch ? { branch } : {}),
        ...given('schedule'),
        ...given('node'),
      }
      const text = system.text(await loadProject(root), plan, options)
      const file = join(top, system.file)
      const shownFile = relative(cwd, file) || file
      if (options.print === true) {
        for (const line of text.trimEnd().split('\n')) out.line(line)
        out.data({ file, text, written: false })
        return 0
      }
      const before = await existing(file)
      if (before !== undefined && before !== text && options.force !== true) throw fail('fileKept', { file: shownFile })
      if (before !== text) await publishFile(file, text)
      out.line(before === text ? `${shownFile} says this already.` : `Wrote ${shownFile}.`)
      out.data({ file, text, written: before !== text })
      return 0
    },
  }
}
