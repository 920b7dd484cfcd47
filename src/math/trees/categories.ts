import type { Task } from '../task.ts'
import { maxCodeBins } from './arena.ts'
import type { TrainingMatrix } from './ensemble.ts'

/** The bin of a code that no row has. */
export const noBin = 0xffff

/** The bin of each code; codes in one bin are not told apart. */
export interface CodeBins {
  readonly bins: number
  readonly binOf: Uint16Array
}

/**
 * Bins of a categorical feature: one for each code that some row has, where they fit. Otherwise codes with about the same mean label share one: of
 * neighbours in the order of their means those are joined whose joining raises the squared error least (Ward 1963).
 */
export function binCodes(matrix: TrainingMatrix, feature: number, task: Task): CodeBins {
  const codes = matrix.codes?.[feature] ?? 0
  const present = new Uint8Array(codes)
  for (const code of matrix.columns[feature] as Float32Array) present[code] = 1
  const list = Array.from(present.keys()).filter(code => present[code] === 1)
  const binOf = new Uint16Array(codes).fill(noBin)
  if (list.length <= maxCodeBins) {
    list.forEach((code, bin) => {
      binOf[code] = bin
    })
    return { bins: list.length, binOf }
  }
  const { mass, means } = meansOf(matrix, feature, codes, task)
  const order = list.sort((a, b) => (means[a] as number) - (means[b] as number) || a - b)
  const groups = order.map(code => ({ codes: [code], mass: mass[code] as number, mean: means[code] as number }))
  while (groups.length > maxCodeBins) {
    let at = 0
    let least = Infinity
    for (let i = 0; i + 1 < groups.length; i++) {
      const [a, b] = [groups[i] as (typeof groups)[number], groups[i + 1] as (typeof groups)[number]]
      const cost = a.mass + b.mass > 0 ? ((a.mass * b.mass) / (a.mass + b.mass)) * (a.mean - b.mean) ** 2 : 0
      if (cost < least) {
        least = cost
        at = i
      }
    }
    const [a, b] = [groups[at] as (typeof groups)[number], groups[at + 1] as (typeof groups)[number]]
    const together = a.mass + b.mass
    groups.splice(at, 2, {
      codes: [...a.codes, ...b.codes],
      mass: together,
      mean: together > 0 ? (a.mass * a.mean + b.mass * b.mean) / together : a.mean,
    })
  }
  groups.forEach((group, bin) => {
    for (const code of group.codes) binOf[code] = bin
  })
  return { bins: groups.length, binOf }
}

/** Rows and mean label of each code; of classes, the direction in which codes differ most. */
function meansOf(
  { rows, columns, labels, weights, classes = 0 }: TrainingMatrix,
  feature: number,
  codes: number,
  task: Task,
): { readonly mass: Float64Array; readonly means: Float64Array } {
  const column = columns[feature] as Float32Array
  const width = task === 'multiclass' ? classes : 1
  const mass = new Float64Array(codes)
  const sums = new Float64Array(codes * width)
  for (let row = 0; row < rows; row++) {
    const code = column[row] as number
    const weight = weights ? (weights[row] as number) : 1
    const label = labels[row] as number
    mass[code] = (mass[code] as number) + weight
    const place = width === 1 ? code : code * width + label
    sums[place] = (sums[place] as number) + (width === 1 ? weight * label : weight)
  }
  const total = mass.reduce((sum, one) => sum + one, 0)
  const middle = Array.from({ length: width }, (_, k) => {
    let sum = 0
    for (let code = 0; code < codes; code++) sum += sums[code * width + k] as number
    return total > 0 ? sum / total : 0
  })
  const away = (code: number, k: number): number => {
    const own = mass[code] as number
    return own > 0 ? (sums[code * width + k] as number) / own - (middle[k] as number) : 0
  }
  if (width === 1) return { mass, means: Float64Array.from({ length: codes }, (_, code) => away(code, 0)) }
  // The first principal component, by the power method
  let axis = Float64Array.from({ length: width }, (_, k) => Math.cos(k))
  const along = (code: number): number => axis.reduce((sum, part, k) => sum + part * away(code, k), 0)
  for (let turn = 0; turn < 30; turn++) {
    const next = new Float64Array(width)
    for (let code = 0; code < codes; code++) {
      const amount = (mass[code] as number) * along(code)
      for (let k = 0; k < width; k++) next[k] = (next[k] as number) + amount * away(code, k)
    }
    const size = Math.sqrt(next.reduce((sum, part) => sum + part * part, 0))
    if (!(size > 0)) break
    axis = next.map(part => part / size)
  }
  return { mass, means: Float64Array.from({ length: codes }, (_, code) => along(code)) }
}
