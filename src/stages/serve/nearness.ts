import type { RolloutState } from '../deploy/rollout/index.ts'
import { limitOf, logE, segmentStandings } from '../deploy/rollout/guardrail-verdict.ts'
import type { Nearness } from './traffic.ts'

/** How near each guardrail is to taking the challenger back; 1 does. */
export const nearnessOf = (state: RolloutState): Nearness =>
  Object.fromEntries([
    ...state.config.guardrails.map(kind => [kind, Math.max(0, logE(state, kind)) / limitOf(state.config, kind)]),
    ...segmentStandings(state)
      .slice(0, 1)
      .map(one => ['nearest segment', Math.max(0, one.logE) / one.limit]),
  ])
