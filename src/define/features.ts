import { micros, type Duration, type Micros } from '../internal/time.ts'
import { columnsForm, type ColumnExpressions, type Columns, type ColumnSpec } from './column.ts'
import { columnsOfDataset, type Dataset } from './dataset.ts'
import { column } from './expression/build.ts'
import { columnsOf, type Node, type ScalarType } from './expression/node.ts'
import type { BoolExpression, ExpressionOf, NumberType } from './expression/types.ts'
import {
  builder,
  callback,
  definitionOf,
  duration,
  flag,
  listOf,
  members,
  oneOf,
  optional,
  text,
  webUrl,
  type Form,
  type Forms,
} from './forms.ts'
import { checkName, definitionBrand, refuse, type Definition } from './named.ts'
import { isTable } from './source.ts'

/** The key that features belong to. Its members are columns of the source with the same names and types. */
export interface Entity<K extends Columns = Columns> {
  readonly name: string
  readonly keys: K
}

function declareEntity<const K extends Columns>(name: string, keys: K): Entity<K> {
  checkName('entity', name)
  return { name, keys }
}

/** Declares what features belong to, by the columns that are its key. */
export const entity = builder('entity', { name: text, keys: columnsForm }, declareEntity)

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
  /** Number of events in the window. */
  count(window: Duration): FeatureSpec<'int', false>
  /** Sum over the events in the window, 0 where there are none. */
  sum(column: NumberKeys<C>, window: Duration): FeatureSpec<'float', false>
  /** Mean over the events in the window. */
  mean(column: NumberKeys<C>, window: Duration): FeatureSpec<'float', true>
  /** Least value in the window. */
  min(column: NumberKeys<C>, window: Duration): FeatureSpec<'float', true>
  /** Greatest value in the window. */
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
  /** What the features belong to; its key columns are columns of the dataset. */
  readonly entity: Entity<K>
  /** The dataset whose rows are the events. It has an event time. */
  readonly from: Dataset<string, C> & {
    readonly columns: { readonly [P in keyof K]: ColumnSpec<K[P]['type'], boolean> }
  }
  /** An entity without an event as young as this has no features: all are null (default: however old). */
  readonly ttl?: Duration
  /**
   * What a request for a moment gets that the online store does not reach back to: the features as training has them, from
   * snapshot and log (`compute`, the default); no value for any feature of the view, which the answer says (`null`); an
   * error (`refuse`).
   */
  readonly uncovered?: 'compute' | 'null' | 'refuse'
  /** Kept in the online store (default true). */
  readonly online?: boolean
  /**
   * The promise how old the newest event that the features know of may be. While it is broken the server alerts, and says so in
   * `/metrics` and `/health` (default: nothing is promised).
   */
  readonly freshness?: Duration
  /** When a server takes new data in and writes the online records by itself (default: when it is asked to). */
  readonly materialise?: {
    /** So often. */
    readonly every?: Duration
    /** When files of the dataset are others than before, and are no longer written to (default false). */
    readonly onData?: boolean
  }
  /** URLs that get alerts of broken freshness as Alertmanager webhooks. */
  readonly notify?: readonly string[]
  /**
   * `respect` (default): a value counts from the time it was known. `ignore` counts it from its event on: a leak, of use
   * only to show what it costs.
   */
  readonly knownTime?: 'respect' | 'ignore'
  /** The features by name, each made by `f`. */
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
  readonly freshness?: Micros
  readonly materialise?: { readonly every?: Micros; readonly onData: boolean }
  readonly notify?: readonly string[]
  /** Undefined: `compute`. */
  readonly uncovered?: 'compute' | 'null' | 'refuse'
  readonly features: F
  readonly all: FeatureExpressions<K, F>
}

const window = duration

/** The run-time side of `f`. */
function aggregates<C extends Columns>(view: string, columns: C): FeatureBuilder<C> {
  const expressions = columnsOfDataset<C>(columns)
  const numbers = Object.keys(columns).filter(name => ['int', 'float'].includes(columns[name]?.type ?? ''))
  const column: Form = {
    words: `a column of numbers: ${numbers.join(', ') || 'the source has none'}`,
    holds: value => numbers.includes(value as string),
  }
  const nodeOf = (name: string): Node => (expressions[name as keyof C & string] as unknown as { node: Node }).node
  const feature = <F extends (...args: never[]) => unknown>(name: string, forms: Record<string, Form>, make: F): F =>
    builder('features', forms, make, `${view}: ${name}`)
  const ofColumn = <N extends boolean>(aggregation: AggregationName, nullable: N) =>
    feature(
      aggregation,
      { column, window },
      (name: string, length: Duration): FeatureSpec<'float', N> => ({
        aggregation,
        type: 'float',
        nullable,
        of: nodeOf(name),
        window: micros(length),
      }),
    )
  return {
    count: feature('count', { window }, (length: Duration) => ({
      aggregation: 'count',
      type: 'int',
      nullable: false,
      window: micros(length),
    })),
    sum: ofColumn('sum', false),
    mean: ofColumn('mean', true),
    min: ofColumn('min', true),
    max: ofColumn('max', true),
    share: feature(
      'share',
      { condition: callback, window },
      (condition: (c: ColumnExpressions<C>) => BoolExpression<boolean, string>, length: Duration) => {
        const { node } = (condition(expressions) ?? {}) as { readonly node?: Node }
        if (node?.type !== 'bool') refuse('features', `${view}: share`, 'its condition is neither true nor false')
        return { aggregation: 'share', type: 'float', nullable: true, of: node, window: micros(length) }
      },
    ),
    last: feature('last', { column, window: optional(window) }, (name: string, length?: Duration) => ({
      aggregation: 'last',
      type: 'float',
      nullable: true,
      of: nodeOf(name),
      ...(length === undefined ? {} : { window: micros(length) }),
    })),
  }
}

