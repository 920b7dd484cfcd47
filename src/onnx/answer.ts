import { maxRateMargin, type Task } from '../math/task.ts'
import type { GraphBuilder } from './graph-builder.ts'

/** The least float32 that is no less: what is at or above it is at or above the threshold, to the last bit. */
function float32From(threshold: number): number {
  const nearest = Math.fround(threshold)
  if (nearest >= threshold) return nearest
  // Thresholds are within 0 and 1, where the next larger float32 has the next larger bits
  const bits = new DataView(new ArrayBuffer(4))
  bits.setFloat32(0, nearest)
  bits.setUint32(0, bits.getUint32(0) + 1)
  return bits.getFloat32(0)
}

/** The operator between a task's margins and its scores; where there is none, the margins are the scores. */
export const links: Readonly<Record<Task, 'Sigmoid' | 'Softmax' | 'Exp' | undefined>> = {
  binary: 'Sigmoid',
  multiclass: 'Softmax',
  count: 'Exp',
  regression: undefined,
  quantile: undefined,
}

/** Writes the link from `margins` to `scores`, if the task has one. */
export function writeLink(builder: GraphBuilder, task: Task, to = 'scores'): void {
  const link = links[task]
  if (link === 'Exp') {
    const most = builder.constant('max_margin', 'float', [1], [maxRateMargin])
    builder.node('Exp', [builder.node('Min', ['margins', most], 'bounded_margins')], to)
  } else if (link) builder.node(link, ['margins'], to, link === 'Softmax' ? { axis: { int: 1 } } : {})
}

/** Writes `label` from `scores`, and declares both as outputs. */
export function writeOutputs(builder: GraphBuilder, task: Task, outputs: number, threshold: number): void {
  if (task === 'binary') {
    const limit = builder.constant('threshold', 'float', [1], [float32From(threshold)])
    const above = builder.node('GreaterOrEqual', ['scores', limit], 'above')
    const cast = builder.node('Cast', [above], 'label_column', { to: { int: 7 } })
    const axis = builder.constant('label_axis', 'int64', [1], [1])
    builder.node('Squeeze', [cast, axis], 'label')
  } else if (task === 'multiclass') {
    builder.node('ArgMax', ['scores'], 'label', { axis: { int: 1 }, keepdims: { int: 0 } })
  }
  builder.output('scores', 'float', ['N', outputs])
  if (task === 'binary' || task === 'multiclass') builder.output('label', 'int64', ['N'])
}
