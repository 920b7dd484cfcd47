import { fail } from '../../errors/index.ts'
import { micros, type Duration } from '../../internal/time.ts'
import { column } from '../expression/build.ts'
import { columnsOf, describe, type Node } from '../expression/node.ts'
import {
  expectation,
  tolerance,
  type AggregateName,
  type Expectation,
  type ExpectationOptions,
  type RowOptions,
} from './spec.ts'

export interface Bounds {
  readonly min?: number
  readonly max?: number
}

function range(bounds: Bounds): string {
  if (bounds.min !== undefined && bounds.max !== undefined) return `between ${bounds.min} and ${bounds.max}`
  return bounds.min === undefined ? `at most ${bounds.max}` : `at least ${bounds.min}`
}

export function aggregate(
  name: AggregateName,
  of: Node | undefined,
  bounds: Bounds,
  options: ExpectationOptions = {},
  q?: number,
): Expectation {
  if (bounds.min === undefined && bounds.max === undefined)
    throw fail('invalidDefinition', { kind: 'expectation', name, reason: 'needs min, max or both' })
  const what = of === undefined ? 'row count' : `${q === undefined ? name : `quantile ${q}`} of ${describe(of)}`
  return expectation(
    {
      form: 'aggregate',
      kind: name,
      aggregate: name,
      columns: of ? columnsOf(of) : [],
      ...(of ? { of } : {}),
      ...(q === undefined ? {} : { q }),
      ...(bounds.min === undefined ? {} : { min: bounds.min }),
      ...(bounds.max === undefined ? {} : { max: bounds.max }),
      says: `${what} ${range(bounds)}`,
    },
    options,
  )
}

export function rowCount(bounds: Bounds & ExpectationOptions): Expectation {
  return aggregate('count', undefined, bounds, bounds)
}

/** No two rows share the values of these columns. All rows of a group with more than one are bad. */
export function unique(columns: readonly string[], options: RowOptions = {}): Expectation {
  return expectation(
    {
      form: 'group',
      kind: 'unique',
      over: columns,
      columns,
      says: `${columns.join(' + ')} unique`,
      ...tolerance(options),
    },
    options,
  )
}

/** Rows equal in every declared column. All but the first of each group are bad. */
export function duplicateRows(options: RowOptions = {}): Expectation {
  return expectation(
    { form: 'group', kind: 'duplicateRows', over: [], columns: [], says: 'no duplicate rows', ...tolerance(options) },
    options,
  )
}

/** `superset` (default) lets the source have more columns than are declared; `exact` does not. */
export function schema(options: ExpectationOptions & { readonly mode?: 'exact' | 'superset' } = {}): Expectation {
  return expectation(
    { form: 'schema', kind: 'schema', mode: options.mode ?? 'superset', columns: [], says: 'columns as declared' },
    options,
  )
}

/** The newest value of a timestamp column is at most `maxAge` before now. */
export function freshness(of: Node | string, maxAge: Duration, options: ExpectationOptions = {}): Expectation {
  const node = typeof of === 'string' ? column(of, 'timestamp').node : of
  return expectation(
    {
      form: 'freshness',
      kind: 'freshness',
      of: node,
      columns: columnsOf(node),
      maxAgeMicros: micros(maxAge),
      says: `${describe(node)} at most ${maxAge} old`,
    },
    options,
  )
}
