import type { LinearModel } from '../../../math/linear/index.ts'
import { constantMargins } from '../../../math/trees/index.ts'
import type { Trainer } from '../../../ports/trainer.ts'
import type { Examples, FittedModel } from './examples.ts'

/**
 * The answer that any model has to beat: the shares of the classes, the mean, the mean rate or the quantile of the training
 * rows for every row, or the value of one input, a missing one at its mean.
 */
export function fitBaseline({ input }: Trainer & { kind: 'baseline' }, examples: Examples): FittedModel {
  const { columns, names } = examples
  const width = columns.length
  const at = input === undefined ? -1 : names.indexOf(input)
  const zeros = (): number[] => Array.from({ length: width }, () => 0)
  const replacements = zeros()
  const importance = zeros()
  const effects: LinearModel['effects'] = []
  if (at < 0) {
    const { task } = examples
    const intercepts = constantMargins(examples, task, examples.quantile)
    const model: LinearModel = {
      // Values, quantiles and rates are given as they are
      task: task === 'binary' || task === 'multiclass' ? task : 'regression',
      coefficients: intercepts.map(zeros),
      intercepts: task === 'count' ? intercepts.map(Math.exp) : intercepts,
      replacements,
      effects,
    }
    return { estimator: { kind: 'linear', model }, importance }
  }
  const column = columns[at] as Float32Array
  const present = column.filter(value => !Number.isNaN(value))
  replacements[at] = Math.fround(
    present.length > 0 ? present.reduce((sum, value) => sum + value / present.length, 0) : 0,
  )
  const coefficients = zeros()
  coefficients[at] = 1 / (examples.scale.factor[at] as number)
  importance[at] = 1
  const intercepts = [examples.scale.offset[at] as number]
  const model: LinearModel = { task: 'regression', coefficients: [coefficients], intercepts, replacements, effects }
  return { estimator: { kind: 'linear', model }, importance }
}
