import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative, resolve } from 'node:path'
import type { KeptFile } from '../config/code-state.ts'
import { stepEnvironment } from '../config/environment.ts'
import { openWorkspace, type Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import type { Digest } from '../internal/digest.ts'
import type { ModelVersion } from '../ports/metadata-store.ts'
import { filesOfTrainer } from '../ports/trainer.ts'
import { readPart } from '../stages/register/version-parts.ts'
import type { Listener } from './use-case.ts'
import { versionOf } from './version-of.ts'
import { checkOut, type Worktree } from './worktree.ts'
import { type Origin, reproduce, type Reproduction } from '../stages/version/reproduce.ts'

interface Made {
  readonly commit?: string | null
  readonly dirty?: unknown
  /** Artifact with the files that it was made of and that its commit has not as they were. */
  readonly changes?: Digest | null
  readonly changedFiles?: readonly string[]
}

/** Puts the files that no commit has where they were. */
async function layChanges(worktree: Worktree, bytes: Uint8Array): Promise<void> {
  const files = JSON.parse(Buffer.from(bytes).toString('utf8')) as Readonly<Record<string, KeptFile>>
  for (const [name, content] of Object.entries(files)) {
    const path = resolve(worktree.root, name)
    // A name may lead beside the project, never out of what was checked out
    if (relative(worktree.top, path).startsWith('..')) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(path, typeof content === 'string' ? content : Buffer.from(content.base64, 'base64'))
  }
}

/** The project file, and the files that the version's trainer reads. */
async function copyProject(workspace: Workspace, version: ModelVersion, to: string): Promise<void> {
  const { trainer } = await readPart(workspace, version, 'declaration')
  for (const name of ['millrace.config.ts', ...filesOfTrainer(trainer)]) {
    await mkdir(dirname(join(to, name)), { recursive: true })
    await cp(join(workspace.root, name), join(to, name), { recursive: true })
  }
}

/** `version`: `lateness@3`; without a number the champion. Rebuilds it and compares digests. */
export async function reproduceVersion(
  workspace: Workspace,
  input: { readonly version: string },
  listener: Listener,
): Promise<Reproduction> {
  const version = await versionOf(workspace.store, input.version)
  listener.chapter(`rebuilding ${version.model}@${version.version}`)
  return rebuildVersion(workspace, version, listener.say)
}

/** Rebuilds a version in a clean worktree of its commit (or of the project file where git has none), with empty stores. */
export async function rebuildVersion(
  workspace: Workspace,
  version: ModelVersion,
  say: (text: string) => void,
): Promise<Reproduction> {
  const { root } = workspace
  const made = version.facts.environment as Made | null
  const commit = made?.commit ?? undefined
  const worktree = commit === undefined ? undefined : await checkOut(root, commit)
  const folder = worktree ? undefined : await mkdtemp(join(tmpdir(), 'millrace-rebuild-'))
  const tree = worktree?.root ?? (folder as string)
  if (folder) await copyProject(workspace, version, folder)
  const origin: Origin = worktree
    ? {
        from: 'commit',
        commit: commit as string,
        dirty: Boolean(made?.dirty) && !made?.changes,
        changed: made?.changes ? (made.changedFiles ?? []) : [],
      }
    : {
        from: 'project file',
        reason:
          commit === undefined
            ? 'the version was made outside git and records no commit'
            : `git has its commit ${commit} no more`,
      }
  let clean: Workspace | undefined
  try {
    if (worktree && made?.changes) await layChanges(worktree, await workspace.artifacts.get(made.changes))
    clean = await openWorkspace(tree, { clock: workspace.clock, keys: workspace.keys })
    const runs = await clean.engineOf(event => {
      if (event.type === 'progress' && event.message) say(`${event.step}: ${event.message}`)
    })
    const model = clean.project.models.get(version.model)
    if (!model)
      throw fail('notReproducible', {
        version: `${version.model}@${version.version}`,
        reason: 'the project at its commit does not define the model',
      })
    return await reproduce(clean, runs, model, version, workspace.artifacts, await stepEnvironment(root), origin)
  } finally {
    await clean?.close()
    await worktree?.remove()
    if (folder) await rm(folder, { recursive: true, force: true })
  }
}
