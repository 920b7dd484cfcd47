import type { CheckResult } from '../../define/report.ts'
import type { GraphScaling } from '../../onnx/index.ts'
import { numbersOf, type ScalerArtifact, type ScalerFeature } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'

const warnAt = 1e-4
const failAt = 1e-2
const rule = {
  id: 'scaler-precision',
  threshold: `float32 moves a scaled value by less than ${warnAt} (warning) and ${failAt} (failure)`,
}

type ScaledNumber = Pick<ScalerFeature, 'name' | 'min' | 'max' | 'scale'>

/** Numbers that are scaled in float32; a graph may have one of them twice. */
function scaledNumbers(artifact: ScalerArtifact, graph: GraphScaling | undefined): readonly ScaledNumber[] {
  const varying = numbersOf(artifact).filter(feature => feature.count > 0 && !feature.constant)
  if (!artifact.outside) return varying.filter(feature => (feature.kind ?? artifact.kind) !== 'none')
  const byName = new Map(varying.map(feature => [feature.name, feature]))
  return (graph?.scales ?? []).flatMap(({ input, scale, wide }) => {
    const feature = byName.get(input)
    return feature && !wide ? [{ ...feature, scale: Math.abs(scale) }] : []
  })
}

/**
 * S5: the graph takes float32 and scales in float32, so a value far from zero beside its spread loses its last digits: epoch seconds
 * with a deviation of an hour are off by 0.02 deviations. The bound is half a unit in the last place of the greatest
 * training value, in scaled units. Features that are not scaled are not looked at.
 */
export function float32Precision(model: string, artifact: ScalerArtifact, graph?: GraphScaling): CheckResult {
  let worst = 0
  const scaled = scaledNumbers(artifact, graph)
  const findings = scaled.flatMap(({ name, min, max, scale }): Finding[] => {
    const error = (Math.max(Math.abs(min), Math.abs(max)) * 2 ** -24) / scale
    worst = Math.max(worst, error)
    if (error < warnAt) return []
    return [
      {
        column: name,
        level: error >= failAt ? 'fail' : 'warn',
        text: `${name} reaches ${figure(Math.max(Math.abs(min), Math.abs(max)))} with a scale of ${figure(scale)}: float32 moves it by up to ${figure(error)} scaled units; subtract a fixed origin first`,
        observed: { error },
      },
    ]
  })
  return scalerCheck(
    rule,
    { model },
    {
      evaluated: scaled.length,
      findings,
      good: `float32 moves the ${plural(scaled.length, 'scaled input')} by at most ${figure(worst)} scaled units`,
      nothing: graph?.scales.length ? 'the graph scales in float64' : 'nothing is scaled',
      observed: { worst },
    },
  )
}
