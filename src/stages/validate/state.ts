import type {
  Comoments,
  Extremes,
  Metric,
  MetricName,
  MetricResult,
  MetricResults,
  Moments,
  PairCounts,
  ValueCounts,
} from '../../define/expectation/metric.ts'
import { compareValues } from '../../define/expression/row.ts'
import { keyOf } from '../../define/expectation/value-counts.ts'
import type { Value } from '../../ports/data-engine.ts'

const wholeOnly: ReadonlySet<MetricName> = new Set([
  'quantiles',
  'distinct',
  'approximateDistinct',
  'topValues',
  'rankCorrelation',
])

/** Measures whose results over parts of a dataset add up to the result over the whole, exactly. */
export function isMergeable(metric: Metric): boolean {
  return !wholeOnly.has(metric.fn)
}

export const noMoments: Moments = { count: 0, mean: 0, m2: 0, sum: 0 }

/** Chan, Golub and LeVeque's merge of means and sums of squares. */
function mergeMoments(a: Moments, b: Moments): Moments {
  if (a.count === 0) return b
  if (b.count === 0) return a
  const count = a.count + b.count
  const gap = b.mean - a.mean
  return {
    count,
    mean: a.mean + (gap * b.count) / count,
    m2: a.m2 + b.m2 + gap * gap * ((a.count * b.count) / count),
    sum: a.sum + b.sum,
  }
}

function mergeComoments(a: Comoments, b: Comoments): Comoments {
  if (a.count === 0) return b
  if (b.count === 0) return a
  const count = a.count + b.count
  const weight = (a.count * b.count) / count
  const gapA = b.meanA - a.meanA
  const gapB = b.meanB - a.meanB
  return {
    count,
    meanA: a.meanA + (gapA * b.count) / count,
    meanB: a.meanB + (gapB * b.count) / count,
    m2A: a.m2A + b.m2A + gapA * gapA * weight,
    m2B: a.m2B + b.m2B + gapB * gapB * weight,
    cross: a.cross + b.cross + gapA * gapB * weight,
  }
}

function extreme(a: Value, b: Value, greater: boolean): Value {
  if (a === null) return b
  if (b === null) return a
  return compareValues(a, b) > 0 === greater ? a : b
}

function mergeExtremes(a: Extremes, b: Extremes): Extremes {
  return { count: a.count + b.count, min: extreme(a.min, b.min, false), max: extreme(a.max, b.max, true) }
}

/** Counts by value, ascending: in one order whichever way they were put together. */
export function mergeValues(parts: readonly ValueCounts[]): ValueCounts {
  const found = new Map<string, { readonly value: Value; count: number }>()
  let nulls = 0
  for (const part of parts) {
    nulls += part.nulls
    for (const [i, value] of part.values.entries()) {
      const key = keyOf(value)
      const known = found.get(key)
      if (known) known.count += part.counts[i] as number
      else found.set(key, { value, count: part.counts[i] as number })
    }
  }
  const sorted = [...found.values()].sort((a, b) => compareValues(a.value, b.value))
  return { values: sorted.map(one => one.value), counts: sorted.map(one => one.count), nulls }
}

function mergePairs(parts: readonly PairCounts[]): PairCounts {
  const found = new Map<string, { readonly a: Value; readonly b: Value; count: number }>()
  for (const part of parts)
    for (const [i, a] of part.a.entries()) {
      const b = part.b[i] ?? null
      const key = `${keyOf(a)}\u0000${keyOf(b)}`
      const known = found.get(key)
      if (known) known.count += part.counts[i] as number
      else found.set(key, { a, b, count: part.counts[i] as number })
    }
  const all = [...found.values()]
  return { a: all.map(one => one.a), b: all.map(one => one.b), counts: all.map(one => one.count) }
}

/** The result over all parts, in their order. */
export function merge(metric: Metric, parts: readonly MetricResult[]): MetricResult {
  switch (metric.fn) {
    case 'rows':
      return (parts as number[]).reduce((sum, one) => sum + one, 0)
    case 'moments':
      return (parts as Moments[]).reduce(mergeMoments, noMoments)
    case 'extremes':
      return (parts as Extremes[]).reduce(mergeExtremes, { count: 0, min: null, max: null })
    case 'comoments':
      return (parts as Comoments[]).reduce(mergeComoments, { count: 0, meanA: 0, meanB: 0, m2A: 0, m2B: 0, cross: 0 })
    case 'values':
      return mergeValues(parts as ValueCounts[])
    case 'pairs':
      return mergePairs(parts as PairCounts[])
    default:
      if (parts.length === 1) return parts[0] as MetricResult
      throw new TypeError(`${metric.fn} of parts do not add up`)
  }
}

export type ResultOf<M extends Metric> = MetricResults[M['fn']]
