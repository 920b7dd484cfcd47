import type { CheckResult } from '../../define/report.ts'
import type { FeatureScale, ScalerParameters } from '../../math/scaler/index.ts'
import type { ColumnStatistics } from './read-frame.ts'

/** Factors between units that get mixed up, with the words for each. */
const unitFactors: readonly (readonly [factor: number, words: string])[] = [
  [1.609344, 'kilometres for miles'],
  [1 / 1.609344, 'miles for kilometres'],
  [2.204623, 'pounds for kilograms'],
  [1 / 2.204623, 'kilograms for pounds'],
  [3.28084, 'feet for metres'],
  [0.3048, 'metres for feet'],
  [60, 'minutes for hours, or seconds for minutes'],
  [1 / 60, 'hours for minutes, or minutes for seconds'],
  [3600, 'seconds for hours'],
  [1 / 3600, 'hours for seconds'],
  [100, 'hundredths for wholes'],
  [0.01, 'wholes for hundredths'],
  [1000, 'thousandths for wholes'],
  [0.001, 'wholes for thousandths'],
]

const close = (a: number, b: number, tolerance: number): boolean => Math.abs(a / b - 1) <= tolerance

function check(
  id: string,
  model: string,
  columns: readonly string[],
  severity: CheckResult['severity'],
  problems: readonly string[],
  evaluated: number,
  threshold: string,
  good: string,
  observed: CheckResult['observed'] = {},
): CheckResult {
  return {
    id,
    kind: 'scaler',
    target: { model, columns },
    severity,
    status: problems.length === 0 ? 'pass' : severity === 'warning' ? 'warn' : 'fail',
    observed,
    evaluated,
    bad: problems.length,
    threshold,
    message: problems.length === 0 ? good : problems.join('; '),
  }
}

/**
 * Whether a feature is measured in another unit than before: both its middle and its spread are multiplied by one known
 * factor. Median and interquartile range of two scalers (or of a scaler and a window of traffic) are compared.
 */
export function unitChange(
  model: string,
  names: readonly string[],
  now: readonly Pick<FeatureScale, 'median' | 'iqr' | 'count'>[],
  before: readonly Pick<FeatureScale, 'median' | 'iqr' | 'count'>[],
): CheckResult {
  const problems: string[] = []
  const columns: string[] = []
  let compared = 0
  names.forEach((name, i) => {
    const a = now[i]
    const b = before[i]
    if (!a || !b || a.count === 0 || b.count === 0 || b.iqr === 0 || b.median === 0 || a.iqr === 0) return
    compared++
    const ratio = a.iqr / b.iqr
    const found = unitFactors.find(([factor]) => close(ratio, factor, 0.03) && close(a.median / b.median, factor, 0.03))
    if (found) {
      columns.push(name)
      problems.push(`${name} is ${found[0].toPrecision(4)} times what it was: ${found[1]}?`)
    }
  })
  return check(
    'scaler-unit-change',
    model,
    columns,
    'warning',
    problems,
    compared,
    'no feature is multiplied by the factor of a known unit',
    `${compared} features are in the units they were in`,
  )
}

/**
 * Whether the stored scaler is what the training rows give (S2), and of the training rows alone (S3): fitted on training
 * and test rows together it would know the future. Statistics come from another engine than the fit did.
 */
export function fittedOnTraining(
  model: string,
  names: readonly string[],
  stored: ScalerParameters,
  found: readonly ({ readonly train: ColumnStatistics; readonly all: ColumnStatistics } | undefined)[],
): CheckResult[] {
  const apart = (kept: FeatureScale, own: ColumnStatistics): boolean =>
    Math.abs(kept.mean - own.mean) > 1e-6 * Math.max(Math.sqrt(own.variance), Math.abs(own.mean) * 1e-6) ||
    Math.abs(kept.var - own.variance) > 1e-6 * Math.max(own.variance, 1e-12)
  const off: string[] = []
  const leaked: string[] = []
  let compared = 0
  names.forEach((name, i) => {
    const kept = stored.features[i]
    const own = found[i]
    if (!kept || !own || kept.count === 0) return
    compared++
    if (!apart(kept, own.train)) return
    if (apart(kept, own.all))
      off.push(`${name} has mean ${kept.mean.toPrecision(6)}, the training rows give ${own.train.mean.toPrecision(6)}`)
    else leaked.push(`${name} was fitted on training and test rows together`)
  })
  return [
    check(
      'scaler-refit',
      model,
      [],
      'critical',
      off,
      compared,
      'refitting on the training rows gives the stored parameters',
      `the training rows give the stored parameters of ${compared} features`,
    ),
    check(
      'scaler-train-only',
      model,
      [],
      'critical',
      leaked,
      compared,
      'fitted on training rows only',
      'fitted on training rows only',
    ),
  ]
}

/** Raw traffic that looks standardised although the scaler expects another range has been scaled already (S8). */
export function doubleScaling(
  model: string,
  names: readonly string[],
  stored: ScalerParameters,
  now: readonly { readonly mean: number; readonly std: number; readonly count: number }[],
): CheckResult {
  const columns: string[] = []
  const problems: string[] = []
  names.forEach((name, i) => {
    const scale = stored.features[i]
    const seen = now[i]
    if (!scale || !seen || seen.count < 200 || scale.constant) return
    const standard = Math.abs(seen.mean) <= 0.5 && seen.std >= 0.5 && seen.std <= 2
    const expected = Math.sqrt(scale.var)
    if (standard && (expected > 5 || expected < 0.2 || Math.abs(scale.mean) > 5)) {
      columns.push(name)
      problems.push(
        `${name} arrives with mean ${seen.mean.toPrecision(3)} and deviation ${seen.std.toPrecision(3)}: it seems to be scaled already`,
      )
    }
  })
  return check(
    'scaler-double',
    model,
    columns,
    'critical',
    problems,
    names.length,
    'inputs arrive unscaled',
    'inputs arrive unscaled',
  )
}

/** Window means in units of the training deviation: |mean z| above 0.5 warns, above 2 fails (S7). */
export function consistency(
  model: string,
  names: readonly string[],
  stored: ScalerParameters,
  now: readonly { readonly mean: number; readonly std: number; readonly count: number }[],
): CheckResult {
  const problems: string[] = []
  const columns: string[] = []
  let worst = 0
  names.forEach((name, i) => {
    const scale = stored.features[i]
    const seen = now[i]
    if (!scale || !seen || seen.count < 200 || scale.var === 0) return
    const z = (seen.mean - scale.mean) / Math.sqrt(scale.var)
    worst = Math.max(worst, Math.abs(z))
    if (Math.abs(z) > 0.5) {
      columns.push(name)
      problems.push(`${name} has moved by ${z.toFixed(2)} training deviations`)
    }
  })
  return check(
    'scaler-consistency',
    model,
    columns,
    worst > 2 ? 'critical' : 'warning',
    problems,
    names.length,
    'window means within 0.5 (warning) and 2 (failure) training deviations',
    `window means stay within ${worst.toFixed(2)} training deviations`,
    { worst },
  )
}
