import { formatTime, type Micros } from '../../../internal/time.ts'
import { confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import { labelVerdict } from './labels.ts'
import { unprovenMetrics } from './metric-verdict.ts'
import { nextGate, obstacleTo } from './obstacle.ts'
import type { RolloutState } from './state.ts'
import { type Transition, decide, enter, noDecisions, type Rule } from './transition.ts'
import { percent, short } from './words.ts'

/** What comes next, because the evidence for it is there. */
interface Ready {
  readonly phase: 'step' | 'bake' | 'done'
  readonly step: number
  readonly verdict: 'advanced' | 'promoted' | 'completed'
  readonly reason: string
  readonly rule: Rule
}

function afterBake({ config, since, step }: RolloutState, at: Micros): Ready | undefined {
  if (at - since < config.bake) return undefined
  return {
    phase: 'done',
    step,
    verdict: 'completed',
    reason: `${config.challenger} has served all traffic since ${formatTime(since)} without an alarm`,
    rule: { name: 'bake', statistic: 'microseconds', value: at - since, threshold: config.bake },
  }
}

function afterShadow({ config, shadow }: RolloutState): Ready | undefined {
  if (shadow.rows < config.shadowRows) return undefined
  return {
    phase: 'step',
    step: 0,
    verdict: 'advanced',
    reason: `${config.challenger} scored ${shadow.rows} rows beside ${config.stable} without an alarm`,
    rule: { name: 'shadow', statistic: 'rows', value: shadow.rows, threshold: config.shadowRows },
  }
}

function afterStep(state: RolloutState): Ready | undefined {
  const { config, requests, step, weight } = state
  if (requests.canary < config.minRequests) return undefined
  const rule: Rule = {
    name: 'guardrails',
    statistic: 'canary requests',
    value: requests.canary,
    threshold: config.minRequests,
  }
  if (step < config.weights.length - 1) {
    const reason = `${requests.canary} requests at ${percent(weight)} and no guardrail alarms`
    return { phase: 'step', step: step + 1, verdict: 'advanced', reason, rule }
  }
  const proven = labelVerdict(state) === 'for'
  if (config.labels === 'required' && !proven) return undefined
  if (unprovenMetrics(state).length > 0) return undefined
  const { upper } = confidenceSequence(state.losses, config.labelAlpha)
  const threshold = config.margin * state.stableLoss
  return {
    phase: 'bake',
    step,
    verdict: 'promoted',
    reason: proven
      ? `the loss of ${config.challenger} is at most ${short(upper)} above that of ${config.stable} on ${state.losses.n} labelled rows, ${short(threshold)} are allowed`
      : `all steps passed their guardrails; labels are ${config.labels} and ${state.losses.n} labelled rows speak not against it`,
    rule: proven ? { name: 'paired loss', statistic: 'upper bound', value: upper, threshold } : rule,
  }
}

/** What is still missing, where a step or the shadow takes long. */
function missing(state: RolloutState): string {
  const { config, phase, shadow, requests, losses } = state
  if (phase === 'shadow') return `${shadow.rows} of ${config.shadowRows} shadow rows`
  if (requests.canary < config.minRequests) return `${requests.canary} of ${config.minRequests} canary requests`
  const [open] = unprovenMetrics(state)
  if (open) return `values of ${open.name} that decide: ${open.canary.n} of the challenger so far`
  return `labels that decide: ${losses.n} rows so far`
}

/** Moves on when the evidence is there and nothing stands in the way; asks a person when time has run out without it. */
export function proceed(state: RolloutState, at: Micros): Transition {
  const { config, phase, hold } = state
  const nothing: Transition = { state, decisions: noDecisions }
  if (phase === 'done' || phase === 'rolled-back') return nothing
  if (hold === 'alarm' || hold === 'paused' || hold === 'contest') return nothing
  const ready = phase === 'bake' ? afterBake(state, at) : phase === 'shadow' ? afterShadow(state) : afterStep(state)
  if (ready) {
    const obstacle = obstacleTo(state, nextGate(state), at)
    if (!obstacle)
      return decide(state, enter(state, ready.phase, ready.step, at), at, ready.verdict, ready.reason, ready.rule)
    if (obstacle.hold === hold) return nothing
    return decide(state, { hold: obstacle.hold }, at, 'held', obstacle.reason, obstacle.rule)
  }
  if (phase === 'bake' || hold !== null || at - state.since < config.maxWait) return nothing
  const rule = { name: 'time', statistic: 'microseconds', value: at - state.since, threshold: config.maxWait }
  const reason = `time has run out with ${missing(state)}; it goes on when they arrive`
  return decide(state, { hold: 'timeout' }, at, 'held', reason, rule)
}