const entityForm: Form = {
  words: "an entity, entity('shop', { shop: t.text() })",
  holds: value => columnsForm.holds((value as Partial<Entity> | null)?.keys),
}

const viewForms: Forms<FeatureViewOptions<Columns, Columns, Record<string, FeatureSpec>>> = {
  entity: entityForm,
  from: definitionOf('dataset', 'a dataset'),
  ttl: optional(duration),
  online: optional(flag),
  freshness: optional(duration),
  materialise: optional(
    members<NonNullable<FeatureViewOptions<Columns, Columns, Record<string, FeatureSpec>>['materialise']>>({
      every: optional(duration),
      onData: optional(flag),
    }),
  ),
  notify: optional(listOf(webUrl)),
  uncovered: optional(oneOf('compute', 'null', 'refuse')),
  knownTime: optional(oneOf('respect', 'ignore')),
  compute: callback,
}

/** The features of a view as the expressions that read them. */
export function featureExpressions<K extends Columns, F extends Record<string, FeatureSpec>>(
  view: string,
  specs: F,
): FeatureExpressions<K, F> {
  const all: Record<string, unknown> = {}
  for (const [feature, spec] of Object.entries(specs)) all[feature] = column(`${view}.${feature}`, spec.type)
  return all as FeatureExpressions<K, F>
}

type KeptUp = Pick<FeatureView, 'freshness' | 'materialise' | 'notify'>

/** How it is kept up: options of the server, which change no value. */
function keptUp(
  name: string,
  {
    freshness,
    materialise,
    notify,
    online = true,
  }: Pick<
    FeatureViewOptions<Columns, Columns, Record<string, FeatureSpec>>,
    'freshness' | 'materialise' | 'notify' | 'online'
  >,
  source: Dataset['source'],
): KeptUp {
  if (!online && (freshness ?? materialise) !== undefined)
    refuse('features', name, 'is not online: freshness and materialise are of online records')
  if (materialise && materialise.every === undefined && materialise.onData !== true)
    refuse('features', name, 'materialise says neither `every` nor `onData`')
  if (materialise?.onData && isTable(source))
    refuse('features', name, 'materialise onData waits for files, but its dataset is a table: say `every`')
  if (notify && freshness === undefined)
    refuse('features', name, 'notify tells of broken freshness, and none is promised')
  return {
    ...(freshness === undefined ? {} : { freshness: micros(freshness) }),
    ...(materialise
      ? {
          materialise: {
            ...(materialise.every === undefined ? {} : { every: micros(materialise.every) }),
            onData: materialise.onData ?? false,
          },
        }
      : {}),
    ...(notify ? { notify } : {}),
  }
}

function declareFeatures<const K extends Columns, const C extends Columns, const F extends Record<string, FeatureSpec>>(
  name: string,
  options: FeatureViewOptions<K, C, F>,
): FeatureView<K, F> {
  checkName('feature view', name)
  const { from } = options
  if (from.eventTime === undefined) refuse('features', name, `dataset ${from.name} has no eventTime`)
  for (const [key, spec] of Object.entries(options.entity.keys)) {
    const found = (from.columns as Columns)[key]
    if (!found)
      refuse('features', name, `dataset ${from.name} has no column '${key}' for entity ${options.entity.name}`)
    if (found.type !== spec.type)
      refuse('features', name, `key '${key}' is ${spec.type} in the entity but ${found.type} in ${from.name}`)
  }
  const specs = options.compute(aggregates(name, from.columns as C))
  if (Object.keys(specs ?? {}).length === 0) refuse('features', name, 'computes no features')
  for (const [feature, spec] of Object.entries(specs))
    if (typeof spec?.aggregation !== 'string') refuse('features', name, `'${feature}' is not made by \`f\``)
  return {
    [definitionBrand]: 'features',
    name,
    entity: options.entity,
    from: from as unknown as Dataset,
    ttl: options.ttl === undefined ? undefined : micros(options.ttl),
    online: options.online ?? true,
    knownTime: options.knownTime ?? 'respect',
    ...keptUp(name, options, from.source),
    ...(options.uncovered === undefined ? {} : { uncovered: options.uncovered }),
    features: specs,
    all: featureExpressions<K, F>(name, specs),
  }
}

/** Declares window features of an entity over one dataset, the same offline (training sets) and online (requests). */
export const features = builder('features', { name: text, options: members(viewForms) }, declareFeatures)

/** Columns of the source whose known time decides when the feature may see an event. */
export function inputsOfFeature(spec: FeatureSpec): string[] {
  return spec.of ? columnsOf(spec.of) : []
}
