import type { Micros } from '../../../internal/time.ts'
import { hoursInWords, isWithin } from './hours.ts'
import { openQueries } from './query-verdict.ts'
import type { Hold, RolloutState } from './state.ts'
import type { Rule } from './transition.ts'
import { percent } from './words.ts'

type Gate = number | 'done'

/** What a rollout comes to next: a share of traffic, or the end. */
export function nextGate({ config, phase, step }: RolloutState): Gate {
  if (phase === 'bake') return 'done'
  return config.weights[phase === 'shadow' ? 0 : step + 1] ?? 1
}

/** Whether a person has still to let it pass. */
export const isClosed = ({ config, approved }: RolloutState, gate: Gate): boolean =>
  config.approve.includes(gate) && !approved.some(one => one.gate === gate)

export const gateInWords = (gate: Gate): string =>
  gate === 'done' ? 'become stable' : gate === 1 ? 'take all traffic' : `take ${percent(gate)} of traffic`

export interface Obstacle {
  readonly hold: Extract<Hold, 'approval' | 'queries' | 'hours' | 'after'>
  readonly reason: string
  readonly rule: Rule
}

/**
 * Why the challenger may not go on to a gate now, although the evidence is there: first a person is asked, who may answer at any
 * time; then every query must have said since the step began that it holds. Hours and other rollouts keep it from more traffic,
 * not from what it has.
 */
export function obstacleTo(state: RolloutState, gate: Gate, at: Micros): Obstacle | undefined {
  const { config, rolling } = state
  const { challenger, hours, deployment } = config
  if (isClosed(state, gate))
    return {
      hold: 'approval',
      reason: `${challenger} may ${gateInWords(gate)} when somebody approves it: millrace rollout approve ${deployment}`,
      rule: { name: 'approval', statistic: 'gate', value: gate },
    }
  // A challenger that answers nobody yet has no figures
  const [open] = state.phase === 'shadow' ? [] : openQueries(state)
  if (open)
    return {
      hold: 'queries',
      reason: `${challenger} is ready to ${gateInWords(gate)}, and waits for the query ${open.name}: ${open.says}`,
      rule: { name: 'query', statistic: open.name, value: open.value, threshold: [open.min, open.max] },
    }
  if (gate === 'done') return undefined
  if (hours && !isWithin(hours, at))
    return {
      hold: 'hours',
      reason: `${challenger} is ready to ${gateInWords(gate)}, which is done ${hoursInWords(hours)}; it goes on then`,
      rule: { name: 'hours', statistic: 'gate', value: gate },
    }
  if (rolling.length > 0)
    return {
      hold: 'after',
      reason: `${challenger} is ready to ${gateInWords(gate)}, and waits for the end of the rollout of ${rolling.join(' and ')}`,
      rule: { name: 'after', statistic: 'rollouts', value: [...rolling], threshold: [] },
    }
  return undefined
}
