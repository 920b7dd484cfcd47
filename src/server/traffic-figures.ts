import { type ArmTraffic, addMinutes, type Minute, quantileOf } from '../stages/serve/traffic.ts'
import type { ServedDeployment } from '../stages/serve/types.ts'
import type { ArmFigures, Traffic } from './api-types.ts'

/** Points of a chart at most. */
const maxPoints = 180

const armFigures = ({ took, ...counts }: ArmTraffic): ArmFigures => ({
  ...counts,
  p50: quantileOf(took, 0.5),
  p99: quantileOf(took, 0.99),
})

/** What was asked of a deployment in the last hours. */
export function trafficOf(deployment: Pick<ServedDeployment, 'traffic'>, hours: number): Traffic {
  const step = Math.ceil((60 * hours) / maxPoints)
  const pieces = deployment.traffic(Math.ceil((60 * hours) / step), step)
  const whole = pieces
    .map(one => one.minute)
    .reduce<Minute | undefined>((sum, one) => (sum ? addMinutes(sum, one) : one), undefined)
  const none: ArmTraffic = { rows: 0, asked: 0, errors: 0, timeouts: 0, took: [] }
  return {
    step,
    points: pieces.map(({ at, minute: { stable, canary, failed, latency }, evidence }) => ({
      at,
      rows: stable.rows + canary.rows,
      failed,
      p50: quantileOf(latency, 0.5),
      p99: quantileOf(latency, 0.99),
      evidence,
    })),
    arms: { stable: armFigures(whole?.stable ?? none), canary: armFigures(whole?.canary ?? none) },
  }
}
