import type {
  Extremes,
  Metric,
  MetricResult,
  Moments,
  Quantiles,
  TopValues,
  ValueCounts,
} from '../../define/expectation/metric.ts'
import { compareValues, toEvaluator } from '../../define/expression/row.ts'
import type { Node } from '../../define/expression/node.ts'
import type { Value } from '../../ports/data-engine.ts'
import { mergeValues, noMoments } from './state.ts'

interface WeightedValue {
  readonly value: Value
  readonly count: number
}

/** Values of an expression over one column, each with the number of rows that have it; null is one of them. */
function weighted(counts: ValueCounts, column: string, of: Node, where: Node | undefined): readonly WeightedValue[] {
  const evaluate = of.op === 'column' ? undefined : toEvaluator(of)
  const condition = where ? toEvaluator(where) : undefined
  const found: WeightedValue[] = []
  const add = (level: Value, count: number): void => {
    const row = (name: string): Value => (name === column ? level : null)
    if (count > 0 && (!condition || condition(row) === true))
      found.push({ value: evaluate ? evaluate(row) : level, count })
  }
  counts.values.forEach((level, i) => add(level, counts.counts[i] as number))
  add(null, counts.nulls)
  return found
}

/**
 * Functions that the row evaluator may see differently from the engine (case mapping), or that may take it long on a
 * hostile text (patterns): such measures are taken by the engine.
 */
const engineOnly: ReadonlySet<string> = new Set(['matches', 'lower', 'upper'])

function plain(node: Node): boolean {
  return node.op !== 'call' || (!engineOnly.has(node.fn) && node.args.every(plain))
}

function isFiniteValue(value: Value): boolean {
  return typeof value === 'bigint' || Number.isFinite(value)
}

/** Sums in the order of the values, compensated (Neumaier), so that a constant has no spread by rounding. */
function sumOf(terms: Iterable<number>): number {
  let sum = 0
  let lost = 0
  for (const term of terms) {
    const next = sum + term
    lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum
    sum = next
  }
  return sum + lost
}

function moments(values: readonly WeightedValue[]): Moments {
  const finite = values.filter(one => isFiniteValue(one.value)).map(one => ({ x: Number(one.value), n: one.count }))
  const count = finite.reduce((sum, one) => sum + one.n, 0)
  if (count === 0) return noMoments
  const sum = sumOf(finite.map(one => one.x * one.n))
  const mean = finite.length === 1 ? (finite[0] as { x: number }).x : sum / count
  return {
    count,
    mean,
    m2: sumOf(finite.map(one => (one.x - mean) ** 2 * one.n)),
    sum,
  }
}

function extremes(values: readonly WeightedValue[]): Extremes {
  let min: Value = null
  let max: Value = null
  let count = 0
  for (const one of values) {
    count += one.count
    if (min === null || compareValues(one.value, min) < 0) min = one.value
    if (max === null || compareValues(one.value, max) > 0) max = one.value
  }
  return { count, min, max }
}

/** Type 7 quantiles of values that stand for many rows each. */
function quantiles(values: readonly WeightedValue[], levels: readonly number[]): Quantiles {
  const sorted = values
    .filter(one => isFiniteValue(one.value))
    .map(one => ({ x: Number(one.value), n: one.count }))
    .sort((a, b) => a.x - b.x)
  const ends: number[] = []
  let count = 0
  for (const one of sorted) ends.push((count += one.n))
  const atRank = (rank: number): number => {
    let low = 0
    let high = ends.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle] as number) > rank) high = middle
      else low = middle + 1
    }
    return (sorted[low] as { x: number }).x
  }
  return {
    count,
    at: levels.map(q => {
      if (count === 0) return null
      const position = (count - 1) * q
      const below = Math.floor(position)
      const low = atRank(below)
      const high = atRank(Math.min(below + 1, count - 1))
      return low + (high - low) * (position - below)
    }),
  }
}

/** Measures that the counts of a column's values answer without another look at the rows. */
export function answeredByValues(metric: Metric): boolean {
  if (metric.fn === 'comoments' || metric.fn === 'rankCorrelation' || metric.fn === 'pairs') return false
  return (metric.fn === 'rows' || plain(metric.of)) && (metric.where === undefined || plain(metric.where))
}

const nothing: Node = { op: 'literal', value: null, type: 'bool' }

/** A measure of one column from the counts of its values. */
export function fromValues(metric: Metric, column: string, counts: ValueCounts): MetricResult {
  if (metric.fn === 'comoments' || metric.fn === 'rankCorrelation' || metric.fn === 'pairs')
    throw new TypeError(`${metric.fn} is not read from the counts of values`)
  const of = metric.fn === 'rows' ? nothing : metric.of
  const all = weighted(counts, column, of, metric.where)
  if (metric.fn === 'rows') return all.reduce((sum, one) => sum + one.count, 0)
  const found = all.filter(one => one.value !== null)
  switch (metric.fn) {
    case 'moments':
      return moments(found)
    case 'extremes':
      return extremes(found)
    case 'quantiles':
      return quantiles(found, metric.q)
    case 'distinct':
      return mergeValues([asCounts(found, 0)]).values.length
    case 'approximateDistinct':
      return { value: mergeValues([asCounts(found, 0)]).values.length, exact: true }
    case 'topValues':
      return topValues(mergeValues([asCounts(found, 0)]), metric.most)
    case 'values': {
      const nulls = all.reduce((sum, one) => (one.value === null ? sum + one.count : sum), 0)
      return mergeValues([asCounts(found, nulls)])
    }
  }
}

function topValues({ values, counts }: ValueCounts, most: number): TopValues {
  // the values ascend, and sorting is stable: ties stand in their order
  const order = values.map((_, i) => i).sort((a, b) => (counts[b] as number) - (counts[a] as number))
  const first = order.slice(0, most)
  return {
    values: first.map(i => values[i] ?? null),
    counts: first.map(i => counts[i] as number),
    distinct: values.length,
  }
}

function asCounts(found: readonly WeightedValue[], nulls: number): ValueCounts {
  return { values: found.map(one => one.value), counts: found.map(one => one.count), nulls }
}
