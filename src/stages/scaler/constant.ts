import type { CheckResult } from '../../define/report.ts'
import type { GraphScaling } from '../../onnx/index.ts'
import { numbersOf, type ScalerArtifact } from './artifact.ts'
import { figure, type Finding, plural, scalerCheck } from './finding.ts'
import type { WindowColumn } from '../windows/window.ts'

const fitted = { id: 'scaler-constant', threshold: 'every number takes more than one value in training' }
const moved = {
  id: 'scaler-constant-moved',
  threshold: 'a feature that was constant in training keeps its value (within 1e-9)',
}

/**
 * S4 at fit: a constant feature is centred and not scaled (scikit-learn does so silently); one without values is neither. What scales
 * in a graph of its own may divide by next to nothing instead, or by 0.
 */
export function constantFeatures(model: string, artifact: ScalerArtifact, graph?: GraphScaling): CheckResult {
  const numbers = numbersOf(artifact)
  const divided = new Map(graph?.scales.map(one => [one.input, one.scale]))
  const findings = numbers.flatMap(({ name, constant, count, mean }): Finding[] => {
    const broken = graph?.unscaled.find(one => one.broken && one.input === name)
    if (broken) return [{ column: name, level: 'fail', text: `${name} ${broken.reason}` }]
    if (count > 0 && !constant) return []
    const by = divided.get(name) ?? 1
    const then = by === 1 ? 'it is not scaled' : `the graph divides what differs from that by ${figure(by)}`
    const known = count === 0 ? 'has no value in training' : `is ${figure(mean)} in every training row`
    return [{ column: name, level: 'warn', text: `${name} ${known}: ${then}` }]
  })
  return scalerCheck(
    fitted,
    { model },
    {
      evaluated: numbers.length,
      findings,
      good: `${plural(numbers.length, 'number')} vary in training`,
      nothing: 'the model takes no numbers',
    },
  )
}

/** S4 at serving: what never moved in training enters the model unscaled once it moves. */
export function constantMoved(
  target: CheckResult['target'],
  artifact: ScalerArtifact,
  window: readonly WindowColumn[],
): CheckResult {
  const findings: Finding[] = []
  let compared = 0
  numbersOf(artifact).forEach((stored, at) => {
    const seen = window[at]
    if (!stored.constant || !seen) return
    compared++
    const { name, mean } = stored
    const farFrom = Math.abs(seen.mean - mean) > 1e-9 * Math.max(1, Math.abs(mean))
    const count = seen.other ?? (farFrom ? seen.rows - seen.missing : 0)
    if (count > 0)
      findings.push({
        column: name,
        level: 'fail',
        text: `${name} was ${figure(mean)} in every training row and has another value in ${plural(count, 'row')}: it enters the model unscaled`,
        observed: { trained: mean, other: count },
      })
  })
  return scalerCheck(moved, target, {
    evaluated: compared,
    findings,
    good: `${plural(compared, 'constant feature')} kept their value`,
    nothing: 'no feature was constant in training',
  })
}
