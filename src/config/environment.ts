import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { digestBytes } from '../internal/digest.ts'
import type { Json } from '../internal/canonical-json.ts'
import type { Project } from '../define/project.ts'
import { filesOfTrainer } from '../define/script-trainer.ts'
import type { ArtifactStore } from '../ports/artifact-store.ts'
import { codeState, keepChanges } from './code-state.ts'

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

/** What a run is recorded with: the code it ran with, to the byte; what no commit holds of it is kept beside it. */
export async function runEnvironment({
  root,
  artifacts,
  project,
}: {
  readonly root: string
  readonly artifacts: ArtifactStore
  readonly project: Pick<Project, 'models'>
}): Promise<Readonly<Record<string, Json>>> {
  const read = [...project.models.values()].flatMap(({ trainer }) => filesOfTrainer(trainer))
  const state = await codeState(root, read)
  return {
    commit: state.commit,
    dirty: state.dirty,
    diff: state.diff,
    ...(await keepChanges(artifacts, state)),
    lockfile: await lockfile(root),
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
  }
}
