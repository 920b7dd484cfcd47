import type { Workspace } from '../config/workspace.ts'
import { resumeGraph } from '../stages/pipeline/run.ts'
import { engineListener } from './train.ts'
import type { Listener } from './use-case.ts'

export interface RecoverAnswer {
  readonly run: string
  readonly status: string
  readonly error: unknown
}

/** Takes up all runs whose process died. Steps that are finished are not repeated. */
export async function recoverRuns(
  workspace: Workspace,
  _input: Readonly<Record<string, never>>,
  listener: Listener,
): Promise<readonly RecoverAnswer[]> {
  const engine = await workspace.engineOf(engineListener(listener), run => resumeGraph(workspace, run))
  const ended = await Promise.all((await engine.recover()).map(handle => handle.done))
  return ended.map(({ runId, status, error }) => ({ run: runId, status, error: error ?? null }))
}
