import type { ContestState } from '../stages/deploy/contest/index.ts'
import { standingOf } from '../stages/deploy/contest/standing.ts'
import { versionCalled } from '../stages/register/version-parts.ts'
import type { ContestView } from './api-types.ts'
import { rolloutEvidence } from './rollout-evidence.ts'

/** A contest as people look at it; null where there was none. */
export function contestView(state: unknown): ContestView | null {
  if (typeof state !== 'object' || state === null) return null
  const { stable, since, until, phase, chosen, arms } = state as ContestState
  return {
    stable,
    since,
    until,
    phase,
    chosen,
    challengers: arms.flatMap(arm => {
      const evidence = rolloutEvidence(arm)
      const { challenger } = arm.config
      if (!evidence) return []
      return [{ challenger, version: versionCalled(challenger).version, standing: standingOf(arm), evidence }]
    }),
  }
}
