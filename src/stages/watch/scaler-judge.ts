import { type CheckResult, overallStatus, type Report } from '../../define/report.ts'
import { digestJson, shortDigest } from '../../internal/digest.ts'
import type { Micros } from '../../internal/time.ts'
import type { Evaluation } from './evaluate.ts'
import type { Observation } from './monitor/advance.ts'
import type { Profile } from '../windows/profile.ts'
import type { WindowAccumulator } from '../windows/window.ts'
import { scalerOfWindow } from './watched-scaler.ts'
import type { WatchedScaler } from '../scaler/artifact.ts'

export interface ScalerJudgement {
  readonly report: Report
  /** One a check: what fails (and a guessed unit, though it is a warning) joins the monitor's alert with its first window. */
  readonly observations: readonly Observation[]
}

/** A moved mean is also what drift looks like: that is the drift test's to tell, a failure is the scaler's. */
const alerts = ({ status, id }: CheckResult): boolean =>
  status === 'fail' || (status === 'warn' && id === 'scaler-window-unit')

/** Holds a finished window against the scaler of the stable version; undefined where none is known. */
export function judgeScaler(
  deployment: string,
  scaler: WatchedScaler | undefined,
  profile: Profile,
  window: WindowAccumulator,
  evaluation: Evaluation,
  time: { readonly at: Micros; readonly from: Micros; readonly to: Micros },
): ScalerJudgement | undefined {
  if (!scaler) return undefined
  const checks = scalerOfWindow(deployment, scaler, profile, window, evaluation)
  const evidence = { profile: window.digest, rows: window.rows, from: time.from, to: time.to }
  const id = `scaler-${shortDigest(digestJson({ deployment, at: time.at, evidence, sums: [...window.sums] }))}`
  const report: Report = {
    id,
    kind: 'scaler',
    subject: deployment,
    at: time.at,
    status: overallStatus(checks),
    checks,
    evidence,
  }
  const observations = checks
    .filter(check => check.status !== 'skipped')
    .map(
      (check): Observation => ({
        name: check.id,
        atOnce: true,
        bad: alerts(check),
        reason: check.message,
        report: id,
      }),
    )
  return { report, observations }
}
