import type { CheckResult } from '../../define/report.ts'
import { seeded } from '../../math/random/seeded.ts'
import { fitScaler, inverseTransform, mergeScalers, transform } from '../../math/scaler/index.ts'
import { parametersOf, type ScalerArtifact } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'

const tolerance = 1e-9
const parts = 8
const merge = {
  id: 'scaler-merge',
  threshold: `mean and variance merged from ${parts} random parts equal one pass within ${tolerance}`,
}
const round = { id: 'scaler-round-trip', threshold: `unscaling a scaled value gives it back within ${tolerance}` }

/** Columns of numbers in the order of the artifact's features, undefined for texts; NaN for missing. */
export type NumberColumns = readonly (Float32Array | undefined)[]

/** S11: what is learned does not depend on how the rows were split among partitions or processes. */
export function mergeAssociativity(
  model: string,
  artifact: ScalerArtifact,
  columns: NumberColumns,
  seed: number,
): CheckResult {
  const findings: Finding[] = []
  let evaluated = 0
  let worst = 0
  artifact.features.forEach(({ name }, at) => {
    const column = columns[at]
    if (!column || column.length === 0) return
    evaluated++
    const random = seeded(seed + at)
    const of = Uint8Array.from(column, () => random.below(parts))
    const pieces = Array.from({ length: parts }, (_, part) =>
      fitScaler('standard', [column.filter((_value, row) => of[row] === part)]),
    )
    const whole = fitScaler('standard', [column]).features[0]
    const merged = mergeScalers(pieces).features[0]
    if (!whole || !merged || whole.count === 0) return
    const deviation = Math.sqrt(whole.var)
    const error = Math.max(
      Math.abs(merged.mean - whole.mean) / Math.max(Math.abs(whole.mean), deviation, Number.MIN_VALUE),
      whole.constant ? 0 : Math.abs(merged.var - whole.var) / whole.var,
    )
    worst = Math.max(worst, error)
    if (!(error <= tolerance) || merged.count !== whole.count)
      findings.push({
        column: name,
        level: 'fail',
        text: `${name} merged from ${parts} parts differs from one pass by ${figure(error)}`,
        observed: { error },
      })
  })
  return scalerCheck(
    merge,
    { model },
    {
      evaluated,
      findings,
      good: `merging random parts of ${plural(evaluated, 'input')} changes them by at most ${figure(worst)}`,
      observed: { worst },
    },
  )
}

/** S12: scaling loses nothing in float64, so explanations in the user's own units are right. */
export function roundTrip(model: string, artifact: ScalerArtifact, columns: NumberColumns): CheckResult {
  const scaler = parametersOf(artifact)
  const findings: Finding[] = []
  let evaluated = 0
  let worst = 0
  artifact.features.forEach(({ name, scale, offset }, at) => {
    const column = columns[at]
    const feature = scaler.features[at]
    if (!column || !feature) return
    evaluated++
    const one = { ...scaler, features: [feature] }
    const [back] = inverseTransform(one, transform(one, [column]))
    const unit = Math.max(Math.abs(scale), Math.abs(offset))
    let off = 0
    column.forEach((value, row) => {
      if (!Number.isFinite(value)) return
      const error = Math.abs((back?.[row] as number) - value) / Math.max(Math.abs(value), unit)
      off = Math.max(off, error)
    })
    worst = Math.max(worst, off)
    if (!(off <= tolerance))
      findings.push({
        column: name,
        level: 'fail',
        text: `${name} comes back off by ${figure(off)}`,
        observed: { off },
      })
  })
  return scalerCheck(
    round,
    { model },
    {
      evaluated,
      findings,
      good: `${plural(evaluated, 'input')} come back from their scale within ${figure(worst)}`,
      observed: { worst },
    },
  )
}
