import { proceed } from './proceed.ts'
import type { Guardrail, Outcome, RequestEvent, RolloutState } from './state.ts'
import { type Advanced, limitOf, logE, noDecisions, rollBack } from './transition.ts'

/** What the challenger may take more in any case, in milliseconds: less than a clock on a busy machine is worth. */
const leastSlower = 0.25

/** What one request adds to each guardrail: 1 against the challenger, 0 for it, nothing where the arms do not differ. */
function differences({ config }: RolloutState, { outcome, took }: RequestEvent): [Guardrail, 0 | 1][] {
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

/** Takes what became of one request in both arms. */
export function onRequest(state: RolloutState, event: RequestEvent): Advanced {
  const { at, rows, weight } = event
  const counts = weight === state.weight
  const guardrails = { ...state.guardrails }
  const against: Guardrail[] = []
  for (const [kind, one] of differences(state, event)) {
    const { canary, all } = guardrails[kind]
    guardrails[kind] = { canary: canary + one, all: all + 1 }
    if (one === 1) against.push(kind)
  }
  const next: RolloutState = {
    ...state,
    guardrails,
    requests: counts
      ? { stable: state.requests.stable + rows.stable, canary: state.requests.canary + rows.canary }
      : state.requests,
  }
  for (const kind of against) {
    const [value, threshold] = [logE(next, kind), limitOf(state.config, kind)]
    if (value < threshold) continue
    const { canary, all } = guardrails[kind]
    const reason = `of ${state.config.challenger} and ${state.config.stable} one ${inWords[kind](canary, all, state)}`
    const rule = { name: `guardrail ${kind}`, statistic: 'ln E', value, threshold }
    return rollBack(next, at, reason, rule)
  }
  return counts && rows.canary > 0 && next.requests.canary >= state.config.minRequests
    ? proceed(next, at)
    : { state: next, decisions: noDecisions }
}
