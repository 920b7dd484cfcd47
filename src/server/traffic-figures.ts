import { type ArmTraffic, addMinutes, type Minute, noMinute, quantileOf } from '../stages/serve/traffic.ts'
import type { ServedDeployment } from '../stages/serve/types.ts'
import type { ArmFigures, Traffic } from './api-types.ts'

/** Points of a chart at most. */
const maxPoints = 180

const armFigures = ({ took, ...counts }: ArmTraffic): ArmFigures => ({
  ...counts,
  p50: quantileOf(took, 0.5),
  p99: quantileOf(took, 0.99),
})

const figuresOf = ({ stable, canary, failed, latency }: Minute) => ({
  rows: stable.rows + canary.rows,
  failed,
  p50: quantileOf(latency, 0.5),
  p99: quantileOf(latency, 0.99),
})

/** What was asked of a deployment in the last hours. */
export function trafficOf(deployment: Pick<ServedDeployment, 'traffic'>, hours: number): Traffic {
  const step = Math.ceil((60 * hours) / maxPoints)
  const pieces = deployment.traffic(Math.ceil((60 * hours) / step), step)
  const all = pieces.reduce((sum, { minute }) => addMinutes(sum, minute), noMinute)
  return {
    step,
    points: pieces.map(({ at, minute, evidence }) => ({ at, ...figuresOf(minute), evidence })),
    all: figuresOf(all),
    arms: { stable: armFigures(all.stable), canary: armFigures(all.canary) },
  }
}
