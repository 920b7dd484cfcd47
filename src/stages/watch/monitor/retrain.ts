import type { Decision } from '../../../define/decision.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../../internal/digest.ts'
import { type Duration, formatTime, type Micros, micros } from '../../../internal/time.ts'

export type RetrainTrigger = 'drift' | 'performance' | 'data' | 'schedule'

export interface RetrainPolicy {
  readonly model: string
  /** What may start one; a schedule, which people wrote down, always may. */
  readonly on: readonly RetrainTrigger[]
  /** Least time between two retrains; `24h`. */
  readonly cooldown?: Duration
  /** Most retrains within seven days; 3. */
  readonly maxPerWeek?: number
  /** Bad windows in a row that drift needs; 3. */
  readonly driftWindows?: number
  /** Newly labelled rows that drift needs: without them training would give the same model again; 1,000. */
  readonly minNewLabels?: number
}

/** What is remembered of a model's retrains. JSON. */
export interface RetrainState {
  /** Times of those that nobody scheduled, of the last week. */
  readonly fired: readonly Micros[]
  readonly scheduled?: Micros
  /** The decision whose retrain has not ended. */
  readonly active: string | null
  /** What it waits for, where its training is done. */
  readonly waits?: string
}

export const noRetrains: RetrainState = { fired: [], active: null }

export interface RetrainEvidence {
  readonly trigger: RetrainTrigger
  /** One sentence: what was seen. */
  readonly reason: string
  /** Bad windows in a row, for `drift`. */
  readonly windows: number
  /** Rows labelled since the model's training data ended. */
  readonly newLabels: number
  /** Ids of reports and alerts. */
  readonly evidence: readonly string[]
  /** Why the data that it would train on is refused. */
  readonly refused?: string
  /** The version that challenges the stable one already. */
  readonly tried?: string
}

/** The first rule that forbids it, or undefined. */
function refusal(
  policy: RetrainPolicy,
  state: RetrainState,
  seen: RetrainEvidence,
  now: Micros,
): { name: string; reason: string; value: Json; threshold: Json } | undefined {
  const scheduled = seen.trigger === 'schedule'
  if (!scheduled && !policy.on.includes(seen.trigger))
    return {
      name: 'trigger',
      reason: `${seen.trigger} does not start a retrain of ${policy.model}`,
      value: seen.trigger,
      threshold: policy.on,
    }
  const windows = policy.driftWindows ?? 3
  if (seen.trigger === 'drift' && seen.windows < windows)
    return {
      name: 'persistence',
      reason: `drift in ${seen.windows} windows in a row, ${windows} are needed`,
      value: seen.windows,
      threshold: windows,
    }
  const labels = policy.minNewLabels ?? 1000
  if (seen.trigger === 'drift' && seen.newLabels < labels)
    return {
      name: 'new labels',
      reason: `${seen.newLabels} newly labelled rows, ${labels} are needed`,
      value: seen.newLabels,
      threshold: labels,
    }
  if (state.active !== null)
    return {
      name: state.waits === undefined ? 'one at a time' : 'one rollout at a time',
      reason: state.waits ?? `the retrain that ${state.active} started is still training`,
      value: state.active,
      threshold: 1,
    }
  // what is wrong with the stable version is what the challenger is tried for
  if (seen.tried !== undefined && (seen.trigger === 'drift' || seen.trigger === 'performance'))
    return {
      name: 'one rollout at a time',
      reason: `${seen.tried} is being tried in its place`,
      value: seen.tried,
      threshold: 1,
    }
  if (seen.refused !== undefined)
    return { name: 'data', reason: `the data is refused: ${seen.refused}`, value: 'refused', threshold: 'passed' }
  if (scheduled) return undefined
  const last = Math.max(state.fired.at(-1) ?? Number.NEGATIVE_INFINITY, state.scheduled ?? Number.NEGATIVE_INFINITY)
  const cooldown = micros(policy.cooldown ?? '24h')
  if (now - last < cooldown)
    return {
      name: 'cooldown',
      reason: `the last retrain was at ${formatTime(last)}, the cooldown ends at ${formatTime(last + cooldown)}`,
      value: now - last,
      threshold: cooldown,
    }
  const most = policy.maxPerWeek ?? 3
  const recent = state.fired.filter(at => now - at < micros('7d')).length
  if (recent >= most)
    return {
      name: 'storm guard',
      reason: `${recent} retrains in seven days, at most ${most} are allowed`,
      value: recent,
      threshold: most,
    }
  return undefined
}

/** What of the evidence the trigger went by. */
function measured(seen: RetrainEvidence): number | undefined {
  if (seen.trigger === 'drift') return seen.windows
  if (seen.trigger === 'data') return seen.evidence.length
  return seen.trigger === 'performance' ? seen.newLabels : undefined
}

/** Whether what was seen starts a retrain: verdict `fired`, or `suppressed` with the rule that forbade it. Pure. */
export function decideRetrain(
  policy: RetrainPolicy,
  state: RetrainState,
  seen: RetrainEvidence,
  now: Micros,
): Decision {
  const refused = refusal(policy, state, seen, now)
  const body = {
    kind: 'trigger' as const,
    subject: `model ${policy.model}`,
    at: now,
    verdict: refused ? ('suppressed' as const) : ('fired' as const),
    reason: refused ? `no retrain: ${refused.reason} (${seen.reason})` : seen.reason,
    rule: refused
      ? { name: refused.name, value: refused.value, threshold: refused.threshold }
      : { name: seen.trigger, ...(measured(seen) === undefined ? {} : { value: measured(seen) as number }) },
    inputs: {
      trigger: seen.trigger,
      windows: seen.windows,
      newLabels: seen.newLabels,
      fired: state.fired,
      active: state.active,
    },
    evidence: seen.evidence,
    actor: 'system',
  }
  return { id: `trigger-${shortDigest(digestJson(body))}`, ...body }
}

/** The state after a retrain started because of `decision`. */
export function retrainStarted(
  state: RetrainState,
  decision: string,
  now: Micros,
  trigger: RetrainTrigger = 'drift',
): RetrainState {
  if (trigger === 'schedule') return { ...state, scheduled: now, active: decision }
  return { ...state, fired: [...state.fired.filter(at => now - at < micros('7d')), now], active: decision }
}

/** The state after it ended, however it ended. */
export function retrainEnded({ waits: _, ...state }: RetrainState): RetrainState {
  return { ...state, active: null }
}

/** Retrains of a time to come are of a clock that was set back: they count as of now, so that a cool-down ends. */
export function clockSetBack(state: RetrainState, now: Micros): RetrainState {
  if (![...state.fired, state.scheduled ?? 0].some(at => at > now)) return state
  const fired = state.fired.map(at => Math.min(at, now))
  return { ...state, fired, ...(state.scheduled === undefined ? {} : { scheduled: Math.min(state.scheduled, now) }) }
}
