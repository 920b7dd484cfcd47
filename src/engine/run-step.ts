import { fail } from '../errors/catalogue.ts'
import { isMillraceError } from '../errors/millrace-error.ts'
import type { Digest } from '../internal/digest.ts'
import type {
  ArtifactRef,
  CacheEntry,
  LineageEdge,
  MetricPoint,
  RunChange,
  StepRecord,
} from '../ports/metadata-store.ts'
import type { KeyParts } from './cache-key.ts'
import { reasonToRun } from './explain.ts'
import { failureOfError, isLasting, retryAfter, StepFailure, type FailureClass } from './failure.ts'
import type { PlannedStep } from './graph.ts'
import type { Drive } from './options.ts'
import { checkOutputs } from './result.ts'
import { runInline, type Attempt } from './run-inline.ts'
import { runProcess, takeUp } from './run-process.ts'
import { claimKey, type HeldLock } from './single-flight.ts'
import { refusalOf } from './step.ts'

/** A step whose inputs are there. */
export interface ReadyStep {
  readonly planned: PlannedStep
  readonly inputs: Readonly<Record<string, ArtifactRef>>
  readonly parts: KeyParts
  readonly key: Digest
  /** Its record from before this process drove the run. */
  readonly before?: StepRecord
}

/** Node of the lineage graph for one step of one run. */
export function stepNode(runId: string, step: string): string {
  return `step:${runId}/${step}`
}

function edgesOf(runId: string, ready: ReadyStep, outputs: Readonly<Record<string, ArtifactRef>>): LineageEdge[] {
  const node = stepNode(runId, ready.planned.definition.name)
  return [
    ...Object.entries(ready.inputs).map(([role, ref]) => ({ from: ref.digest, to: node, relation: `input:${role}` })),
    ...Object.entries(outputs).map(([name, ref]) => ({ from: node, to: ref.digest, relation: `output:${name}` })),
  ]
}

async function attemptOnce(drive: Drive, ready: ReadyStep, attempt: number, running: StepRecord): Promise<Attempt> {
  const { definition } = ready.planned
  const known = (process: NonNullable<StepRecord['process']>): void => drive.journal.note({ ...running, process })
  if (definition.runsIn === 'inline') {
    drive.journal.note(running)
    return runInline(drive, ready.planned, ready.inputs, attempt)
  }
  // Written before it starts: whoever takes the run over must know that there may be a process.
  await drive.journal.write(running)
  return runProcess(drive, ready.planned, ready.inputs, attempt, ready.key, known)
}

/** Attempts until one succeeds or the budget of its class of failure is used up. Throws `StepFailure`. */
async function attempts(
  drive: Drive,
  ready: ReadyStep,
  base: StepRecord,
): Promise<Attempt & { readonly attempt: number }> {
  const { definition } = ready.planned
  const failures = new Map<FailureClass, number>()
  let attempt = ready.before?.attempt ?? 0
  if (definition.runsIn === 'process' && ready.before?.status === 'running') {
    const taken = await takeUp(drive, definition.name, attempt, ready.key, process =>
      drive.journal.note({ ...base, status: 'running', attempt, process }),
    )
    if (taken !== undefined) return { ...taken, attempt }
  }
  for (;;) {
    attempt++
    const running: StepRecord = { ...base, status: 'running', attempt }
    drive.emit({
      type: 'step',
      runId: drive.runId,
      step: definition.name,
      status: 'running',
      attempt,
      at: drive.options.clock.now(),
      ...(base.reason === undefined ? {} : { reason: base.reason }),
    })
    try {
      const done = await attemptOnce(drive, ready, attempt, running)
      // A gate that says no owes nothing to the steps that it stops
      const owed = refusalOf(done.result) === undefined ? ready.planned.promised : new Set<string>()
      await checkOutputs(done.result, owed, drive.options.artifacts)
      return { ...done, attempt }
    } catch (error) {
      if (isMillraceError(error) && error.code === fail('leaseLost').code) throw error
      const failure = drive.signal.aborted ? cancelled() : failureOfError(error)
      const count = (failures.get(failure.failure) ?? 0) + 1
      failures.set(failure.failure, count)
      const wait = isLasting(failure.facts) ? undefined : retryAfter(definition.retry, failure.failure, count)
      if (wait === undefined) throw Object.assign(failure, { attempt })
      drive.journal.note({ ...running, error: failure.toRecord() })
      await drive.options.clock.sleep(wait, drive.signal)
    }
  }
}

