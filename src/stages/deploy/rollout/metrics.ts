import { fail } from '../../../errors/index.ts'
import { addServed, noServed } from '../../../math/sequential/served-difference.ts'
import { metricStandings } from './metric-verdict.ts'
import { proceed } from './proceed.ts'
import type { MetricsEvent, RolloutState } from './state.ts'
import { type Transition, noDecisions, rollBack } from './transition.ts'
import { short } from './words.ts'

/** Counts units that have not counted yet. */
function counted(state: RolloutState, event: MetricsEvent): RolloutState {
  const { first, canary, chance } = event
  const metrics = { ...state.metrics }
  for (const [name, values] of Object.entries(event.values)) {
    if (values.length !== canary.length || chance.length !== canary.length)
      throw fail('rolloutEvent', { event: 'metrics', reason: 'its lists have unequal lengths' })
    let moments = metrics[name] ?? noServed
    for (let i = Math.max(0, state.units - first); i < values.length; i++) {
      const value = values[i]
      if (value === null || value === undefined) continue
      if (!Number.isFinite(value)) throw fail('rolloutEvent', { event: 'metrics', reason: 'a value is not finite' })
      moments = addServed(moments, value, canary[i] === 1, chance[i] as number)
    }
    metrics[name] = moments
  }
  return { ...state, metrics, units: Math.max(state.units, first + canary.length) }
}

/** Takes what units were worth; takes back where a metric is worse for certain. */
export function onMetrics(state: RolloutState, event: MetricsEvent): Transition {
  const next = counted(state, event)
  if (next.units === state.units) return { state, decisions: noDecisions }
  const worst = metricStandings(next).find(one => one.verdict === 'against')
  if (!worst) return proceed(next, event.at)
  const { name, stable, canary, lower, worse } = worst
  const rule = { name: 'metric', statistic: `lower bound of how much worse ${name} is`, value: lower, threshold: 0 }
  const { challenger, stable: other } = state.config
  const reason = `${name} is ${short(worse)} worse a prediction with ${challenger} than with ${other}, at least ${short(lower)}: ${short(canary.mean)} on ${canary.n}, ${short(stable.mean)} on ${stable.n}`
  return rollBack(next, event.at, reason, rule)
}
