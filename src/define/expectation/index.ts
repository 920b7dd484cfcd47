import type { Duration } from '../../internal/time.ts'
import type { Columns } from '../column.ts'
import { column } from '../expression/build.ts'
import type { Node, ScalarType } from '../expression/node.ts'
import type { ExpressionOf, NumberType } from '../expression/types.ts'
import * as row from './row.ts'
import type { Expectation, ExpectationOptions, RowOptions } from './spec.ts'
import * as table from './table.ts'
import type { Bounds } from './table.ts'

export type { Expectation, ExpectationSpec } from './spec.ts'

interface AnyColumnExpectations<E> {
  /** The plain expression, where an expectation of the same name hides one of its methods. */
  readonly expr: E
  notNull(options?: RowOptions): Expectation
  null(options?: RowOptions): Expectation
  /** Alone with its value. */
  unique(options?: RowOptions): Expectation
  distinctCount(bounds: Bounds & ExpectationOptions): Expectation
  nullShare(bounds: Bounds & ExpectationOptions): Expectation
}

interface NumberExpectations {
  between(min: number | undefined, max: number | undefined, options?: RowOptions): Expectation
  inSet(values: readonly number[], options?: RowOptions): Expectation
  notInSet(values: readonly number[], options?: RowOptions): Expectation
  finite(options?: RowOptions): Expectation
  mean(bounds: Bounds & ExpectationOptions): Expectation
  median(bounds: Bounds & ExpectationOptions): Expectation
  /** Population standard deviation. */
  std(bounds: Bounds & ExpectationOptions): Expectation
  sum(bounds: Bounds & ExpectationOptions): Expectation
  min(bounds: Bounds & ExpectationOptions): Expectation
  max(bounds: Bounds & ExpectationOptions): Expectation
  /** Exact, linear interpolation between order statistics. */
  quantile(q: number, bounds: Bounds & ExpectationOptions): Expectation
}

interface TextExpectations {
  inSet(values: readonly string[], options?: RowOptions): Expectation
  notInSet(values: readonly string[], options?: RowOptions): Expectation
  matches(pattern: RegExp, options?: RowOptions): Expectation
  /** Code points. */
  length(bounds: Bounds, options?: RowOptions): Expectation
}

interface TimestampExpectations {
  between(min: Date | undefined, max: Date | undefined, options?: RowOptions): Expectation
  freshness(maxAge: Duration, options?: ExpectationOptions): Expectation
}

type Methods<T extends ScalarType> = T extends NumberType
  ? NumberExpectations
  : T extends 'text'
    ? TextExpectations
    : T extends 'timestamp'
      ? TimestampExpectations
      : unknown

/** What `c` is in `expect: c => [c.delay.between(-120, 1440)]`: columns that also make expectations about themselves. */
export type ExpectationColumns<C extends Columns> = {
  readonly [K in keyof C & string]: Omit<ExpressionOf<C[K]['type'], C[K]['nullable'], K>, keyof Methods<C[K]['type']>> &
    AnyColumnExpectations<ExpressionOf<C[K]['type'], C[K]['nullable'], K>> &
    Methods<C[K]['type']>
}

/** Expectations about whole rows and whole tables. */
export const expect = {
  that: row.that,
  compare: (
    left: { readonly node: Node },
    sign: 'eq' | 'ne' | 'lt' | 'lte' | 'gt' | 'gte',
    right: { readonly node: Node },
    options?: RowOptions,
  ): Expectation => row.compare(left.node, sign, right.node, options),
  rowCount: table.rowCount,
  unique: table.unique,
  duplicateRows: table.duplicateRows,
  schema: table.schema,
}

/** The run-time side of `ExpectationColumns`. */
export function expectationColumns<C extends Columns>(columns: C): ExpectationColumns<C> {
  const made: Record<string, unknown> = {}
  for (const [name, spec] of Object.entries(columns)) {
    const expression = column(name, spec.type) as unknown as object
    const node = (expression as { node: Node }).node
    const bounded = (kind: Parameters<typeof table.aggregate>[0]) => (bounds: Bounds & ExpectationOptions) =>
      table.aggregate(kind, node, bounds, bounds)
    made[name] = Object.assign(Object.create(Object.getPrototypeOf(expression) as object) as object, expression, {
      expr: expression,
      notNull: (options?: RowOptions) => row.notNull(node, options),
      null: (options?: RowOptions) => row.isNull(node, options),
      unique: (options?: RowOptions) => table.unique([name], options),
      distinctCount: bounded('distinctCount'),
      nullShare: bounded('nullShare'),
      between: (min: number | undefined, max: number | undefined, options?: RowOptions) =>
        row.between(node, min, max, options),
      inSet: (values: readonly string[], options?: RowOptions) => row.inSet(node, values, options),
      notInSet: (values: readonly string[], options?: RowOptions) => row.notInSet(node, values, options),
      finite: (options?: RowOptions) => row.finite(node, options),
      matches: (pattern: RegExp, options?: RowOptions) => row.matches(node, pattern, options),
      ...(spec.type === 'text'
        ? { length: (bounds: Bounds, options?: RowOptions) => row.length(node, bounds, options) }
        : {}),
      mean: bounded('mean'),
      median: bounded('median'),
      std: bounded('std'),
      sum: bounded('sum'),
      min: bounded('min'),
      max: bounded('max'),
      quantile: (q: number, bounds: Bounds & ExpectationOptions) =>
        table.aggregate('quantile', node, bounds, bounds, q),
      freshness: (maxAge: Duration, options?: ExpectationOptions) => table.freshness(node, maxAge, options),
    })
  }
  return made as ExpectationColumns<C>
}
