import type { Deployment } from '../../define/deployment.ts'
import { inSeconds } from '../../internal/time.ts'
import type { RolloutConfig } from '../deploy/rollout/index.ts'
import { versionName } from '../register/version-parts.ts'
import type { ServedVersion } from './served-version.ts'

type Version = Pick<ServedVersion, 'record' | 'model'>

const inPercent = (share: number) => `${share * 100}%` as const

/** What a deployment declares of its rollouts, for these two versions. */
export function rolloutConfigOf(
  { name, canary, segments }: Deployment,
  stable: Version,
  challenger: Version,
): RolloutConfig {
  const {
    steps,
    maxWait,
    bake,
    timeout,
    maxLatency,
    expected,
    approve,
    hours,
    metricHorizon: _,
    maxContest: __,
    ...plain
  } = canary
  return {
    ...plain,
    deployment: name,
    challenger: versionName(challenger.record),
    stable: versionName(stable.record),
    task: stable.model.task,
    steps: steps.map(inPercent),
    approve: approve.map(gate => (gate === 'done' ? gate : inPercent(gate))),
    segments,
    ...(hours === null ? {} : { hours }),
    maxWait: inSeconds(maxWait),
    bake: inSeconds(bake),
    timeout: inSeconds(timeout),
    ...(maxLatency === null ? {} : { maxLatency: inSeconds(maxLatency) }),
    ...(expected === null ? {} : { expected }),
    threshold: challenger.model.threshold,
    stableThreshold: stable.model.threshold,
  }
}
