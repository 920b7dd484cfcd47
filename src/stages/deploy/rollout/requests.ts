import type { Micros } from '../../../internal/time.ts'
import { brokenSegment, limitOf, logE } from './guardrail-verdict.ts'
import { proceed } from './proceed.ts'
import { counted, type Differences, withRequest } from './segments.ts'
import type { Guardrail, Outcome, RequestEvent, RolloutState } from './state.ts'
import { type Transition, noDecisions, rollBack } from './transition.ts'

/** What the challenger may take more in any case, in milliseconds: less than a clock on a busy machine is worth. */
const leastSlower = 0.25

/** What one request adds to each guardrail; nothing where the arms do not differ. */
function differencesOf({ config }: RolloutState, { outcome, took }: RequestEvent): Differences {
  const { stable, canary } = outcome
  const good = (one: Outcome): boolean => one === 'ok' || one === 'slow'
  const found: [Guardrail, 0 | 1][] = []
  for (const kind of ['error', 'timeout', 'slow'] as const) {
    if (canary === kind && (stable === 'ok' || (kind !== 'slow' && stable === 'slow'))) found.push([kind, 1])
    if (stable === kind && (canary === 'ok' || (kind !== 'slow' && canary === 'slow'))) found.push([kind, 0])
  }
  if (took && good(stable) && good(canary))
    found.push(['latency', took.canary > took.stable * (1 + config.slower) + leastSlower ? 1 : 0])
  return found.filter(([kind]) => config.guardrails.includes(kind))
}

const inWords: Readonly<Record<Guardrail, (canary: number, all: number, state: RolloutState) => string>> = {
  error: (canary, all) => `failed where the other did not: ${canary} of ${all} times it was the challenger`,
  timeout: (canary, all) =>
    `did not answer in time where the other did: ${canary} of ${all} times it was the challenger`,
  slow: (canary, all, { config }) =>
    `took longer than the ${(config.maxLatency ?? 0) / 1000} ms that are allowed where the other did not: ${canary} of ${all} times it was the challenger`,
  latency: (canary, all, { config }) =>
    `took more than ${Number((100 * config.slower).toPrecision(4))} % longer than the other for the same request: ${canary} of ${all} times the challenger did`,
}

/** Of what a request spoke against: the guardrail that takes the challenger back, if one does. */
function overall(state: RolloutState, against: readonly Guardrail[], at: Micros): Transition | undefined {
  for (const kind of against) {
    const [value, threshold] = [logE(state, kind), limitOf(state.config, kind)]
    if (value < threshold) continue
    const { canary, all } = state.guardrails[kind]
    const reason = `of ${state.config.challenger} and ${state.config.stable} one ${inWords[kind](canary, all, state)}`
    const rule = { name: `guardrail ${kind}`, statistic: 'ln E', value, threshold }
    return rollBack(state, at, reason, rule)
  }
  return undefined
}

/** The same within the segments of the request. */
function within(
  state: RolloutState,
  against: readonly Guardrail[],
  { at, segments: names = [] }: RequestEvent,
): Transition | undefined {
  const found = brokenSegment(state, names, against)
  if (!found) return undefined
  const { segment, kind, canary, all, logE: value, limit: threshold } = found
  const { challenger, stable } = state.config
  const where = segment === undefined ? 'among rare segments' : `where ${segment}`
  const reason = `${where}, of ${challenger} and ${stable} one ${inWords[kind](canary, all, state)}`
  const rule = { name: `segment guardrail ${kind}`, statistic: `ln E ${where}`, value, threshold }
  return rollBack(state, at, reason, rule)
}

/** Takes what became of one request in both arms. */
export function onRequest(state: RolloutState, event: RequestEvent): Transition {
  const { at, rows, weight } = event
  const counts = weight === state.weight
  const differences = differencesOf(state, event)
  const next: RolloutState = {
    ...state,
    guardrails: counted(state.guardrails, differences),
    ...(state.segments ? { segments: withRequest(state.segments, event.segments ?? [], differences) } : {}),
    requests: counts
      ? { stable: state.requests.stable + rows.stable, canary: state.requests.canary + rows.canary }
      : state.requests,
  }
  const against = differences.filter(([, one]) => one === 1).map(([kind]) => kind)
  if (against.length > 0) {
    const alarm = overall(next, against, at) ?? within(next, against, event)
    if (alarm) return alarm
  }
  return counts && rows.canary > 0 && next.requests.canary >= state.config.minRequests
    ? proceed(next, at)
    : { state: next, decisions: noDecisions }
}
