import { fail } from '../../../errors/index.ts'
import { onCommand } from './command.ts'
import { judgeLabels, withLosses } from './labels.ts'
import { onMetrics } from './metrics.ts'
import { proceed } from './proceed.ts'
import { onQuery } from './queries.ts'
import { onRequest } from './requests.ts'
import { onShadow } from './shadow.ts'
import type { LabelsEvent, MemoryEvent, RolloutEvent, RolloutState } from './state.ts'
import { type Transition, noDecisions, rollBack } from './transition.ts'

function onLabels(state: RolloutState, event: LabelsEvent): Transition {
  if (event.stable.length !== event.canary.length)
    throw fail('rolloutEvent', {
      event: 'labels',
      reason: `${event.stable.length} stable losses, ${event.canary.length} canary losses`,
    })
  const next = withLosses(state, event.stable, event.canary)
  return judgeLabels(next, event.at) ?? proceed(next, event.at)
}

/** No statistics: a machine that has no memory left answers nobody. */
function onMemory(state: RolloutState, { at, bytes }: MemoryEvent): Transition {
  const { challenger, maxMemory } = state.config
  const megabytes = (size: number): string => `${Math.ceil(size / 2 ** 20)} MiB`
  const rule = { name: 'memory', statistic: 'bytes', value: bytes, threshold: maxMemory }
  const reason = `${challenger} took ${megabytes(bytes)} more than when it was loaded, ${megabytes(maxMemory)} are allowed`
  return rollBack(state, at, reason, rule)
}

/**
 * Takes one event and gives the next state with the decisions it led to (mostly none). Pure; constant memory. Verdicts:
 * `advanced` to the next step, `promoted` to all traffic, `completed` after the bake, `held` for a person or what else
 * it waits for, `approved` by one, `resumed`, `rolled-back`. Rollback works in every state, also while held. Events after the end change nothing; commands then are
 * `rolloutEvent` errors.
 */
export function advance(state: RolloutState, event: RolloutEvent): Transition {
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
    case 'metrics':
      return onMetrics(state, event)
    case 'query':
      return onQuery(state, event)
    case 'memory':
      return onMemory(state, event)
    case 'rolling':
      return { state: { ...state, rolling: event.deployments }, decisions: noDecisions }
    case 'tick':
      return proceed(state, event.at)
    case 'command':
      return onCommand(state, event)
  }
}
