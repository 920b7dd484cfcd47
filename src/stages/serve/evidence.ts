import type { Micros } from '../../internal/time.ts'
import { headlines } from '../../math/metrics/row-loss.ts'
import type { Outcome, ResolvedConfig, RolloutEvent } from '../deploy/rollout/index.ts'
import { compared } from './answer.ts'
import type { Arm } from './arm.ts'
import { type ChallengerResult, patienceOf, type ArmScores } from './trial.ts'

/** One request with what both arms made of it; `own` is undefined where stable failed. */
export interface RequestOutcome {
  readonly at: Micros
  readonly stable: Arm
  readonly canary: Arm
  readonly own: ArmScores | undefined
  readonly challenged: ChallengerResult
  /** Rows that each arm answered, by which share. */
  readonly rows: { readonly stable: number; readonly canary: number }
  readonly weight: number
  /** Names of the segments that the rows are in; left out where none are declared. */
  readonly segments: readonly string[] | undefined
}

/** What a process of its own may be slower because it is one, in milliseconds: between two requests it grows cold. */
const childProcessCosts = 0.75

type Limits = Pick<ResolvedConfig, 'maxLatency' | 'timeout'>

/** What became of an answer that came: the same for both arms. `other` is what the other arm took, where it answered. */
function outcomeOf({ took }: ArmScores, other: number | undefined, { maxLatency, timeout }: Limits): Outcome {
  if (other !== undefined && took > patienceOf(timeout, other)) return 'timeout'
  return maxLatency !== null && took * 1000 > maxLatency ? 'slow' : 'ok'
}

/** What a rollout learns from a request. Nothing of one that the challenger was not asked. */
export function eventsOf(judged: RequestOutcome, limits: Limits): readonly RolloutEvent[] {
  const { at, stable, canary, own, challenged, rows, weight, segments } = judged
  const parted = segments ? { segments } : {}
  if ('missing' in challenged) {
    const { missing } = challenged
    if (missing === 'unasked') return []
    if (missing === 'memory') return [{ type: 'memory', at, bytes: challenged.bytes ?? 0 }]
    const outcome = { stable: own ? outcomeOf(own, undefined, limits) : 'error', canary: missing } as const
    return [{ type: 'request', at, rows, weight, ...parted, outcome }]
  }
  const finite = headlines(challenged.scores, canary.loaded.outputs).every(Number.isFinite)
  const outcome = {
    stable: own ? outcomeOf(own, challenged.took, limits) : 'error',
    canary: finite ? outcomeOf(challenged, own?.took, limits) : 'invalid',
  } as const
  const took = challenged.took - (canary.loaded.inChildProcess ? childProcessCosts : 0)
  const request: RolloutEvent = {
    type: 'request',
    at,
    rows,
    weight,
    ...parted,
    outcome,
    ...(own ? { took: { stable: own.took, canary: Math.max(0, took) } } : {}),
  }
  return own ? [{ type: 'shadow', at, ...compared(stable, own.scores, canary, challenged.scores) }, request] : [request]
}
