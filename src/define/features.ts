import { micros, type Duration, type Micros } from '../internal/time.ts'
import type { ColumnExpressions, Columns, ColumnSpec } from './column.ts'
import { columnsOfDataset, type Dataset } from './dataset.ts'
import { column } from './expression/build.ts'
import { columnsOf, type Node, type ScalarType } from './expression/node.ts'
import type { BoolExpression, ExpressionOf, NumberType } from './expression/types.ts'
import { checkName, definitionBrand, onlyKeys, refuse, type Definition } from './named.ts'

/** The key that features belong to. Its members are columns of the source with the same names and types. */
export interface Entity<K extends Columns = Columns> {
  readonly name: string
  readonly keys: K
}

export function entity<const K extends Columns>(name: string, keys: K): Entity<K> {
  checkName('entity', name)
  if (Object.keys(keys).length === 0) refuse('entity', name, 'has no key')
  return { name, keys }
}

export type AggregationName = 'count' | 'sum' | 'mean' | 'min' | 'max' | 'share' | 'last'

/** One feature: an aggregate over the events of its entity in [T − window, T), as far as they were known at T. */
export interface FeatureSpec<T extends ScalarType = ScalarType, N extends boolean = boolean> {
  readonly aggregation: AggregationName
  readonly type: T
  readonly nullable: N
  /** What is aggregated; absent for `count`. For `share` a condition. */
  readonly of?: Node
  /** Length of the window; for `last` absent means the view's ttl. */
  readonly window?: Micros
}

type NumberKeys<C extends Columns> = { [K in keyof C & string]: C[K]['type'] extends NumberType ? K : never }[keyof C &
  string]

/** What `f` is in `compute: f => ({ … })`. Empty windows: count and sum are 0, the others null. */
export interface FeatureBuilder<C extends Columns> {
  count(window: Duration): FeatureSpec<'int', false>
  sum(column: NumberKeys<C>, window: Duration): FeatureSpec<'float', false>
  mean(column: NumberKeys<C>, window: Duration): FeatureSpec<'float', true>
  min(column: NumberKeys<C>, window: Duration): FeatureSpec<'float', true>
  max(column: NumberKeys<C>, window: Duration): FeatureSpec<'float', true>
  /** Share of events for which the condition is true, of those for which it is not null. */
  share(
    condition: (c: ColumnExpressions<C>) => BoolExpression<boolean, string>,
    window: Duration,
  ): FeatureSpec<'float', true>
  /** Value of the newest event that has one; ties by known time, then order of arrival. */
  last(column: NumberKeys<C>, window?: Duration): FeatureSpec<'float', true>
}

export interface FeatureViewOptions<K extends Columns, C extends Columns, F extends Record<string, FeatureSpec>> {
  readonly entity: Entity<K>
  readonly from: Dataset<string, C> & {
    readonly columns: { readonly [P in keyof K]: ColumnSpec<K[P]['type'], boolean> }
  }
  /** An entity whose newest event is older than this has no features (default: never). */
  readonly ttl?: Duration
  /** Kept in the online store (default true). */
  readonly online?: boolean
  /**
   * `respect` (default): a value counts from the time it was known. `ignore` counts it from its event on: a leak, of use
   * only to show what it costs.
   */
  readonly knownTime?: 'respect' | 'ignore'
  readonly compute: (f: FeatureBuilder<C>) => F
}

/** The features of a view as expressions, to spread into a model's inputs. They read the entity's key columns. */
export type FeatureExpressions<K extends Columns, F extends Record<string, FeatureSpec>> = {
  readonly [P in keyof F & string]: ExpressionOf<F[P]['type'], F[P]['nullable'], keyof K & string>
}

export interface FeatureView<
  K extends Columns = Columns,
  F extends Record<string, FeatureSpec> = Record<string, FeatureSpec>,
> extends Definition {
  readonly entity: Entity<K>
  readonly from: Dataset
  readonly ttl: Micros | undefined
  readonly online: boolean
  readonly knownTime: 'respect' | 'ignore'
  readonly features: F
  readonly all: FeatureExpressions<K, F>
}

function builder<C extends Columns>(expressions: ColumnExpressions<C>, columns: C): FeatureBuilder<C> {
  const node = (name: string): Node => {
    if (!columns[name]) refuse('features', name, 'is not a column of the source')
    return (expressions[name as keyof C & string] as unknown as { node: Node }).node
  }
  return {
    count: window => ({ aggregation: 'count', type: 'int', nullable: false, window: micros(window) }),
    sum: (name, window) => ({
      aggregation: 'sum',
      type: 'float',
      nullable: false,
      of: node(name),
      window: micros(window),
    }),
    mean: (name, window) => ({
      aggregation: 'mean',
      type: 'float',
      nullable: true,
      of: node(name),
      window: micros(window),
    }),
    min: (name, window) => ({
      aggregation: 'min',
      type: 'float',
      nullable: true,
      of: node(name),
      window: micros(window),
    }),
    max: (name, window) => ({
      aggregation: 'max',
      type: 'float',
      nullable: true,
      of: node(name),
      window: micros(window),
    }),
    share: (condition, window) => ({
      aggregation: 'share',
      type: 'float',
      nullable: true,
      of: condition(expressions).node,
      window: micros(window),
    }),
    last: (name, window) => ({
      aggregation: 'last',
      type: 'float',
      nullable: true,
      of: node(name),
      ...(window ? { window: micros(window) } : {}),
    }),
  }
}

/** Declares window features of an entity over one dataset, the same offline (training sets) and online (requests). */
export function features<const K extends Columns, const C extends Columns, const F extends Record<string, FeatureSpec>>(
  name: string,
  options: FeatureViewOptions<K, C, F>,
): FeatureView<K, F> {
  checkName('feature view', name)
  onlyKeys('features', name, options, ['entity', 'from', 'ttl', 'online', 'knownTime', 'compute'])
  const { from } = options
  if (from.eventTime === undefined) refuse('features', name, `dataset ${from.name} has no eventTime`)
  for (const [key, spec] of Object.entries(options.entity.keys)) {
    const found = (from.columns as Columns)[key]
    if (!found)
      refuse('features', name, `dataset ${from.name} has no column '${key}' for entity ${options.entity.name}`)
    if (found.type !== spec.type)
      refuse('features', name, `key '${key}' is ${spec.type} in the entity but ${found.type} in ${from.name}`)
  }
  const specs = options.compute(builder(columnsOfDataset<C>(from.columns as C), from.columns as C))
  if (Object.keys(specs).length === 0) refuse('features', name, 'computes no features')
  const all: Record<string, unknown> = {}
  for (const [feature, spec] of Object.entries(specs)) all[feature] = column(`${name}.${feature}`, spec.type)
  return {
    [definitionBrand]: 'features',
    name,
    entity: options.entity,
    from: from as unknown as Dataset,
    ttl: options.ttl === undefined ? undefined : micros(options.ttl),
    online: options.online ?? true,
    knownTime: options.knownTime ?? 'respect',
    features: specs,
    all: all as FeatureExpressions<K, F>,
  }
}

/** Columns of the source whose known time decides when the feature may see an event. */
export function inputsOfFeature(spec: FeatureSpec): string[] {
  return spec.of ? columnsOf(spec.of) : []
}
