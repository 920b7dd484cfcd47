import type { Decision } from '../../../define/decision.ts'
import { fail } from '../../../errors/index.ts'
import { digestJson, shortDigest } from '../../../internal/digest.ts'
import { formatTime, type Micros } from '../../../internal/time.ts'
import { confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import { advance, type RolloutState } from '../rollout/index.ts'
import { evidenceOf, type Rule } from '../rollout/transition.ts'
import { short } from '../rollout/words.ts'
import { bestOf, standingOf } from './standing.ts'
import type { ArmEvent, ChooseEvent, ContestEvent, ContestState } from './state.ts'

export interface ContestTransition {
  readonly state: ContestState
  readonly decisions: readonly Decision[]
}

const noDecisions: readonly Decision[] = Object.freeze([])

/** Ends a contest and records why. */
function end(
  state: ContestState,
  at: Micros,
  chosen: string | null,
  reason: string,
  rule: Rule,
  actor = 'system',
): ContestTransition {
  const next: ContestState = {
    ...state,
    phase: chosen === null ? 'ended' : 'chosen',
    chosen,
    sequence: state.sequence + 1,
  }
  const body = {
    kind: 'contest' as const,
    subject: `deployment ${state.deployment}`,
    at,
    verdict: chosen === null ? ('ended' as const) : ('chosen' as const),
    reason,
    rule,
    inputs: { stable: state.stable, chosen, challengers: state.arms.map(evidenceOf) },
    evidence: [...state.arms.map(one => `model:${one.config.challenger}`), `model:${state.stable}`],
    actor,
  }
  const id = `contest-${shortDigest(digestJson({ ...body, rule: { ...rule }, contest: state.id, sequence: state.sequence }))}`
  return { state: next, decisions: [{ id, ...body }] }
}

const namesOf = (arms: readonly RolloutState[]): string => arms.map(one => one.config.challenger).join(', ')

/** One of several has learned something; who was taken back leaves, and the last one ends the contest. */
function onArm(state: ContestState, { arm, event }: ArmEvent): ContestTransition {
  const before = state.arms.find(one => one.salt === arm)
  if (!before || before.phase === 'rolled-back') return { state, decisions: noDecisions }
  const { state: after, decisions } = advance(before, event)
  if (after === before) return { state, decisions: noDecisions }
  const next: ContestState = { ...state, arms: state.arms.map(one => (one === before ? after : one)) }
  const left = decisions.map((one): Decision => ({ ...one, kind: 'contest' }))
  if (next.arms.some(one => one.phase !== 'rolled-back')) return { state: next, decisions: left }
  const reason = `none of ${namesOf(next.arms)} is left: each was taken out`
  const rule = { name: 'challengers', statistic: 'left', value: 0, threshold: 1 }
  const ended = end(next, event.at, null, reason, rule)
  return { state: ended.state, decisions: [...left, ...ended.decisions] }
}

/** Judged between events: labels of one moment are heard of all challengers before one is chosen by them. */
function onTick(state: ContestState, at: Micros): ContestTransition {
  const best = bestOf(state.arms, 'better')
  if (best) {
    const { losses, config } = best
    const { upper } = confidenceSequence(losses, config.labelAlpha)
    const reason = `on ${losses.n} labelled rows ${config.challenger} loses ${short(-losses.mean)} less a row than ${state.stable} (at least ${short(-upper)}), as the first of ${state.arms.length}; its rollout begins`
    const rule = { name: 'paired loss', statistic: 'upper bound', value: upper, threshold: 0 }
    return end(state, at, config.challenger, reason, rule)
  }
  if (at < state.until) return { state, decisions: noDecisions }
  const near = bestOf(state.arms, 'not worse')
  const told = near
    ? `; ${near.config.challenger} is not worse than the margin allows, and may be deployed by hand`
    : ''
  const open = state.arms.filter(one => standingOf(one) !== 'out')
  const reason = `none of ${namesOf(open)} was shown to be better than ${state.stable} by ${formatTime(state.until)}${told}`
  const rule = { name: 'time', statistic: 'microseconds', value: at, threshold: state.until }
  return end(state, at, null, reason, rule)
}

function onChoose(state: ContestState, { at, actor, challenger, reason: said }: ChooseEvent): ContestTransition {
  const one = state.arms.find(arm => arm.config.challenger === challenger)
  if (!one || one.phase === 'rolled-back')
    throw fail('contestChallenger', {
      deployment: state.deployment,
      challenger,
      known: namesOf(state.arms.filter(arm => arm.phase !== 'rolled-back')),
    })
  const reason = `${actor} chose ${challenger} by hand${said === undefined ? '' : `: ${said}`}; its rollout begins`
  const rule = { name: 'command choose' }
  return end(state, at, challenger, reason, rule, actor)
}

/**
 * Takes one event and gives the next state with the decisions it led to. Pure. Verdicts: `rolled-back` of a challenger that
 * leaves, `chosen`, `ended` without a choice. Events after the end change nothing.
 */
export function advanceContest(state: ContestState, event: ContestEvent): ContestTransition {
  if (state.phase !== 'running') return { state, decisions: noDecisions }
  switch (event.type) {
    case 'arm':
      return onArm(state, event)
    case 'tick':
      return onTick(state, event.at)
    case 'choose':
      return onChoose(state, event)
    case 'end': {
      const { at, actor, reason } = event
      const why = reason === undefined ? '' : `: ${reason}`
      const rule = { name: 'command abort' }
      return end(state, at, null, `${actor} ended the contest${why}`, rule, actor)
    }
  }
}
