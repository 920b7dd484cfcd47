import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { ArtifactRef, MetricPoint } from '../ports/metadata-store.ts'
import { attemptOwner } from '../internal/leftovers.ts'
import { ownIdentity } from '../internal/process-identity.ts'
import { makeContext } from './context.ts'
import { StepFailure } from './failure.ts'
import type { PlannedStep } from './graph.ts'
import type { Drive } from './options.ts'
import { checkShape } from './result.ts'
import type { StepResult } from './step.ts'
import { writeNamed } from '../internal/publish.ts'

export interface Attempt {
  readonly result: StepResult
  readonly metrics: readonly MetricPoint[]
}

export function attemptFolder(drive: Drive, step: string, attempt: number): string {
  return join(drive.options.work, 'runs', drive.runId, step, String(attempt))
}

/** Rejects when the signal is aborted, for functions that do not look at it themselves. */
function aborted(signal: AbortSignal): { readonly promise: Promise<never>; readonly release: () => void } {
  let listener = (): void => undefined
  const promise = new Promise<never>((_, reject) => {
    listener = () => reject(signal.reason as Error)
    signal.addEventListener('abort', listener, { once: true })
  })
  promise.catch(() => undefined)
  return { promise, release: () => signal.removeEventListener('abort', listener) }
}

/** One attempt in this process. */
export async function runInline(
  drive: Drive,
  { definition }: PlannedStep,
  inputs: Readonly<Record<string, ArtifactRef>>,
  attempt: number,
): Promise<Attempt> {
  const { clock, artifacts } = drive.options
  const { name, timeoutMs, run } = definition
  if (run === undefined) throw new StepFailure('contract', 'it has nothing to run')
  drive.signal.throwIfAborted()
  const own = new AbortController()
  const pass = (): void => own.abort(drive.signal.reason)
  drive.signal.addEventListener('abort', pass, { once: true })
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => own.abort(new StepFailure('timeout', `its time (${timeoutMs} ms) was up`)), timeoutMs)
  const stop = aborted(own.signal)
  const metrics: MetricPoint[] = []
  const folder = attemptFolder(drive, name, attempt)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeNamed(join(folder, attemptOwner), JSON.stringify(ownIdentity()), { mode: 0o600 })
  try {
    const context = makeContext({
      runId: drive.runId,
      step: name,
      attempt,
      inputs,
      parameters: definition.parameters,
      seed: definition.seed ?? 0,
      artifacts,
      clock,
      signal: own.signal,
      folder,
      run: request => drive.runBelow(request, own.signal),
      onProgress: (fraction, message) =>
        drive.emit({
          type: 'progress',
          runId: drive.runId,
          step: name,
          fraction,
          ...(message === undefined ? {} : { message }),
          at: clock.now(),
        }),
      onMetric: (key, value, step) => metrics.push({ key, value, step, timestamp: Math.floor(clock.now() / 1000) }),
    })
    const result = await Promise.race([Promise.resolve(run(context)), stop.promise])
    return { result: checkShape(result), metrics }
  } finally {
    clearTimeout(timer)
    stop.release()
    drive.signal.removeEventListener('abort', pass)
    // What it gave is in the artifact store; what is left here would only fill the disk
    await rm(folder, { recursive: true, force: true })
  }
}
