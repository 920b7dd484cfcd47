import { type CheckResult, overallStatus, type Report } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import { digestJson, shortDigest } from '../../internal/digest.ts'
import { type Duration, type Micros, micros } from '../../internal/time.ts'
import { messageOf } from '../../internal/message-of.ts'
import { benjaminiHochberg } from '../../math/distribution/benjamini-hochberg.ts'
import {
  type ColumnDrift,
  compareColumn,
  type DriftSettings,
  type DriftVerdict,
  type RawDrift,
} from './column-drift.ts'
import type { Profile } from './profile.ts'
import type { WindowAccumulator } from './window.ts'

export type Sensitivity = 'low' | 'normal' | 'high'

export interface EvaluateOptions {
  /** PSI that counts: low 0.1 and 0.25 (0.32 and 0.5 standard deviations of shift), normal 0.02 and 0.1, high 0.005 and 0.025. */
  readonly sensitivity: Sensitivity
  /** Expected time between two false alarms of this model. */
  readonly falseAlarms: Duration
  readonly testsPerDay: number
  /** What is watched: `deployment lateness-api`. */
  readonly subject: string
  readonly at: Micros
  /** The window's own time, for the record. */
  readonly from?: Micros
  readonly to?: Micros
  /** Fewest rows that a verdict is given on; 200. */
  readonly minimumRows?: number
}

export interface Evaluation {
  readonly report: Report
  /** In the profile's order, the score last. */
  readonly columns: readonly ColumnDrift[]
  /** Of the whole window. `drift`: a column with ≥ 5 % importance, or ≥ 25 % of importance together, or the output. */
  readonly verdict: DriftVerdict
  readonly reason: string
  /** Rate of false alarms that each of the two families (inputs, output) was held to. */
  readonly alpha: number
}

const effects: Record<Sensitivity, { warn: number; drift: number }> = {
  low: { warn: 0.1, drift: 0.25 },
  normal: { warn: 0.02, drift: 0.1 },
  high: { warn: 0.005, drift: 0.025 },
}

/** Share of a window's tests that may alarm without drift; never above 1 %. */
export function alarmRate(falseAlarms: Duration, testsPerDay: number): number {
  if (!(testsPerDay > 0))
    throw fail('monitorSettings', { setting: 'testsPerDay', value: testsPerDay, reason: 'it must be above 0' })
  return Math.min(0.01, 1 / ((micros(falseAlarms) / micros('1d')) * testsPerDay))
}

const round = (x: number): number => Number(x.toPrecision(4))

function checkOf(drift: ColumnDrift, subject: string, important: boolean, alpha: number): CheckResult {
  const status = { ok: 'pass', warn: 'warn', drift: 'fail', insufficient: 'skipped', error: 'error' } as const
  const what = drift.output ? "the model's score" : `column ${drift.name}`
  const shares =
    Math.abs(drift.missing.change) >= 0.001
      ? `, missing ${(100 * drift.missing.reference).toFixed(1)} % → ${(100 * drift.missing.current).toFixed(1)} %`
      : ''
  const words: Record<DriftVerdict, string> = {
    ok: `${what} is as in the baseline (PSI ${round(drift.psi)} over ${drift.rows} rows)`,
    warn: `${what} has moved a little: PSI ${round(drift.psi)} over ${drift.rows} rows, above ${round(drift.theta0)}${shares}`,
    drift: `${what} has drifted: PSI ${round(drift.psi)} over ${drift.rows} rows, above ${round(drift.thetaDrift)}${shares}`,
    insufficient: `${what} has ${drift.rows} rows, too few for a verdict`,
    error: `${what} could not be compared: ${drift.error}`,
  }
  return {
    id: `drift:${drift.output ? 'output' : drift.name}`,
    kind: 'drift',
    target: { deployment: subject, columns: [drift.name] },
    severity: drift.output || important ? 'critical' : 'warning',
    status: status[drift.verdict],
    observed: { ...drift, missing: { ...drift.missing } },
    evaluated: drift.rows,
    bad: 0,
    threshold: `PSI above ${round(drift.theta0)} (warning) or ${round(drift.thetaDrift)} (drift) at a false-alarm rate of ${round(alpha)}`,
    message: words[drift.verdict],
    ...(drift.error === undefined ? {} : { error: drift.error }),
  }
}

