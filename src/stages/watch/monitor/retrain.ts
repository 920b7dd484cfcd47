import type { Decision } from '../../../define/decision.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../../internal/digest.ts'
import { type Duration, formatTime, type Micros, micros } from '../../../internal/time.ts'

export type RetrainTrigger = 'drift' | 'performance'

export interface RetrainPolicy {
  readonly model: string
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

/** Times of the retrains of the last week and the run that is active. JSON. */
export interface RetrainState {
  readonly fired: readonly Micros[]
  readonly active: string | null
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
}

/** The first rule that forbids it, or undefined. */
function refusal(
  policy: RetrainPolicy,
  state: RetrainState,
  seen: RetrainEvidence,
  now: Micros,
): { name: string; reason: string; value: Json; threshold: Json } | undefined {
  if (!policy.on.includes(seen.trigger))
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
      name: 'one at a time',
      reason: `run ${state.active} is still retraining it`,
      value: state.active,
      threshold: 1,
    }
  const last = state.fired.at(-1)
  const cooldown = micros(policy.cooldown ?? '24h')
  if (last !== undefined && now - last < cooldown)
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
    verdict: refused ? 'suppressed' : 'fired',
    reason: refused ? `no retrain: ${refused.reason} (${seen.reason})` : seen.reason,
    rule: refused
      ? { name: refused.name, value: refused.value, threshold: refused.threshold }
      : { name: seen.trigger, value: seen.trigger === 'drift' ? seen.windows : seen.newLabels },
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

/** The state after a retrain started as `run`. */
export function retrainStarted(state: RetrainState, run: string, now: Micros): RetrainState {
  return { fired: [...state.fired.filter(at => now - at < micros('7d')), now], active: run }
}

/** The state after that run ended, however it ended. */
export function retrainEnded(state: RetrainState): RetrainState {
  return { ...state, active: null }
}
