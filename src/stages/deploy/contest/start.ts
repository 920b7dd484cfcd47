import type { Micros } from '../../../internal/time.ts'
import { startRollout, type RolloutConfig, type RolloutState } from '../rollout/index.ts'
import type { ContestState } from './state.ts'

export interface ContestOptions {
  /** When it ends where none was shown to be better. */
  readonly until: Micros
  readonly now: Micros
  /** A number a challenger, for the identity of what is decided of it. */
  readonly seeds: readonly number[]
}

/**
 * One challenger of several. All of them together are wrong as often as one alone may be, so each has its part of the error rates.
 * What is compared is what does not depend on how many run beside it: how long each takes is compared when the one that was
 * chosen runs alone beside stable, and so is how far it disagrees.
 */
function armOf(config: RolloutConfig, challengers: number, now: Micros, seed: number): RolloutState {
  const { alpha = 0.01, labelAlpha = 0.05 } = config
  const state = startRollout(
    {
      ...config,
      alpha: alpha / challengers,
      labelAlpha: labelAlpha / challengers,
      guardrails: ['error', 'timeout'],
      expected: {},
      metrics: {},
      queries: {},
      approve: [],
      after: [],
    },
    now,
    seed,
  )
  return { ...state, phase: 'shadow', weight: 0, hold: 'contest' }
}

/** A contest at its beginning: `configs` has what a rollout of each challenger would be declared by. */
export function startContest(configs: readonly RolloutConfig[], { until, now, seeds }: ContestOptions): ContestState {
  const arms = configs.map((config, i) => armOf(config, configs.length, now, seeds[i] ?? 0))
  const { deployment = '', stable = '' } = arms[0]?.config ?? {}
  return {
    version: 1,
    deployment,
    stable,
    id: `${deployment}:contest:${now}`,
    since: now,
    until,
    phase: 'running',
    chosen: null,
    arms,
    sequence: 0,
  }
}
