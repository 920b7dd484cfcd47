import { type CheckResult, overallStatus, type Report } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { digestJson, shortDigest } from '../../internal/digest.ts'
import { type Duration, type Micros, micros } from '../../internal/time.ts'
import { messageOf } from '../../internal/message-of.ts'
import { judgeColumn, observe, type DirectionObservation } from './changes.ts'
import { type ColumnDrift, type DriftVerdict, type Measures, measureColumn } from './column-drift.ts'
import type { Profile } from '../windows/profile.ts'
import { smallestChange, type Sensitivity } from './sensitivity.ts'
import { type ColumnMeasurement, nameOf, verdictOf } from './verdict.ts'
import type { WindowAccumulator } from '../windows/window.ts'

export type { Sensitivity } from './sensitivity.ts'

export interface EvaluateOptions {
  /** Smallest change that matters (`smallestChange`). */
  readonly sensitivity: Sensitivity
  /** Expected time between two false alarms of this model. */
  readonly falseAlarms: Duration
  readonly testsPerDay: number
  /** What is watched: `deployment lateness-api`. */
  readonly subject: string
  readonly at: Micros
  /** The window's own time. Without it the day and the week of the baseline are not allowed for, only their variance. */
  readonly from?: Micros
  readonly to?: Micros
  /** Fewest rows that a verdict is given on; 200. */
  readonly minimumRows?: number
}

/** A window by itself. What it says together with the windows before it, `advanceMonitor` tells. */
export interface Evaluation {
  readonly report: Report
  /** In the profile's order, the score last. */
  readonly columns: readonly ColumnDrift[]
  readonly verdict: DriftVerdict
  readonly reason: string
  /** Share of windows that may be found changed although nothing changed. */
  readonly alpha: number
  /** What each column says, for judging it with the windows before; empty where it has too few rows or failed. */
  readonly observed: readonly (readonly DirectionObservation[])[]
}

/** Most windows that may alarm without drift, however long the windows are. */
const maxAlarms = 0.05

/** Share of windows that may alarm without drift: one in the stated time, and never above 5 %. */
export function alarmRate(falseAlarms: Duration, testsPerDay: number): number {
  if (!(testsPerDay > 0))
    throw fail('monitorSettings', { setting: 'testsPerDay', value: testsPerDay, reason: 'it must be above 0' })
  return Math.min(maxAlarms, 1 / ((micros(falseAlarms) / micros('1d')) * testsPerDay))
}

const round = (x: number): number => Number(x.toPrecision(4))

function checkOf(drift: ColumnDrift, options: EvaluateOptions, important: boolean, alpha: number): CheckResult {
  const status = { ok: 'pass', warn: 'warn', drift: 'fail', insufficient: 'skipped', error: 'error' } as const
  const what = drift.output ? nameOf(drift) : `column ${drift.name}`
  const change = drift.change?.text ?? 'nothing to compare'
  const words: Record<DriftVerdict, string> = {
    ok: `${what} is as in the baseline (${drift.rows} rows)`,
    warn: `${what} has moved a little: ${change} (${drift.rows} rows)`,
    drift: `${what} has drifted: ${change} (${drift.rows} rows)`,
    insufficient: `${what} has ${drift.rows} rows, too few for a verdict`,
    error: `${what} could not be compared: ${drift.error}`,
  }
  const { deviations, share, presence } = smallestChange[options.sensitivity]
  return {
    id: `drift:${drift.output ? 'output' : drift.name}`,
    kind: 'drift',
    target: { deployment: options.subject, columns: [drift.name] },
    severity: drift.output || important ? 'critical' : 'warning',
    status: status[drift.verdict],
    observed: { ...drift, missing: { ...drift.missing }, change: drift.change as unknown as Json },
    evaluated: drift.rows,
    bad: 0,
    threshold: `mean or spread by ${deviations} sd, a share by ${100 * share} points, missing by ${100 * presence} points (half of it: warning) at a false-alarm rate of ${round(alpha)}`,
    message: words[drift.verdict],
    ...(drift.error === undefined ? {} : { error: drift.error }),
  }
}

function broken(name: string, kind: 'number' | 'text', output: boolean): Measures {
  const zero = { rows: 0, psi: 0, corrected: 0, kl: 0, js: 0, tvd: 0, ks: null, wasserstein: null, unseen: 0 }
  return { name, kind, output, ...zero, missing: { reference: 0, current: 0, change: 0 }, importance: null }
}

/** Number of the window on the calendar of the baseline's variation; undefined where its windows have another length. */
function indexOf({ naturalWindow }: Profile, { from, to }: EvaluateOptions): number | undefined {
  if (from === undefined || naturalWindow === undefined) return undefined
  const length = micros(naturalWindow)
  return to !== undefined && to - from !== length ? undefined : Math.floor(from / length)
}

/**
 * Compares a window with its baseline. Each column is tested in several directions (mean, spread, shares, missing, infinite,
 * unseen) for a change that is certainly greater than the smallest that matters, against the noise that its number of rows
 * and the variation between training windows explain. A column that cannot be compared is an `error` and hides no other.
 */
export function evaluateWindow(profile: Profile, window: WindowAccumulator, options: EvaluateOptions): Evaluation {
  const alpha = alarmRate(options.falseAlarms, options.testsPerDay)
  const smallest = smallestChange[options.sensitivity]
  const index = indexOf(profile, options)
  const observed: DirectionObservation[][] = []
  const measured = [...profile.columns, profile.score].map((column, i): ColumnMeasurement => {
    const output = i === profile.columns.length
    observed.push([])
    try {
      const counters = window.column(i)
      const measures = measureColumn(column, counters, output)
      if (measures.rows < (options.minimumRows ?? 200)) return { measures, judged: undefined }
      const seen = observe(column, counters, index, smallest)
      observed[i] = seen
      return { measures, judged: judgeColumn(seen, {}) }
    } catch (reason) {
      return { measures: broken(column.name, column.kind, output), judged: undefined, error: messageOf(reason) }
    }
  })
  const { verdict, reason, columns } = verdictOf(measured, alpha)
  const known = profile.columns.some(column => column.importance !== undefined)
  const checks = columns.map(drift => checkOf(drift, options, !known || (drift.importance ?? 0) >= 0.05, alpha))
  const evidence = {
    profile: window.digest,
    rows: window.rows,
    verdict,
    reason,
    alpha,
    ...(options.from === undefined ? {} : { from: options.from }),
    ...(options.to === undefined ? {} : { to: options.to }),
  }
  const status = verdict === 'drift' ? 'fail' : overallStatus(checks)
  const id = `drift-${shortDigest(digestJson({ subject: options.subject, at: options.at, evidence, counts: [...window.counts] }))}`
  const report: Report = { id, kind: 'drift', subject: options.subject, at: options.at, status, checks, evidence }
  return { report, columns, verdict, reason, alpha, observed }
}
