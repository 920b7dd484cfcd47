import { catalogue } from '../errors/catalogue.ts'
import { isLost } from '../errors/lost.ts'
import { isMillraceError } from '../errors/millrace-error.ts'
import { systemError } from '../errors/system.ts'
import type { Json } from '../internal/canonical-json.ts'
import { messageOf } from '../internal/message-of.ts'
import type { StepOutcome } from '../ports/executor.ts'
import type { RetryPolicy } from './step.ts'

export type FailureClass = 'infrastructure' | 'temporary' | 'error' | 'gate' | 'contract' | 'timeout' | 'cancelled'

/** What went wrong with one attempt. */
export class StepFailure extends Error {
  readonly failure: FailureClass
  readonly facts: Readonly<Record<string, Json>>

  constructor(failure: FailureClass, reason: string, facts: Readonly<Record<string, Json>> = {}, cause?: unknown) {
    super(reason.slice(0, 1024), cause === undefined ? undefined : { cause })
    this.name = 'StepFailure'
    this.failure = failure
    this.facts = facts
  }

  /** What the step's record keeps. */
  toRecord(): Record<string, Json> {
    return { class: this.failure, reason: this.message, ...this.facts }
  }
}

/** Exit codes of `src/ports/executor.ts`; the failure file says it in words. */
export function failureOfOutcome(outcome: StepOutcome, written: string | undefined): StepFailure {
  const { exitCode, signal } = outcome
  const last = outcome.stderrTail.trim().split('\n').at(-1)?.trim() ?? ''
  const reason = written ?? (last === '' ? `exit code ${exitCode}${signal ? ` (${signal})` : ''}` : last)
  const facts = { exitCode, ...(signal === undefined ? {} : { signal }), stderrTail: outcome.stderrTail.slice(-2048) }
  if (outcome.timedOut === true) return new StepFailure('timeout', 'its time was up', facts)
  if (exitCode === 10) return new StepFailure('gate', reason, facts)
  if (exitCode === 64) return new StepFailure('contract', reason, facts)
  if (exitCode === 75) return new StepFailure('temporary', reason, facts)
  if (exitCode === 137 || exitCode === 143)
    return new StepFailure('infrastructure', written ?? `it was killed from outside (exit code ${exitCode})`, facts)
  return new StepFailure('error', reason, facts)
}

// What the data engine may use is the same in a moment
const lastingCodes: ReadonlySet<unknown> = new Set(
  (['storeReadOnly', 'placeUnusable', 'engineMemory'] as const).map(name => catalogue[name].code),
)

/** Whether trying again in a moment can only find the same. */
export function isLasting(facts: Readonly<Record<string, Json>>): boolean {
  return lostArtifact(facts) !== undefined || lastingCodes.has(facts['code'])
}

/** The artifact that a step found damaged or gone: trying again finds it no better, making it again does. */
export function lostArtifact(facts: Readonly<Record<string, Json>> | undefined): string | undefined {
  return typeof facts?.['lost'] === 'string' ? facts['lost'] : undefined
}

/** Anything that an inline step threw. */
export function failureOfError(error: unknown): StepFailure {
  if (error instanceof StepFailure) return error
  // What asks to be tried again later does so by whichever error it says it
  const later = (error as { readonly retryable?: unknown } | null | undefined)?.retryable === true
  if (isMillraceError(error)) {
    const { digest } = error.details
    const facts = {
      code: error.code,
      hint: error.hint,
      exit: error.exit,
      ...(isLost(error) && typeof digest === 'string' ? { lost: digest } : {}),
    }
    const mayPass = error.blame === 'environment' && error.exit === 3 && !error.lasting
    return new StepFailure(later ? 'temporary' : mayPass ? 'infrastructure' : 'error', error.message, facts, error)
  }
  const system = systemError(error)
  if (system) return failureOfError(system)
  const reason = messageOf(error)
  return new StepFailure(later ? 'temporary' : 'error', reason, {}, error)
}

const defaults = { infrastructure: 3, temporary: 3, error: 0 } as const

/** Milliseconds to wait before the next attempt, or undefined when there is none. Each class has its own budget. */
export function retryAfter(
  policy: RetryPolicy | undefined,
  failure: FailureClass,
  failuresOfClass: number,
): number | undefined {
  if (failure !== 'infrastructure' && failure !== 'temporary' && failure !== 'error') return undefined
  if (failuresOfClass > (policy?.[failure] ?? defaults[failure])) return undefined
  return Math.min(60_000, (policy?.backoffMs ?? 1000) * 2 ** (failuresOfClass - 1))
}
