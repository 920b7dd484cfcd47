import { runEnvironment, stepEnvironment } from '../config/environment.ts'
import type { Workspace } from '../config/workspace.ts'
import type { Report } from '../define/report.ts'
import type { RunResult } from '../engine/index.ts'
import type { Digest } from '../internal/digest.ts'
import type { StepRecord } from '../ports/metadata-store.ts'
import { startSnapshot } from '../stages/pipeline/run.ts'
import { endedRepairs, type EndedRepairs } from '../stages/readmit/ended.ts'
import { datasetOf } from './dataset-of.ts'
import { isLost } from '../errors/index.ts'
import { engineListener } from './train.ts'
import type { Listener } from './use-case.ts'

export interface SnapshotAnswer {
  readonly dataset: string
  readonly run: string
  readonly status: string
  /** Null where the gate refused the whole. */
  readonly snapshot: Digest | null
  readonly rows: number | null
  readonly quarantine: Digest | null
  readonly quarantined: number | null
  readonly readmitted: number
  readonly endedRepairs: readonly EndedRepairs[]
  readonly error: { readonly reason?: string; readonly exit?: number } | null
  readonly report: Report | null
}

/** Whether an output is not as it was made; each that is damaged is set aside. */
async function isAnyLost({ artifacts }: Workspace, outputs: StepRecord['outputs']): Promise<boolean> {
  let lost = false
  for (const { digest } of Object.values(outputs ?? {}))
    await artifacts.localPath(digest).catch((error: unknown) => {
      if (!isLost(error)) throw error
      lost = true
    })
  return lost
}

const numberOr = <T>(value: unknown, otherwise: T): number | T => (typeof value === 'number' ? value : otherwise)

/** Validates a dataset and keeps its good rows as a snapshot, its bad ones in quarantine: both or neither. */
export async function makeSnapshot(
  workspace: Workspace,
  input: { readonly dataset?: string | undefined },
  listener: Listener,
): Promise<SnapshotAnswer> {
  const dataset = datasetOf(workspace, input.dataset)
  const engine = await workspace.engineOf(engineListener(listener))
  const made = async (): Promise<{ readonly runId: string; readonly result: RunResult }> => {
    const run = await startSnapshot(workspace, engine, {
      dataset,
      stepEnvironment: await stepEnvironment(workspace.root),
      runEnvironment: await runEnvironment(workspace),
    })
    return { runId: run.runId, result: await run.done }
  }
  let run = await made()
  // What an earlier run made may be damaged since: looking sets it aside, and the step makes it again
  if (await isAnyLost(workspace, run.result.steps[0]?.outputs)) run = await made()
  const { runId, result } = run
  const { data, quarantine, report } = result.steps[0]?.outputs ?? {}
  const whole = report
    ? (JSON.parse(Buffer.from(await workspace.artifacts.get(report.digest)).toString()) as Report)
    : null
  return {
    dataset: dataset.name,
    run: runId,
    status: result.status,
    snapshot: data?.digest ?? null,
    rows: numberOr(data?.meta?.rows, null),
    quarantine: quarantine?.digest ?? null,
    quarantined: numberOr(whole?.evidence.quarantined, null),
    readmitted: numberOr(data?.meta?.readmitted, 0),
    endedRepairs: await endedRepairs(workspace, dataset),
    error: (result.error as SnapshotAnswer['error'] | undefined) ?? null,
    report: whole,
  }
}
