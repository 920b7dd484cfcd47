import type { CalibrationSteps } from '../math/calibration/index.ts'
import type { GraphBuilder } from './graph-builder.ts'
import { dataTypes, type OnnxGraph, type OnnxNode } from './proto.ts'

/**
 * Writes the line through the knots: first probability + Σ slope × (the part of each interval that lies below the score), in
 * float64. `from` and `to` are float32 of shape [N, 1].
 */
export function writeSteps(builder: GraphBuilder, from: string, steps: CalibrationSteps, to: string): void {
  const { scores, probabilities } = steps
  // One knot alone is a flat interval
  const [xs, ys] =
    scores.length > 1
      ? [scores, probabilities]
      : [
          [scores[0] as number, (scores[0] as number) + 1],
          [probabilities[0] as number, probabilities[0] as number],
        ]
  const count = xs.length - 1
  const widths = Array.from({ length: count }, (_, at) => (xs[at + 1] as number) - (xs[at] as number))
  const slopes = widths.map((width, at) => ((ys[at + 1] as number) - (ys[at] as number)) / width)
  const constant = (name: string, dims: readonly number[], values: readonly number[]): string =>
    builder.constant(`calibration_${name}`, 'double', dims, values)
  const wide = builder.node('Cast', [from], 'calibration_wide', { to: { int: dataTypes.double } })
  const away = builder.node('Sub', [wide, constant('knots', [1, count], xs.slice(0, count))], 'calibration_away')
  const above = builder.node('Max', [away, constant('zero', [1], [0])], 'calibration_above')
  const within = builder.node('Min', [above, constant('widths', [1, count], widths)], 'calibration_within')
  const rise = builder.node('MatMul', [within, constant('slopes', [count, 1], slopes)], 'calibration_rise')
  const sum = builder.node('Add', [rise, constant('first', [1], [ys[0] as number])], 'calibration_sum')
  builder.node('Cast', [sum], to, { to: { int: dataTypes.float } })
}

/** Reads back what `writeSteps` wrote, and takes it off the list; undefined when the nodes have another form. */
export function readSteps(graph: OnnxGraph, rest: OnnxNode[]): CalibrationSteps | undefined {
  const doubles = (op: string): readonly number[] | undefined => {
    const node = rest[0]?.op === op ? rest.shift() : undefined
    const tensor = graph.initializers.find(one => one.name === node?.inputs[1] && one.dataType === dataTypes.double)
    return tensor?.values?.map(Number)
  }
  const take = (op: string): boolean => rest[0]?.op === op && rest.shift() !== undefined
  if (!take('Cast')) return undefined
  const knots = doubles('Sub')
  const zero = doubles('Max')
  const widths = doubles('Min')
  const slopes = doubles('MatMul')
  const first = doubles('Add')?.[0]
  if (!take('Cast') || !knots || !widths || !slopes || zero?.[0] !== 0 || first === undefined) return undefined
  if (knots.length === 0 || knots.length !== widths.length || knots.length !== slopes.length) return undefined
  const last = (knots.at(-1) as number) + (widths.at(-1) as number)
  const scores = [...knots, last]
  const probabilities = [first]
  slopes.forEach((slope, at) => probabilities.push((probabilities[at] as number) + slope * (widths[at] as number)))
  const rising = scores.every((score, at) => at === 0 || score > (scores[at - 1] as number))
  return rising && probabilities.every(Number.isFinite) ? { scores, probabilities } : undefined
}
