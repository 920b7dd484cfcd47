import { confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import { labelVerdict } from '../rollout/labels.ts'
import type { RolloutState } from '../rollout/index.ts'

/** How a challenger stands against stable: `better` or `out` for certain, `not worse` within the margin, or open. */
export type Standing = 'better' | 'not worse' | 'open' | 'out'

/** How one challenger stands by its labels and guardrails. */
export function standingOf(arm: RolloutState): Standing {
  if (arm.phase === 'rolled-back') return 'out'
  if (confidenceSequence(arm.losses, arm.config.labelAlpha).upper < 0) return 'better'
  return labelVerdict(arm) === 'for' ? 'not worse' : 'open'
}

/** Of those that stand so, the one that loses least. */
export function bestOf(arms: readonly RolloutState[], standing: Standing): RolloutState | undefined {
  return arms.filter(one => standingOf(one) === standing).toSorted((a, b) => a.losses.mean - b.losses.mean)[0]
}
