import { digestJson } from '../../internal/digest.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { Value } from '../expression/dialect.ts'
import { columnsOf, type Node } from '../expression/node.ts'

interface RowFilter {
  /** Only rows for which this is true. */
  readonly where?: Node
}

/**
 * What can be measured of a dataset, as plain data. The planner decides how: from a Parquet footer, from the counts of a
 * column's values, or in a scan. Nulls are left out of every measure of `of`; so are NaN and infinities of `moments`,
 * `quantiles`, `comoments` and `rankCorrelation`.
 */
export type Metric =
  /** Number of rows. */
  | ({ readonly fn: 'rows' } & RowFilter)
  /** Count, mean and sum of a number; with `spread` also its population variance, which overflows first. */
  | ({ readonly fn: 'moments'; readonly of: Node; readonly spread?: true } & RowFilter)
  /** Smallest and greatest value of a number or timestamp. */
  | ({ readonly fn: 'extremes'; readonly of: Node } & RowFilter)
  /** How often each value occurs. */
  | ({ readonly fn: 'values'; readonly of: Node } & RowFilter)
  /** Exact quantiles, linear between order statistics. */
  | ({ readonly fn: 'quantiles'; readonly of: Node; readonly q: readonly number[] } & RowFilter)
  /** Number of different values, exact. */
  | ({ readonly fn: 'distinct'; readonly of: Node } & RowFilter)
  /** Estimate of the number of different values; exact where they are counted anyway. */
  | ({ readonly fn: 'approximateDistinct'; readonly of: Node } & RowFilter)
  /** The most frequent values, with the exact number of different ones. Ties stand in the order of the values. */
  | ({ readonly fn: 'topValues'; readonly of: Node; readonly most: number } & RowFilter)
  /** Means, variances and covariance of two numbers over rows that have both. */
  | ({ readonly fn: 'comoments'; readonly a: Node; readonly b: Node } & RowFilter)
  /** Pearson correlation of the mid-ranks of two numbers (Spearman). */
  | ({ readonly fn: 'rankCorrelation'; readonly a: Node; readonly b: Node } & RowFilter)
  /** How often each pair of values occurs. */
  | ({ readonly fn: 'pairs'; readonly a: Node; readonly b: Node } & RowFilter)

export type RowsMetric = Extract<Metric, { fn: 'rows' }>

export interface Moments {
  readonly count: number
  readonly mean: number
  /** Sum of squared differences from the mean; NaN where no spread was asked for. */
  readonly m2: number
  readonly sum: number
}

export interface Extremes {
  readonly count: number
  readonly min: Value
  readonly max: Value
}

export interface ValueCounts {
  readonly values: readonly Value[]
  readonly counts: readonly number[]
  readonly nulls: number
}

export interface TopValues {
  /** The most frequent first. */
  readonly values: readonly Value[]
  readonly counts: readonly number[]
  readonly distinct: number
}

export interface Estimate {
  readonly value: number
  readonly exact: boolean
}

export interface Quantiles {
  readonly count: number
  /** One a wanted quantile; null when there is no value. */
  readonly at: readonly (number | null)[]
}

export interface Comoments {
  readonly count: number
  readonly meanA: number
  readonly meanB: number
  readonly m2A: number
  readonly m2B: number
  readonly cross: number
}

export interface PairCounts {
  readonly a: readonly Value[]
  readonly b: readonly Value[]
  readonly counts: readonly number[]
}

/** The result of each measure. */
export interface MetricResults {
  readonly rows: number
  readonly moments: Moments
  readonly extremes: Extremes
  readonly values: ValueCounts
  readonly quantiles: Quantiles
  readonly distinct: number
  readonly approximateDistinct: Estimate
  readonly topValues: TopValues
  readonly comoments: Comoments
  readonly rankCorrelation: { readonly count: number; readonly value: number | null }
  readonly pairs: PairCounts
}

export type MetricName = Metric['fn']
export type MetricResult = MetricResults[MetricName]

/** Columns that a measure reads, sorted. */
export function columnsOfMetric(metric: Metric): string[] {
  const nodes = Object.values(metric).filter((one): one is Node => typeof one === 'object' && 'op' in one)
  return [...new Set(nodes.flatMap(columnsOf))].sort()
}

const ids = new WeakMap<Metric, string>()

/** Equal measures have equal ids, so that each is taken once. */
export function metricId(metric: Metric): string {
  const known = ids.get(metric)
  if (known !== undefined) return known
  const id = digestJson(metric as unknown as Json).slice(7, 31)
  ids.set(metric, id)
  return id
}
