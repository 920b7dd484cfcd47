import { existsSync, symlinkSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { git } from '../config/git.ts'

/** The project as it was at a commit, in a folder of its own. */
export interface Worktree {
  /** The project's folder in it. */
  readonly root: string
  /** All that was checked out. */
  readonly top: string
  remove(): Promise<void>
}

/** Checks a commit out beside the project; undefined where git has no such commit, or there is no git. */
export async function checkOut(root: string, commit: string): Promise<Worktree | undefined> {
  const top = (await git(root, 'rev-parse', '--show-toplevel'))?.trim()
  if (top === undefined) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'millrace-tree-'))
  const tree = join(folder, 'tree')
  if ((await git(root, 'worktree', 'add', '--detach', tree, commit)) === undefined) {
    await rm(folder, { recursive: true, force: true })
    return undefined
  }
  return {
    top: tree,
    root: join(tree, relative(top, await realpath(root))),
    async remove() {
      await git(root, 'worktree', 'remove', '--force', tree)
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Gives a worktree the packages that are installed in the project: they are in no commit. */
export function sharePackages(root: string, { root: tree }: Worktree): void {
  const [own, theirs] = [root, tree].map(folder => join(folder, 'node_modules')) as [string, string]
  if (existsSync(own) && existsSync(tree) && !existsSync(theirs)) symlinkSync(own, theirs)
}
