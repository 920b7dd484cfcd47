import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { git, stepEnvironment } from '../config/environment.ts'
import { openWorkspace, type Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import type { ModelVersion } from '../ports/metadata-store.ts'
import { reproduce, type Reproduction } from '../stages/version/reproduce.ts'

/** Rebuilds a version in a clean worktree of its commit (or of the project file where git has none), with empty stores. */
export async function rebuildVersion(
  workspace: Workspace,
  version: ModelVersion,
  say: (text: string) => void,
): Promise<Reproduction> {
  const { root } = workspace
  const folder = await mkdtemp(join(tmpdir(), 'millrace-rebuild-'))
  const commit = (version.facts.environment as { commit?: string | null } | null)?.commit
  const tree = join(folder, 'tree')
  const top = (await git(root, 'rev-parse', '--show-toplevel'))?.trim()
  const worktree = commit && top === root ? await git(root, 'worktree', 'add', '--detach', tree, commit) : undefined
  if (worktree === undefined) {
    await mkdir(tree)
    await cp(join(root, 'millrace.config.ts'), join(tree, 'millrace.config.ts'))
  }
  let clean: Workspace | undefined
  try {
    clean = await openWorkspace(tree, { clock: workspace.clock })
    const runs = await clean.engineOf(event => {
      if (event.type === 'progress' && event.message) say(`${event.step}: ${event.message}`)
    })
    const model = clean.project.models.get(version.model)
    if (!model)
      throw fail('notReproducible', {
        version: `${version.model}@${version.version}`,
        reason: 'the project at its commit does not define the model',
      })
    return await reproduce(clean, runs, model, version, workspace.artifacts, await stepEnvironment(root))
  } finally {
    await clean?.close()
    if (worktree !== undefined) await git(root, 'worktree', 'remove', '--force', tree)
    await rm(folder, { recursive: true, force: true })
  }
}
