import { formatTime, type Micros } from '../../../internal/time.ts'
import { confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import { labelVerdict } from './labels.ts'
import type { RolloutState } from './state.ts'
import { type Advanced, decide, enter, noDecisions } from './transition.ts'
import { percent, short } from './words.ts'

/** Moves on when the evidence is there; asks a person when time has run out without it. */
export function proceed(state: RolloutState, at: Micros): Advanced {
  const { config, phase, hold } = state
  if (phase === 'done' || phase === 'rolled-back' || hold === 'alarm' || hold === 'paused')
    return { state, decisions: noDecisions }
  if (phase === 'bake') {
    if (at - state.since < config.bake) return { state, decisions: noDecisions }
    const rule = { name: 'bake', statistic: 'microseconds', value: at - state.since, threshold: config.bake }
    const reason = `${config.challenger} has served all traffic since ${formatTime(state.since)} without an alarm`
    return decide(state, enter(state, 'done', state.step, at), at, 'completed', reason, rule)
  }
  if (phase === 'shadow') {
    if (state.shadow.rows >= config.shadowRows) {
      const rule = { name: 'shadow', statistic: 'rows', value: state.shadow.rows, threshold: config.shadowRows }
      const reason = `${config.challenger} scored ${state.shadow.rows} rows beside ${config.stable} without an alarm`
      return decide(state, enter(state, 'step', 0, at), at, 'advanced', reason, rule)
    }
  } else if (state.requests.canary >= config.minRequests) {
    const last = state.step === config.weights.length - 1
    if (!last) {
      const rule = {
        name: 'guardrails',
        statistic: 'canary requests',
        value: state.requests.canary,
        threshold: config.minRequests,
      }
      const reason = `${state.requests.canary} requests at ${percent(state.weight)} and no guardrail alarms`
      return decide(state, enter(state, 'step', state.step + 1, at), at, 'advanced', reason, rule)
    }
    const labels = labelVerdict(state)
    if (config.labels !== 'required' || labels === 'for') {
      const { upper } = confidenceSequence(state.losses, config.labelAlpha)
      const allowed = config.margin * state.stableLoss
      const proven = labels === 'for'
      const reason = proven
        ? `the loss of ${config.challenger} is at most ${short(upper)} above that of ${config.stable} on ${state.losses.n} labelled rows, ${short(allowed)} are allowed`
        : `all steps passed their guardrails; labels are ${config.labels} and ${state.losses.n} labelled rows speak not against it`
      const rule = proven
        ? { name: 'paired loss', statistic: 'upper bound', value: upper, threshold: allowed }
        : {
            name: 'guardrails',
            statistic: 'canary requests',
            value: state.requests.canary,
            threshold: config.minRequests,
          }
      return decide(state, enter(state, 'bake', state.step, at), at, 'promoted', reason, rule)
    }
  }
  if (hold === null && at - state.since >= config.maxWait) {
    const missing =
      phase === 'shadow'
        ? `${state.shadow.rows} of ${config.shadowRows} shadow rows`
        : state.requests.canary < config.minRequests
          ? `${state.requests.canary} of ${config.minRequests} canary requests`
          : `labels that decide: ${state.losses.n} rows so far`
    const rule = { name: 'time', statistic: 'microseconds', value: at - state.since, threshold: config.maxWait }
    return decide(
      state,
      { hold: 'timeout' },
      at,
      'held',
      `time has run out with ${missing}; it goes on when they arrive`,
      rule,
    )
  }
  return { state, decisions: noDecisions }
}
