import type { Decision, Verdict } from '../../../define/decision.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../../internal/digest.ts'
import type { Micros } from '../../../internal/time.ts'
import { confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import { limitOf, logE, segmentInWords, segmentStandings } from './guardrail-verdict.ts'
import { metricStandings } from './metric-verdict.ts'
import type { RolloutState } from './state.ts'

export interface Transition {
  readonly state: RolloutState
  readonly decisions: readonly Decision[]
}

export const noDecisions: readonly Decision[] = Object.freeze([])

export interface Rule {
  readonly name: string
  readonly statistic?: string
  readonly value?: Json
  readonly threshold?: Json
}

const finite = (x: number): number | null => (Number.isFinite(x) ? x : null)

function metricsOf(state: RolloutState): Record<string, Json> {
  const all = metricStandings(state).map(({ name, stable, canary, worse, lower, upper, allowed }) => [
    name,
    { stable: { ...stable }, canary: { ...canary }, worse, lower: finite(lower), upper: finite(upper), allowed },
  ])
  return all.length === 0 ? {} : { metrics: Object.fromEntries(all) as Json }
}

function segmentsOf(state: RolloutState): Record<string, Json> {
  if (!state.segments) return {}
  const known = segmentStandings(state).map(({ segment, ...one }) => ({ segment: segmentInWords(segment), ...one }))
  return { segments: known }
}

/** What the rollout knows, as a decision records it: enough to make the choice again. */
export function evidenceOf(state: RolloutState): Record<string, Json> {
  const { shadow, losses } = state
  const interval = confidenceSequence(losses, state.config.labelAlpha)
  return {
    challenger: state.config.challenger,
    stable: state.config.stable,
    phase: state.phase,
    weight: state.weight,
    requests: { ...state.requests },
    ...metricsOf(state),
    ...(Object.keys(state.queries).length === 0
      ? {}
      : { queries: Object.fromEntries(Object.entries(state.queries).map(([name, one]) => [name, { ...one }])) }),
    ...(state.approved.length === 0 ? {} : { approved: state.approved.map(one => ({ ...one })) }),
    guardrails: Object.fromEntries(
      state.config.guardrails.map(kind => [
        kind,
        { ...state.guardrails[kind], logE: logE(state, kind), limit: limitOf(state.config, kind) },
      ]),
    ),
    ...segmentsOf(state),
    shadow: {
      rows: shadow.rows,
      meanDifference: shadow.rows > 0 ? shadow.sumDifference / shadow.rows : null,
      flipRate: shadow.rows > 0 ? shadow.flips / shadow.rows : null,
      nonFinite: shadow.nonFinite,
    },
    labels: {
      rows: losses.n,
      stableLoss: finite(state.stableLoss),
      difference: finite(losses.mean),
      lower: finite(interval.lower),
      upper: finite(interval.upper),
    },
  }
}

/** Changes the state and records why. */
export function decide(
  state: RolloutState,
  change: Partial<RolloutState>,
  at: Micros,
  verdict: Verdict,
  reason: string,
  rule: Rule,
  actor = 'system',
): Transition {
  const next: RolloutState = { ...state, ...change, sequence: state.sequence + 1 }
  const body = {
    kind: 'rollout' as const,
    subject: `deployment ${state.config.deployment}`,
    at,
    verdict,
    reason,
    rule,
    inputs: evidenceOf(state),
    evidence: [`model:${state.config.challenger}`, `model:${state.config.stable}`],
    actor,
  }
  const id = `rollout-${shortDigest(digestJson({ ...body, rule: { ...rule }, seed: state.seed, sequence: state.sequence }))}`
  return { state: next, decisions: [{ id, ...body }] }
}

/** What a new phase starts from. */
export function enter(
  state: RolloutState,
  phase: RolloutState['phase'],
  step: number,
  at: Micros,
): Partial<RolloutState> {
  const weight =
    phase === 'step' ? (state.config.weights[step] as number) : phase === 'shadow' || phase === 'rolled-back' ? 0 : 1
  return {
    phase,
    step,
    weight,
    since: at,
    hold: null,
    requests: { stable: 0, canary: 0 },
  }
}

export function rollBack(state: RolloutState, at: Micros, reason: string, rule: Rule, actor = 'system'): Transition {
  return decide(state, enter(state, 'rolled-back', state.step, at), at, 'rolled-back', reason, rule, actor)
}
