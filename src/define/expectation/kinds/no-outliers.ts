import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { NumberExpression } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import { columnKind, type Kind, type Measurements, type RowCounts } from '../kind.ts'
import type { Metric } from '../metric.ts'
import { rowExpectation, type Expectation, type NoFloatOptions, type RowOptions } from '../spec.ts'
import { carried, figure, skipped, tolerated } from '../verdict.ts'
import { where } from '../where.ts'
import { checkWord } from '../options.ts'

type Method = 'zscore' | 'iqr' | 'mad'
export interface Spread {
  /** Distance from the mean in standard deviations, from the quartiles in their range, or from the median in scaled MAD. */
  readonly method?: Method
  /** Default 8 (`zscore`), 3 (`iqr`), 8 (`mad`). */
  readonly limit?: number
  /** What the spread is taken of: the rows themselves (default) or the snapshot accepted before. */
  readonly reference?: 'self' | 'previous'
}
interface Args {
  readonly of: Node
  readonly method: Method
  readonly limit: number
  readonly reference: 'self' | 'previous'
}
type Call<O> = (options?: O & Spread) => Expectation

const defaults: Record<Method, number> = { zscore: 8, iqr: 3, mad: 8 }
/** Makes the median absolute deviation of a normal distribution its standard deviation. */
const madScale = 1.4826

type OutlierMeasurement = Pick<Measurements, 'metric' | 'reference'>

function spreadMetric({ of, method }: Args, when: Node | undefined): Metric {
  if (method === 'zscore') return { fn: 'moments', of, spread: true, ...where(when) }
  return { fn: 'quantiles', of, q: method === 'iqr' ? [0.25, 0.75] : [0.5], ...where(when) }
}

function read(args: Args, measured: OutlierMeasurement, name: string, fn: 'moments' | 'quantiles') {
  return args.reference === 'self' ? measured.metric(name, fn) : measured.reference(name, fn)
}

function deviation({ of }: Args, median: number): Node {
  return (fromNode(of) as NumberExpression<'float', boolean, string>).toFloat().minus(median).abs().node
}

/** The median, once it is measured; undefined where there is no value. */
function medianOf(args: Args, measured: OutlierMeasurement): number | undefined {
  const found = read(args, measured, 'spread', 'quantiles') as { at: readonly (number | null)[] } | undefined
  return found?.at[0] ?? undefined
}

function range(args: Args, measured: OutlierMeasurement): readonly [number, number] | undefined {
  const { method, limit } = args
  if (method === 'zscore') {
    const found = read(args, measured, 'spread', 'moments') as { count: number; mean: number; m2: number } | undefined
    if (!found || found.count === 0) return undefined
    const away = limit * Math.sqrt(found.m2 / found.count)
    return [found.mean - away, found.mean + away]
  }
  if (method === 'iqr') {
    const found = read(args, measured, 'spread', 'quantiles') as { at: readonly (number | null)[] } | undefined
    const [low, high] = found?.at ?? []
    if (typeof low !== 'number' || typeof high !== 'number') return undefined
    return [low - limit * (high - low), high + limit * (high - low)]
  }
  const median = medianOf(args, measured)
  const mad =
    median === undefined
      ? undefined
      : (read(args, measured, 'mad', 'quantiles') as { at: readonly (number | null)[] } | undefined)?.at[0]
  if (median === undefined || typeof mad !== 'number') return undefined
  return [median - limit * madScale * mad, median + limit * madScale * mad]
}

const needing = (args: Args, metrics: Readonly<Record<string, Metric>>) =>
  args.reference === 'self' ? { metrics } : { reference: { from: { previous: true } as const, metrics } }

const kind: Kind<Args> = {
  name: 'noOutliers',
  group: 'row',
  summary:
    'No value lies far from the others: by `zscore` (mean ± limit·σ), `iqr` (quartiles ± limit·range) or `mad` (median ± limit·1.4826·MAD).',
  example: "c.amount.noOutliers({ method: 'iqr', limit: 10 })",
  needs: ({ args, when }) => needing(args, { spread: spreadMetric(args, when) }),
  later: [
    ({ args, when }, measured) => {
      if (args.method !== 'mad') return {}
      const median = medianOf(args, measured)
      if (median === undefined) return {}
      return needing(args, { mad: { fn: 'quantiles', of: deviation(args, median), q: [0.5], ...where(when) } })
    },
    ({ args }, measured) => {
      const found = range(args, measured)
      // over no value there is nothing to be far from; the rows are still counted
      const [low, high] = found ?? [0, 0]
      const value = (fromNode(args.of) as NumberExpression<'float', boolean, string>).toFloat()
      return { rows: { by: 'expression', good: value.gte(low).and(value.lte(high)).node } }
    },
  ],
  verdict: (spec, measured) => {
    const found = range(spec.args, measured)
    const rows = measured.rows as RowCounts
    if (!found && spec.args.reference === 'previous')
      return skipped(spec, 'there is no earlier snapshot to compare with')
    const [low, high] = found ?? [Number.NaN, Number.NaN]
    const verdict = tolerated(spec, { ...rows, observed: { low: carried(low), high: carried(high) } })
    return found ? { ...verdict, message: `${verdict.message} (from ${figure(low)} to ${figure(high)})` } : verdict
  },
}

export const noOutliers = columnKind<{ int: Call<NoFloatOptions>; float: Call<RowOptions> }>()({
  kind,
  on: ['int', 'float'],
  make: (
    of: Node,
    { method = 'zscore', limit = defaults[method], reference = 'self', ...options }: RowOptions & Spread = {},
  ) => {
    if (!Object.hasOwn(defaults, method))
      refuse('expectation', 'noOutliers', `has no method '${String(method)}'; it has zscore, iqr, mad`)
    checkWord('noOutliers', 'reference', reference, ['self', 'previous'])
    if (typeof limit !== 'number' || !(limit > 0) || !Number.isFinite(limit))
      refuse('expectation', 'noOutliers', 'the limit must be above 0')
    return rowExpectation({
      kind: 'noOutliers',
      says: `${describe(of)} has no outliers (${method}, ${limit})`,
      args: { of, method, limit, reference } satisfies Args,
      columns: columnsOf(of),
      options,
    })
  },
})