function broken(name: string, kind: 'number' | 'text', output: boolean, reason: unknown): RawDrift {
  const zero = { rows: 0, psi: 0, corrected: 0, kl: 0, js: 0, tvd: 0, ks: null, wasserstein: null, unseen: 0 }
  const missing = { reference: 0, current: 0, change: 0 }
  const limits = { p: 1, pDrift: 1, adjusted: 1, theta0: 0, thetaDrift: 0, natural: 0, importance: null }
  const error = messageOf(reason)
  return { name, kind, output, ...zero, missing, ...limits, verdict: 'error', error }
}

/** Gives the verdicts of one family of columns, corrected for their number. */
function decide(family: readonly RawDrift[], alpha: number): ColumnDrift[] {
  const tested = family.filter(drift => drift.verdict === 'ok')
  const warn = benjaminiHochberg(tested.map(drift => drift.p))
  const drifted = benjaminiHochberg(tested.map(drift => drift.pDrift))
  return family.map(whole => {
    const { pDrift: _, ...drift } = whole
    const i = tested.indexOf(whole)
    if (i < 0) return drift
    const verdict = (drifted[i] as number) <= alpha ? 'drift' : (warn[i] as number) <= alpha ? 'warn' : 'ok'
    return { ...drift, adjusted: warn[i] as number, verdict }
  })
}

function overall(inputs: readonly ColumnDrift[], output: ColumnDrift): { verdict: DriftVerdict; reason: string } {
  const all = [...inputs, output]
  if (output.verdict === 'drift')
    return { verdict: 'drift', reason: "the distribution of the model's scores has drifted" }
  const drifted = inputs.filter(drift => drift.verdict === 'drift')
  const known = inputs.some(drift => drift.importance !== null)
  const share = drifted.reduce((sum, drift) => sum + (drift.importance ?? 0), 0)
  const names = drifted.map(drift => drift.name).join(', ')
  // where no importance is known, every column might be the one that counts
  if (drifted.length > 0 && (!known || share >= 0.25 || drifted.some(drift => (drift.importance ?? 0) >= 0.05)))
    return {
      verdict: 'drift',
      reason: known ? `${names} drifted, ${round(100 * share)} % of the importance` : `${names} drifted`,
    }
  if (drifted.length > 0) return { verdict: 'warn', reason: `${names} drifted, but the model hardly uses them` }
  const warned = all.filter(drift => drift.verdict === 'warn').map(drift => drift.name)
  if (warned.length > 0) return { verdict: 'warn', reason: `${warned.join(', ')} moved a little` }
  if (all.some(drift => drift.verdict === 'error'))
    return { verdict: 'error', reason: 'some columns could not be compared' }
  if (all.every(drift => drift.verdict === 'insufficient')) return { verdict: 'insufficient', reason: 'too few rows' }
  return {
    verdict: 'ok',
    reason: 'no column differs from the baseline by more than its windows differ from each other',
  }
}

/**
 * Compares a window with its baseline. Per column the minimum-effect test at the sensitivity's PSI, raised to the natural
 * variation of the training period; Benjamini–Hochberg over the input columns, the score on its own. A column that cannot
 * be compared is an `error` of its own check and hides no other.
 */
export function evaluateWindow(profile: Profile, window: WindowAccumulator, options: EvaluateOptions): Evaluation {
  const alpha = alarmRate(options.falseAlarms, options.testsPerDay)
  const settings: DriftSettings = { ...effects[options.sensitivity], rate: alpha, least: options.minimumRows ?? 200 }
  const raw = [...profile.columns, profile.score].map((column, i): RawDrift => {
    const isOutput = i === profile.columns.length
    try {
      return compareColumn(column, window.column(i), isOutput, settings)
    } catch (reason) {
      return broken(column.name, column.kind, isOutput, reason)
    }
  })
  const inputs = decide(raw.slice(0, -1), alpha)
  const [output] = decide(raw.slice(-1), alpha) as [ColumnDrift]
  const { verdict, reason } = overall(inputs, output)
  const columns = [...inputs, output]
  const known = inputs.some(drift => drift.importance !== null)
  const checks = columns.map(drift => checkOf(drift, options.subject, !known || (drift.importance ?? 0) >= 0.05, alpha))
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
  return { report, columns, verdict, reason, alpha }
}
