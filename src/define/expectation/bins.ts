import { fromNode, when } from '../expression/build.ts'
import type { Node } from '../expression/node.ts'
import type { NumberExpression } from '../expression/types.ts'
import type { ValueCounts } from './metric.ts'
import { keyOf } from './value-counts.ts'

/** Levels that cut a number into `bins` parts of equal share. */
export function binLevels(bins: number): number[] {
  return Array.from({ length: bins - 1 }, (_, i) => (i + 1) / bins)
}

/** Ascending different cut points; fewer where one value is frequent. */
export function cutPoints(quantiles: readonly (number | null)[]): number[] {
  return [...new Set(quantiles.filter((one): one is number => one !== null))].sort((a, b) => a - b)
}

/** Number of the right-closed bin that holds a value, as an expression; -1 for nulls, the last bin for NaN. */
export function binOf(of: Node, cuts: readonly number[]): Node {
  const value = (fromNode(of) as NumberExpression<'float', boolean, string>).toFloat()
  // halved at each step: an engine goes through a row's branches one by one
  const between = (from: number, to: number): number | NumberExpression<'float', boolean, string> => {
    if (from === to) return from
    const middle = (from + to) >> 1
    return when([[value.lte(cuts[middle] as number), between(from, middle)]], between(middle + 1, to))
  }
  return when([[value.isNull(), -1]], between(0, cuts.length)).node
}

/** Counts by bin, in order, the nulls last. */
export function binCounts({ values, counts }: ValueCounts, bins: number): number[] {
  const made: number[] = Array.from({ length: bins + 1 }, () => 0)
  values.forEach((value, i) => {
    made[Number(value) === -1 ? bins : Number(value)] = counts[i] as number
  })
  return made
}

/** Counts of two sets of values by the reference's most frequent ones, then all others, then nulls. */
export function categoryCounts(reference: ValueCounts, current: ValueCounts, most = 100): [number[], number[]] {
  const order = reference.values
    .map((_, i) => i)
    .sort((a, b) => (reference.counts[b] as number) - (reference.counts[a] as number))
  const slot = new Map(order.slice(0, most).map((index, i) => [keyOf(reference.values[index] ?? null), i]))
  const fill = (of: ValueCounts): number[] => {
    const made: number[] = Array.from({ length: slot.size + 2 }, () => 0)
    of.values.forEach((value, i) => {
      const at = slot.get(keyOf(value)) ?? slot.size
      made[at] = (made[at] as number) + (of.counts[i] as number)
    })
    made[slot.size + 1] = of.nulls
    return made
  }
  return [fill(reference), fill(current)]
}
