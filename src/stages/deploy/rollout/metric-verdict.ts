import { noServed, servedDifference } from '../../../math/sequential/served-difference.ts'
import type { RolloutState } from './state.ts'

/** What is known of one metric: by how much the challenger is worse, a unit, in the metric's own measure. */
export interface MetricStanding {
  readonly name: string
  readonly stable: { readonly n: number; readonly mean: number }
  readonly canary: { readonly n: number; readonly mean: number }
  readonly worse: number
  readonly lower: number
  readonly upper: number
  /** How much worse it may be. */
  readonly allowed: number
  /** `against` the challenger for certain, `for` it within the margin, or open. */
  readonly verdict: 'against' | 'for' | 'open'
}

/** All metrics as they stand; they share the error rate. */
export function metricStandings({
  config,
  metrics,
}: Pick<RolloutState, 'config' | 'metrics'>): readonly MetricStanding[] {
  const declared = Object.entries(config.metrics)
  return declared.map(([name, { better, margin }]) => {
    const moments = metrics[name] ?? noServed
    const found = servedDifference(moments, config.metricAlpha / declared.length)
    const [worse, lower, upper] =
      better === 'higher'
        ? [-found.difference, -found.upper, -found.lower]
        : [found.difference, found.lower, found.upper]
    const allowed = margin * Math.abs(moments.stable.mean)
    const verdict = lower > 0 ? 'against' : upper < allowed ? 'for' : 'open'
    return { name, stable: moments.stable, canary: moments.canary, worse, lower, upper, allowed, verdict }
  })
}

/** Those that must be shown to be within their margins, and are not. */
export const unprovenMetrics = (state: Pick<RolloutState, 'config' | 'metrics'>): readonly MetricStanding[] =>
  metricStandings(state).filter(({ name, verdict }) => state.config.metrics[name]?.required && verdict !== 'for')
