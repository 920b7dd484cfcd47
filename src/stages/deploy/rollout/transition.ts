import type { Decision, Verdict } from '../../../define/decision.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../../internal/digest.ts'
import type { Micros } from '../../../internal/time.ts'
import { logEventSplit } from '../../../math/sequential/event-split.ts'
import { confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import type { BadOutcome, GuardrailState, RolloutState } from './state.ts'

export interface Advanced {
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
    guardrails: Object.fromEntries(
      state.config.guardrails.map(kind => [
        kind,
        {
          canary: state.guardrails[kind].canary,
          all: state.guardrails[kind].all,
          logE: logE(state.guardrails[kind], state.weight),
        },
      ]),
    ),
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

/** Logarithm of the e-value of one guardrail, earlier steps included. */
export function logE(guardrail: GuardrailState, weight: number): number {
  return guardrail.carried + logEventSplit(guardrail.canary, guardrail.all, weight)
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
): Advanced {
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

/** Carries each guardrail's e-value into a step with another weight: the factors of the steps multiply. */
function carry(state: RolloutState): Readonly<Record<BadOutcome, GuardrailState>> {
  const next = (kind: BadOutcome): GuardrailState => ({
    canary: 0,
    all: 0,
    carried: logE(state.guardrails[kind], state.weight),
  })
  return { error: next('error'), timeout: next('timeout'), invalid: next('invalid'), slow: next('slow') }
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
    guardrails: carry(state),
  }
}

export function rollBack(state: RolloutState, at: Micros, reason: string, rule: Rule, actor = 'system'): Advanced {
  return decide(state, enter(state, 'rolled-back', state.step, at), at, 'rolled-back', reason, rule, actor)
}
