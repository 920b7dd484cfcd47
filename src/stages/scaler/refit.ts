import type { CheckResult } from '../../define/report.ts'
import type { ScalerArtifact, ScalerFeature } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'

/** Statistics of one input over some rows, from another engine than the one that fitted. */
export interface ColumnStatistics {
  /** Values that are not missing. */
  readonly count: number
  readonly mean: number
  /** Population variance. */
  readonly variance: number
  readonly min: number
  readonly max: number
  readonly median: number
  readonly iqr: number
}

const tolerance = 1e-6
export const refit = {
  id: 'scaler-refit',
  threshold: 'refitting on the training rows gives the stored parameters within 1e-6',
}
export const leak = { id: 'scaler-train-only', threshold: 'fitted on training rows only' }

/** The figures that a feature is scaled by, and its mean and variance. */
function apart(kind: string, stored: ScalerFeature, found: ColumnStatistics): string | undefined {
  const deviation = Math.sqrt(found.variance)
  const off = (a: number, b: number, unit: number): boolean =>
    !(Math.abs(a - b) <= tolerance * Math.max(unit, Math.abs(b) * tolerance))
  const differs = (what: string, a: number, b: number): string =>
    `${stored.name} has ${what} ${figure(a)}, the training rows give ${figure(b)}`
  if (off(stored.mean, found.mean, deviation)) return differs('mean', stored.mean, found.mean)
  if (off(stored.var, found.variance, Math.max(found.variance, 1e-12)))
    return differs('variance', stored.var, found.variance)
  if (kind === 'minmax' && off(stored.min, found.min, found.max - found.min))
    return differs('minimum', stored.min, found.min)
  if (kind === 'minmax' && off(stored.max, found.max, found.max - found.min))
    return differs('maximum', stored.max, found.max)
  if (kind === 'robust' && off(stored.median, found.median, found.iqr))
    return differs('median', stored.median, found.median)
  if (kind === 'robust' && off(stored.iqr, found.iqr, found.iqr))
    return differs('interquartile range', stored.iqr, found.iqr)
  return undefined
}

/**
 * S2 and S3: the stored scaler is what the training rows give, and of those alone: fitted on training and test rows
 * together it would know the future. `found` is by feature, undefined for texts.
 */
export function fittedOnTraining(
  model: string,
  artifact: ScalerArtifact,
  found: readonly ({ readonly train: ColumnStatistics; readonly all: ColumnStatistics } | undefined)[],
): CheckResult[] {
  const off: Finding[] = []
  const leaked: Finding[] = []
  let compared = 0
  artifact.features.forEach((stored, at) => {
    const own = found[at]
    if (!own || stored.count === 0) return
    compared++
    const kind = stored.kind ?? artifact.kind
    const text = apart(kind, stored, own.train)
    if (text === undefined) return
    const column = stored.name
    if (apart(kind, stored, own.all) !== undefined) off.push({ column, level: 'fail', text })
    else leaked.push({ column, level: 'fail', text: `${column} was fitted on training and test rows together` })
  })
  return [
    scalerCheck(
      refit,
      { model },
      {
        evaluated: compared,
        findings: off,
        good: `the training rows give the stored parameters of ${plural(compared, 'input')}`,
      },
    ),
    scalerCheck(leak, { model }, { evaluated: compared, findings: leaked, good: 'no test row was used for scaling' }),
  ]
}
