import { type Design, designOf } from './design.ts'
import { minimiseWithL1 } from './elastic-net.ts'
import { lossFor } from './losses.ts'
import type { LinearData, LinearModel, LinearTask } from './model.ts'
import { minimise } from './newton.ts'
import { minimiseInRowSpace, rowSpaceIsSmaller } from './row-space.ts'

export interface LinearFit {
  readonly task: LinearTask
  /** Of a multiclass task. */
  readonly classes?: number
  /** Sum of squares of the coefficients × l2 / 2 is added to the loss; default 1. */
  readonly l2?: number
  /** Sum of the sizes of the coefficients × l1 is added to the loss; default 0. */
  readonly l1?: number
}

/** Above it the steps of the solver are no longer seconds. */
export const maxClasses = 1000

/**
 * Fits a generalised linear model by minimising Σ weight × loss + l2/2 Σ β² + l1 Σ |β|, intercepts excepted. The loss of a row
 * is half the squared error in units of the labels' standard deviation, or minus the log likelihood (Bernoulli, multinomial,
 * Poisson with a log link). The penalties count on numbers of variance 1 and on one column of zeros and ones a code, so that
 * neither the unit of a number nor that of the label matters. Codes that no row has add nothing.
 * Throws RangeError for options and data that cannot be fitted.
 */
export function fitLinear(data: LinearData, options: LinearFit): LinearModel {
  return fitWithImportance(data, options).model
}

/** The same with each feature's share: the deviation of what it adds to the margins, over the rows, of all features'. */
export function fitWithImportance(
  data: LinearData,
  options: LinearFit,
): { readonly model: LinearModel; readonly importance: readonly number[] } {
  const { task } = options
  const l1 = penaltyOf('l1', options.l1 ?? 0)
  const l2 = penaltyOf('l2', options.l2 ?? 1)
  const classes = task === 'multiclass' ? (options.classes ?? 0) : 0
  if (task === 'multiclass' && !(Number.isInteger(classes) && classes >= 2 && classes <= maxClasses))
    throw new RangeError(`classes must be a whole number from 2 to ${maxClasses}, got ${classes}`)
  checkLabels(data.labels, task, classes)
  const design = designOf(data)
  const unit = task === 'regression' ? unitOf(data.labels, design.weights) : { offset: 0, scale: 1 }
  const labels = Float64Array.from(data.labels, label => (label - unit.offset) / unit.scale)
  const loss = lossFor(task, classes, labels, design.weights)
  const solution =
    l1 > 0
      ? minimiseWithL1(design, loss, l1, l2)
      : l2 > 0 && rowSpaceIsSmaller(design)
        ? minimiseInRowSpace(design, loss, l2)
        : minimise(design, loss, l2)
  if (l1 === 0 && l2 === 0) centreCodes(design, solution, loss.outputs)
  return { model: modelOf(design, solution, task, unit), importance: sharesOf(design, solution, loss.outputs) }
}

function penaltyOf(name: string, value: number): number {
  if (!(value >= 0 && Number.isFinite(value))) throw new RangeError(`${name} must be 0 or more, got ${value}`)
  return value
}

function checkLabels(labels: Float32Array, task: LinearTask, classes: number): void {
  labels.forEach((label, row) => {
    const good =
      task === 'regression'
        ? Number.isFinite(label)
        : task === 'count'
          ? label >= 0 && label < Infinity
          : Number.isInteger(label) && label >= 0 && label < (task === 'binary' ? 2 : classes)
    if (good) return
    const wanted =
      task === 'binary' ? ', not 0 or 1' : task === 'count' ? ', not 0 or more' : classes > 0 ? ` of ${classes}` : ''
    throw new RangeError(`the label of row ${row} is ${label}${wanted}`)
  })
}

/** Mean and standard deviation of the labels: what is solved is free of their unit. */
function unitOf(labels: Float32Array, weights: Float64Array): { readonly offset: number; readonly scale: number } {
  let sum = 0
  let total = 0
  labels.forEach((label, row) => {
    sum += (weights[row] as number) * label
    total += weights[row] as number
  })
  const offset = sum / total
  let squares = 0
  labels.forEach((label, row) => {
    squares += (weights[row] as number) * (label - offset) ** 2
  })
  return { offset, scale: Math.sqrt(squares / total) || 1 }
}

/** Without a penalty only differences between a feature's codes are determined: their mean over the rows becomes 0. */
function centreCodes(design: Design, solution: Float64Array, outputs: number): void {
  const { features, first, codes, mass, width } = design
  for (let k = 0; k < outputs; k++) {
    const own = solution.subarray(k * width, (k + 1) * width)
    for (let at = 0; at < features; at++) {
      const [begin, count] = [first[at] as number, codes[at] as number]
      if (count === 0) continue
      const mean = meanEffect(own, mass, begin, count)
      own[width - 1] = (own[width - 1] as number) + mean
      for (let code = begin; code < begin + count; code++)
        own[code] = (mass[code] as number) > 0 ? (own[code] as number) - mean : 0
    }
  }
}

function meanEffect(own: Float64Array, mass: Float64Array, begin: number, count: number): number {
  let sum = 0
  let total = 0
  for (let code = begin; code < begin + count; code++) {
    sum += (mass[code] as number) * (own[code] as number)
    total += mass[code] as number
  }
  return sum / total
}

function modelOf(
  design: Design,
  solution: Float64Array,
  task: LinearTask,
  unit: { readonly offset: number; readonly scale: number },
): LinearModel {
  const { features, first, codes, means, deviations, replacements, width } = design
  const outputs = solution.length / width
  const at = (k: number, column: number): number => (solution[k * width + column] as number) * unit.scale
  const coefficients = Array.from({ length: outputs }, (_, k) =>
    Array.from({ length: features }, (__, f) =>
      codes[f] === 0 ? at(k, first[f] as number) / (deviations[f] as number) : 0,
    ),
  )
  return {
    task,
    coefficients,
    intercepts: coefficients.map(
      (own, k) => unit.offset + at(k, width - 1) - own.reduce((sum, c, f) => sum + c * (means[f] as number), 0),
    ),
    replacements,
    effects: Array.from(codes).flatMap((count, feature) =>
      count === 0
        ? []
        : [
            {
              feature,
              values: Array.from({ length: count }, (_, code) =>
                Array.from({ length: outputs }, (__, k) => at(k, (first[feature] as number) + code)),
              ),
            },
          ],
    ),
  }
}

function sharesOf(design: Design, solution: Float64Array, outputs: number): number[] {
  const { features, first, codes, mass, width, columns, deviations, means, replacements } = design
  const spread = Array.from({ length: features }, (_, f) => {
    const [begin, count] = [first[f] as number, codes[f] as number]
    let sum = 0
    for (let k = 0; k < outputs; k++) {
      const own = solution.subarray(k * width, (k + 1) * width)
      if (count === 0) {
        // A constant number has no deviation, whatever divides it
        const column = columns[f] as Float32Array
        const varies =
          deviations[f] !== 1 ||
          column.some(value => (value !== value ? (replacements[f] as number) : value) !== means[f])
        sum += varies ? Math.abs(own[begin] as number) : 0
        continue
      }
      const mean = meanEffect(own, mass, begin, count)
      let squares = 0
      let total = 0
      for (let code = begin; code < begin + count; code++) {
        squares += (mass[code] as number) * ((own[code] as number) - mean) ** 2
        total += mass[code] as number
      }
      sum += Math.sqrt(squares / total)
    }
    return sum
  })
  const total = spread.reduce((sum, one) => sum + one, 0)
  return spread.map(one => (total > 0 ? one / total : 0))
}
