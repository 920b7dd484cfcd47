import type { RolloutState } from '../stages/deploy/rollout/index.ts'
import { confidenceSequence } from '../math/sequential/mean-difference.ts'
import type { Json } from '../internal/canonical-json.ts'
import type { RolloutEvidence } from './api-types.ts'
import { queryStandings } from '../stages/deploy/rollout/query-verdict.ts'
import { metricStandings } from '../stages/deploy/rollout/metric-verdict.ts'
import { limitOf, logE, shownStandings } from '../stages/deploy/rollout/guardrail-verdict.ts'

function isRollout(state: unknown): state is RolloutState {
  if (typeof state !== 'object' || state === null) return false
  const { config, guardrails, losses, metrics, queries, shadow } = state as Partial<RolloutState>
  return [config?.metrics, guardrails, losses, metrics, queries, shadow].every(part => part !== undefined)
}

/** Undefined-free view of a stored rollout; null where the state is of another shape (an older version's). */
export function rolloutEvidence(state: unknown): RolloutEvidence | null {
  const holder = state as { readonly state?: Json } | null
  const found = isRollout(state) ? state : isRollout(holder?.state) ? holder.state : undefined
  if (!found) return null
  const { config, guardrails, losses, shadow } = found
  const bounds = losses.n > 0 ? confidenceSequence(losses, config.labelAlpha) : undefined
  return {
    ramp: [...config.weights, 1],
    guardrails: config.guardrails.map(name => ({
      name,
      canary: guardrails[name].canary,
      all: guardrails[name].all,
      logE: logE(found, name),
      limit: limitOf(config, name),
    })),
    segments: shownStandings(found).shown.map(({ segment = null, ...one }) => ({ segment, ...one })),
    loss:
      bounds && Number.isFinite(bounds.lower) && Number.isFinite(bounds.upper)
        ? {
            rows: losses.n,
            mean: bounds.mean,
            lower: bounds.lower,
            upper: bounds.upper,
            allowed: config.margin * found.stableLoss,
          }
        : null,
    metrics: metricStandings(found).map(({ lower, upper, ...one }) => ({
      ...one,
      lower: Number.isFinite(lower) ? lower : null,
      upper: Number.isFinite(upper) ? upper : null,
    })),
    queries: queryStandings(found),
    shadow: {
      rows: shadow.rows,
      needed: config.shadowRows,
      meanDifference: shadow.rows > 0 ? shadow.sumDifference / shadow.rows : 0,
      flips: shadow.rows > 0 ? shadow.flips / shadow.rows : 0,
    },
  }
}
