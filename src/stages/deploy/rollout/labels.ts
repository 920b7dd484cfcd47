import { fail } from '../../../errors/index.ts'
import type { Micros } from '../../../internal/time.ts'
import { addPairs, confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import type { RolloutState } from './state.ts'
import { type Transition, rollBack } from './transition.ts'
import { short } from './words.ts'

/** Labels as they stand: `against` the challenger for certain, `for` it within the margin, or open. */
export function labelVerdict(state: RolloutState): 'against' | 'for' | 'open' {
  const { lower, upper } = confidenceSequence(state.losses, state.config.labelAlpha)
  if (lower > 0) return 'against'
  return upper < state.config.margin * state.stableLoss ? 'for' : 'open'
}

/** Rolls back where the labels are against the challenger for certain. */
export function judgeLabels(state: RolloutState, at: Micros): Transition | undefined {
  if (state.config.labels === 'none' || labelVerdict(state) !== 'against') return undefined
  const { mean, lower } = confidenceSequence(state.losses, state.config.labelAlpha)
  const rule = { name: 'paired loss', statistic: 'lower bound', value: lower, threshold: 0 }
  const reason = `on ${state.losses.n} labelled rows ${state.config.challenger} loses ${short(mean)} more a row than ${state.config.stable} (at least ${short(lower)})`
  return rollBack(state, at, reason, rule)
}

/** Adds losses of the same rows. */
export function withLosses(state: RolloutState, stable: ArrayLike<number>, canary: ArrayLike<number>): RolloutState {
  if (stable.length === 0) return state
  let sum = 0
  for (let i = 0; i < stable.length; i++) sum += stable[i] as number
  const losses = addPairs(state.losses, canary, stable)
  if (!Number.isFinite(losses.mean) || !Number.isFinite(losses.m2))
    throw fail('rolloutEvent', { event: 'labels', reason: 'a loss is not finite' })
  const stableLoss = state.stableLoss + (sum - stable.length * state.stableLoss) / losses.n
  return { ...state, losses, stableLoss }
}
