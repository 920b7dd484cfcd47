import { fail } from '../../../errors/index.ts'
import { formatTime, type Micros } from '../../../internal/time.ts'
import { rowLoss } from '../../../math/metrics/row-loss.ts'
import { isClassification } from '../../../math/task.ts'
import { addPairs, confidenceSequence } from '../../../math/sequential/mean-difference.ts'
import type { CommandEvent, LabelsEvent, RequestEvent, RolloutEvent, RolloutState, ShadowEvent } from './state.ts'
import { type Advanced, decide, enter, logE, noDecisions, rollBack } from './transition.ts'

/** Canary errors one after another that need no statistics. */
const hardStop = 5

const percent = (x: number): string => `${Number((100 * x).toPrecision(4))} %`
const short = (x: number): string => String(Number(x.toPrecision(4)))

/** Labels as they stand: `against` the challenger for certain, `for` it within the margin, or open. */
function labelVerdict(state: RolloutState): 'against' | 'for' | 'open' {
  const { lower, upper } = confidenceSequence(state.losses, state.config.labelAlpha)
  if (lower > 0) return 'against'
  return upper < state.config.margin * state.stableLoss ? 'for' : 'open'
}

/** Moves on when the evidence is there; asks a person when time has run out without it. */
function proceed(state: RolloutState, at: Micros): Advanced {
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

function onRequest(state: RolloutState, event: RequestEvent): Advanced {
  const { arm, outcome, at } = event
  const canary = arm === 'canary'
  const { requests } = state
  let next: RolloutState = {
    ...state,
    requests: canary
      ? { stable: requests.stable, canary: requests.canary + 1 }
      : { stable: requests.stable + 1, canary: requests.canary },
  }
  if (canary) {
    const failed = outcome === 'error' || outcome === 'timeout' || outcome === 'invalid'
    const consecutiveErrors = failed ? state.consecutiveErrors + 1 : 0
    if (consecutiveErrors !== state.consecutiveErrors) next = { ...next, consecutiveErrors }
    if (consecutiveErrors >= hardStop) {
      const rule = {
        name: 'hard stop',
        statistic: 'consecutive canary errors',
        value: consecutiveErrors,
        threshold: hardStop,
      }
      return rollBack(
        next,
        at,
        `${consecutiveErrors} requests to ${state.config.challenger} failed one after another`,
        rule,
      )
    }
  }
  if (outcome !== 'ok' && state.phase === 'step' && state.config.guardrails.includes(outcome)) {
    const before = state.guardrails[outcome]
    const guardrail = { canary: before.canary + (canary ? 1 : 0), all: before.all + 1, carried: before.carried }
    next = { ...next, guardrails: { ...state.guardrails, [outcome]: guardrail } }
    const value = logE(guardrail, state.weight)
    const threshold = Math.log(state.config.guardrails.length / state.config.alpha)
    if (canary && guardrail.canary / guardrail.all > state.weight && value >= threshold) {
      const rule = { name: `guardrail ${outcome}`, statistic: 'ln E', value, threshold }
      const share = percent(guardrail.canary / guardrail.all)
      const reason = `${share} of the ${guardrail.all} answers that were '${outcome}' came from ${state.config.challenger}, which has ${percent(state.weight)} of the traffic`
      return rollBack(next, at, reason, rule)
    }
  }
  return canary && next.requests.canary >= state.config.minRequests
    ? proceed(next, at)
    : { state: next, decisions: noDecisions }
}

function judgeLabels(state: RolloutState, at: Micros): Advanced | undefined {
  if (state.config.labels === 'none' || labelVerdict(state) !== 'against') return undefined
  const { mean, lower } = confidenceSequence(state.losses, state.config.labelAlpha)
  const rule = { name: 'paired loss', statistic: 'lower bound', value: lower, threshold: 0 }
  const reason = `on ${state.losses.n} labelled rows ${state.config.challenger} loses ${short(mean)} more a row than ${state.config.stable} (at least ${short(lower)})`
  return rollBack(state, at, reason, rule)
}

function withLosses(state: RolloutState, stable: ArrayLike<number>, canary: ArrayLike<number>): RolloutState {
  if (stable.length === 0) return state
  let sum = 0
  for (let i = 0; i < stable.length; i++) sum += stable[i] as number
  const losses = addPairs(state.losses, canary, stable)
  if (!Number.isFinite(losses.mean) || !Number.isFinite(losses.m2))
    throw fail('rolloutEvent', { event: 'labels', reason: 'a loss is not finite' })
  const stableLoss = state.stableLoss + (sum - stable.length * state.stableLoss) / losses.n
  return { ...state, losses, stableLoss }
}

function onLabels(state: RolloutState, event: LabelsEvent): Advanced {
  if (event.stable.length !== event.canary.length)
    throw fail('rolloutEvent', {
      event: 'labels',
      reason: `${event.stable.length} stable losses, ${event.canary.length} canary losses`,
    })
  const next = withLosses(state, event.stable, event.canary)
  return judgeLabels(next, event.at) ?? proceed(next, event.at)
}

/** Alarm of the two models' disagreement: more than twice what was measured offline, beyond three standard errors. */
function disagreement(state: RolloutState): { statistic: string; value: number; threshold: number } | undefined {
  const { shadow, config } = state
  if (config.expected === null || shadow.rows === 0) return undefined
  const n = shadow.rows
  const mean = shadow.sumDifference / n
  const error = Math.sqrt(Math.max(0, shadow.sumSquare / n - mean * mean) / n)
  const meanLimit = 2 * config.expected.meanDifference + 3 * error
  if (mean > meanLimit) return { statistic: 'mean difference of scores', value: mean, threshold: meanLimit }
  const flips = shadow.flips / n
  const flipLimit = 2 * config.expected.flipRate + 3 * Math.sqrt((flips * (1 - flips)) / n)
  if (flips > flipLimit) return { statistic: 'flip rate', value: flips, threshold: flipLimit }
  return undefined
}

function onShadow(state: RolloutState, event: ShadowEvent): Advanced {
  const { stable, canary, labels, at } = event
  if (stable.length !== canary.length || (labels && labels.length !== stable.length))
    throw fail('rolloutEvent', { event: 'shadow', reason: 'scores and labels have unequal lengths' })
  const { threshold, stableThreshold, task, challenger } = state.config
  let { sumDifference, sumSquare, flips, nonFinite } = state.shadow
  const first: number[] = []
  const second: number[] = []
  for (let i = 0; i < stable.length; i++) {
    const s = stable[i] as number
    const c = canary[i] as number
    if (!Number.isFinite(c) || (isClassification(task) && (c < 0 || c > 1))) {
      nonFinite++
      continue
    }
    if (!Number.isFinite(s)) continue
    const difference = Math.abs(c - s)
    sumDifference += difference
    sumSquare += difference * difference
    if (event.flipped ? event.flipped[i] === 1 : c >= threshold !== s >= stableThreshold) flips++
    const label = labels ? (labels[i] as number) : Number.NaN
    if (Number.isFinite(label)) {
      first.push(rowLoss(task, label, s))
      second.push(rowLoss(task, label, c))
    }
  }
  const rows = state.shadow.rows + stable.length
  const look = rows >= state.shadow.nextLook
  let { nextLook } = state.shadow
  while (nextLook <= rows) nextLook *= 2
  const counted: RolloutState = {
    ...state,
    // in shadow a challenger has no requests of its own: whatever it scores ends a row of failures
    consecutiveErrors: state.phase === 'shadow' ? 0 : state.consecutiveErrors,
    shadow: { rows, sumDifference, sumSquare, flips, nonFinite, nextLook },
  }
  if (nonFinite > 0) {
    const rule = { name: 'finite scores', statistic: 'scores out of range', value: nonFinite, threshold: 0 }
    return rollBack(counted, at, `${challenger} gave ${nonFinite} scores that are not finite or out of range`, rule)
  }
  const next = withLosses(counted, first, second)
  const judged = first.length > 0 ? judgeLabels(next, at) : undefined
  if (judged) return judged
  const alarm = look && (state.hold === null || state.hold === 'timeout') ? disagreement(next) : undefined
  if (alarm && state.phase !== 'bake') {
    const reason = `${challenger} disagrees with ${state.config.stable} more than offline: ${alarm.statistic} ${short(alarm.value)}, at most ${short(alarm.threshold)} expected; resume, promote or abort`
    return decide(next, { hold: 'alarm' }, at, 'held', reason, { name: 'shadow disagreement', ...alarm })
  }
  return next.phase === 'shadow' || first.length > 0 ? proceed(next, at) : { state: next, decisions: noDecisions }
}

function onCommand(state: RolloutState, event: CommandEvent): Advanced {
  const { command, actor, at } = event
  const rule = { name: `command ${command}` }
  const { challenger } = state.config
  switch (command) {
    case 'abort':
      return rollBack(state, at, `${actor} aborted the rollout of ${challenger}`, rule, actor)
    case 'promote':
      if (state.phase === 'bake') return { state, decisions: noDecisions }
      return decide(
        state,
        enter(state, 'bake', state.step, at),
        at,
        'promoted',
        `${actor} promoted ${challenger} by hand`,
        rule,
        actor,
      )
    case 'pause':
      return decide(state, { hold: 'paused' }, at, 'held', `${actor} paused the rollout of ${challenger}`, rule, actor)
    case 'resume':
      if (state.hold === null) return { state, decisions: noDecisions }
      return decide(
        state,
        { hold: null, since: at },
        at,
        'resumed',
        `${actor} let the rollout of ${challenger} go on`,
        rule,
        actor,
      )
  }
}

/**
 * Takes one event and gives the next state with the decisions it led to (mostly none). Pure; constant memory. Verdicts:
 * `advanced` to the next step, `promoted` to all traffic, `completed` after the bake, `held` for a person, `resumed`,
 * `rolled-back`. Rollback works in every state, also while held. Events after the end change nothing; commands then are
 * `rolloutEvent` errors.
 */
export function advance(state: RolloutState, event: RolloutEvent): Advanced {
  if (state.phase === 'done' || state.phase === 'rolled-back') {
    if (event.type !== 'command') return { state, decisions: noDecisions }
    throw fail('rolloutEvent', { event: event.command, reason: `the rollout is ${state.phase}` })
  }
  // The clock was set back: waiting begins anew, so that it is never shorter than it should be and does end
  if (event.at < state.since) return advance({ ...state, since: event.at }, event)
  switch (event.type) {
    case 'request':
      return onRequest(state, event)
    case 'shadow':
      return onShadow(state, event)
    case 'labels':
      return onLabels(state, event)
    case 'tick':
      return proceed(state, event.at)
    case 'command':
      return onCommand(state, event)
  }
}