function cancelled(): StepFailure {
  return new StepFailure('cancelled', 'the run was cancelled')
}

async function keepMetrics(drive: Drive, metrics: readonly MetricPoint[]): Promise<void> {
  if (metrics.length > 0) await drive.options.store.logBatch(drive.runId, { metrics })
}

/** Executes one step, or takes the result that another run finishes while we wait for it. Gives its final record. */
export async function runStep(drive: Drive, ready: ReadyStep): Promise<StepRecord> {
  const { clock, store } = drive.options
  const { definition } = ready.planned
  const base: StepRecord = {
    runId: drive.runId,
    step: definition.name,
    status: 'pending',
    attempt: ready.before?.attempt ?? 0,
    cacheKey: ready.key,
    keyParts: ready.parts,
    startedAt: clock.now(),
    reason:
      definition.cache === 'never'
        ? 'it is declared to run every time'
        : await reasonToRun(store, drive.runId, definition.name, ready.parts),
  }
  let lock: HeldLock | undefined
  const finish = async (record: StepRecord, change: Partial<RunChange>): Promise<StepRecord> => {
    await drive.journal.write(record, { ...change, remove: lock === undefined ? [] : [lock] })
    return record
  }
  try {
    if (definition.cache !== 'never') {
      const claim = await claimKey(drive, ready.key, definition.name)
      if ('found' in claim) return reuse(drive, ready, claim.found)
      lock = claim.lock
    }
    const { result, metrics, attempt } = await attempts(drive, ready, base)
    await keepMetrics(drive, metrics)
    const { outputs, decisions = [] } = result
    const reports = (result.reports ?? []).map(report => ({ ...report, runId: drive.runId }))
    const edges = edgesOf(drive.runId, ready, outputs)
    const refusal = refusalOf(result)
    const ended = { ...base, attempt, endedAt: clock.now(), outputs }
    if (refusal !== undefined)
      return await finish(
        { ...ended, status: 'failed', error: new StepFailure('gate', refusal).toRecord() },
        { edges, reports, decisions },
      )
    const entry = {
      key: ready.key,
      step: definition.name,
      runId: drive.runId,
      outputs,
      keyParts: ready.parts,
      at: ended.endedAt,
    }
    const cache = definition.cache === 'never' ? [] : [entry]
    return await finish({ ...ended, status: 'succeeded' }, { cache, edges, reports, decisions })
  } catch (error) {
    const failure = drive.signal.aborted ? cancelled() : error
    if (!(failure instanceof StepFailure)) throw error
    const attempt = (error as { attempt?: number }).attempt ?? base.attempt
    const status = failure.failure === 'cancelled' ? 'cancelled' : 'failed'
    return finish({ ...base, status, attempt, endedAt: clock.now(), error: failure.toRecord() }, {})
  }
}

/** The record of a step whose outputs were made before; its lineage leads to where. */
export function reuse(drive: Drive, ready: ReadyStep, entry: CacheEntry): StepRecord {
  const { runId: from, outputs } = entry
  const { name } = ready.planned.definition
  const now = drive.options.clock.now()
  const first = { from: stepNode(from, entry.step), to: stepNode(drive.runId, name), relation: 'reused' }
  const record: StepRecord = {
    runId: drive.runId,
    step: name,
    status: 'reused',
    attempt: ready.before?.attempt ?? 0,
    cacheKey: ready.key,
    keyParts: ready.parts,
    reason: `nothing changed since run ${from}`,
    reusedFrom: from,
    startedAt: now,
    endedAt: now,
    outputs,
  }
  // Its own inputs and outputs as well: the same bytes may have come from others in the other run
  drive.journal.note(record, { edges: [...edgesOf(drive.runId, ready, outputs), first] })
  return record
}
