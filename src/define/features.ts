import { micros, type Duration, type Micros } from '../internal/time.ts'
import { featureBuilder, type FeatureBuilder, type FeatureSpec } from './aggregates.ts'
import { columnsForm, type Columns, type ColumnSpec } from './column.ts'
import { dataset, personalColumns, type Dataset } from './dataset.ts'
import type { ExpectationColumns } from './expectation/index.ts'
import type { Expectation } from './expectation/spec.ts'
import { column } from './expression/build.ts'
import { columnsOf, type Node } from './expression/node.ts'
import type { Expression, ExpressionOf, NullableOfExpression, TypeOfExpression } from './expression/types.ts'
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
  wholeFrom,
  type Form,
  type Forms,
} from './forms.ts'
import { isMillraceError } from '../errors/index.ts'
import { checkName, definitionBrand, refuse, type Definition } from './named.ts'
import { isTable, parquet } from './source.ts'

export type { AggregationName, FeatureBuilder, FeatureSpec } from './aggregates.ts'

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

type Specs = Readonly<Record<string, FeatureSpec>>

/** Features of a view as `derive` reads them. */
export type FeaturesOf<F extends Specs> = {
  readonly [P in keyof F & string]: ExpressionOf<F[P]['type'], F[P]['nullable'], P>
}

/** What is derived of features, as features. */
export type DerivedFeatures<D extends Readonly<Record<string, Expression>>> = {
  readonly [P in keyof D]: FeatureSpec<TypeOfExpression<D[P]>, NullableOfExpression<D[P]>>
}

/** What `v` is in `expect: v => […]`: the key columns and the features; each may be null. */
export type VectorColumns<K extends Columns, F extends Specs> = {
  readonly [P in keyof K & string]: ColumnSpec<K[P]['type'], true>
} & { readonly [P in keyof F & string]: ColumnSpec<F[P]['type'], true> }

export interface FeatureViewOptions<
  K extends Columns,
  C extends Columns,
  F extends Specs,
  D extends Readonly<Record<string, Expression>> = Readonly<Record<never, Expression>>,
> {
  /** What the features belong to; its key columns are columns of the dataset (default: nothing, they are of all rows together). */
  readonly entity?: Entity<K>
  /**
   * The dataset whose rows are the events. Of one without an event time rows count from when they were known: from ever if they came by
   * file, a correction from when it arrived. Its features have no windows, and the view no ttl.
   */
  readonly from: Dataset<string, C> & {
    readonly columns: { readonly [P in keyof NoInfer<K>]: ColumnSpec<NoInfer<K>[P]['type'], boolean> }
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
  /** A sample of what servers read of the view is compared with the offline values (default: none is kept). */
  readonly verify?: {
    /** So often it is compared, by a server; a read is kept twice as long. */
    readonly every: Duration
    /** Reads that are kept, whatever there are (default 200). */
    readonly sample?: number
  }
  /** URLs that get alerts of broken freshness and of reads that were wrong as Alertmanager webhooks. */
  readonly notify?: readonly string[]
  /**
   * `respect` (default): a value counts from the time it was known. `ignore` counts it from its event on: a leak, of use
   * only to show what it costs.
   */
  readonly knownTime?: 'respect' | 'ignore'
  /** The features by name, each made by `f`. */
  readonly compute: (f: FeatureBuilder<C>) => F
  /** Further features, expressions over those that `compute` gives: `v => ({ trend: v.sales_1d.div(v.sales_7d) })`. */
  readonly derive?: (v: FeaturesOf<F>) => D
  /**
   * What must hold of the vectors, as of rows of a dataset: `v => [v.mean_6h.between(0, 100), v.rides.notNull()]`. Of all entities before
   * online records are written, and of a model's rows before it is trained; where a critical one fails nothing is written, and
   * nothing trained. That floats are finite is expected besides (default: nothing is).
   */
  readonly expect?: (v: ExpectationColumns<VectorColumns<K, F & DerivedFeatures<D>>>) => readonly Expectation[]
}

/** The features of a view as expressions, to spread into a model's inputs. They read the columns that are its key. */
export type FeatureExpressions<D extends string, F extends Specs> = {
  readonly [P in keyof F & string]: ExpressionOf<F[P]['type'], F[P]['nullable'], D>
}

/** In which columns of the rows that are predicted the key stands, by key column. */
export type RoleColumns<K extends Columns = Columns> = { readonly [P in keyof K & string]: string }

export interface FeatureView<K extends Columns = Columns, F extends Specs = Specs, D extends string = string>
  extends Definition {
  readonly entity: Entity<K>
  readonly from: Dataset
  readonly ttl: Micros | undefined
  readonly online: boolean
  readonly knownTime: 'respect' | 'ignore'
  readonly freshness?: Micros
  readonly materialise?: { readonly every?: Micros; readonly onData: boolean }
  readonly verify?: { readonly every: Micros; readonly sample: number }
  readonly notify?: readonly string[]
  /** The vectors as a dataset of their own, with what must hold of them. */
  readonly vectors?: Dataset
  /** Undefined: `compute`. */
  readonly uncovered?: 'compute' | 'null' | 'refuse'
  readonly features: F
  /** Name of the view that this one is in another role. */
  readonly roleOf?: string
  /** Of a role: where its key stands. */
  readonly reads?: RoleColumns
  readonly all: FeatureExpressions<D, F>
  /**
   * The same features of another entity of the row: `departures.as('arrival', { origin: 'destination' })` are those of the airport
   * that stands in `destination`. The records are the same ones.
   */
  as<const R extends RoleColumns<K>>(name: string, columns: R): FeatureView<K, F, R[keyof R & string]>
}

const entityForm: Form = {
  words: "an entity, entity('shop', { shop: t.text() })",
  holds: value => columnsForm.holds((value as Partial<Entity> | null)?.keys),
}

const viewForms: Forms<FeatureViewOptions<Columns, Columns, Specs, Readonly<Record<string, Expression>>>> = {
  entity: optional(entityForm),
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
  verify: optional(
    members<NonNullable<FeatureViewOptions<Columns, Columns, Record<string, FeatureSpec>>['verify']>>({
      every: duration,
      sample: optional(wholeFrom(1, 2_000)),
    }),
  ),
  notify: optional(listOf(webUrl)),
  uncovered: optional(oneOf('compute', 'null', 'refuse')),
  knownTime: optional(oneOf('respect', 'ignore')),
  compute: callback,
  derive: optional(callback),
  expect: optional(callback),
}

function featureExpressions(view: string, specs: Specs): Record<string, unknown> {
  const all: Record<string, unknown> = {}
  for (const [feature, spec] of Object.entries(specs)) all[feature] = column(`${view}.${feature}`, spec.type)
  return all
}

type KeptUp = Pick<FeatureView, 'freshness' | 'materialise' | 'notify' | 'verify'>

/** How it is kept up: options of the server, which change no value. */
function keptUp(
  name: string,
  {
    freshness,
    materialise,
    notify,
    online = true,
    verify,
  }: Pick<
    FeatureViewOptions<Columns, Columns, Record<string, FeatureSpec>>,
    'freshness' | 'materialise' | 'notify' | 'online' | 'verify'
  >,
  { source, eventTime, ...from }: Dataset,
): KeptUp {
  if (!online && (freshness ?? materialise ?? verify) !== undefined)
    refuse('features', name, 'is not online: freshness, materialise and verify are of online records')
  const [personal] = verify ? personalColumns(from) : []
  if (personal !== undefined)
    refuse('features', name, `verify keeps what was read, and '${personal}' of its dataset holds personal data`)
  if (freshness !== undefined && eventTime === undefined)
    refuse('features', name, 'freshness is of event times, and its dataset has none')
  if (materialise && materialise.every === undefined && materialise.onData !== true)
    refuse('features', name, 'materialise says neither `every` nor `onData`')
  if (materialise?.onData && isTable(source))
    refuse('features', name, 'materialise onData waits for files, but its dataset is a table: say `every`')
  if (notify && freshness === undefined && !verify)
    refuse(
      'features',
      name,
      'notify tells of broken freshness and of wrong reads: none is promised, and none are verified',
    )
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
    ...(verify ? { verify: { every: micros(verify.every), sample: verify.sample ?? 200 } } : {}),
    ...(notify ? { notify } : {}),
  }
}

type ViewParts = Omit<FeatureView, 'all' | 'as'>

const roleForms = {
  name: text,
  columns: {
    words: "the columns that the key stands in, by key column, such as { origin: 'destination' }",
    holds: value => typeof value === 'object' && value !== null && Object.values(value).every(text.holds),
  } satisfies Form,
}

/** The view that a role is of, as it was declared. */
const declared = new WeakMap<object, FeatureView>()

/** A view with what its users read of it. */
export function completeView(parts: ViewParts): FeatureView {
  const view: FeatureView = {
    ...parts,
    all: featureExpressions(parts.name, parts.features) as FeatureView['all'],
    as: builder(
      'features',
      roleForms,
      (name: string, columns: RoleColumns) => roleOfView(view, name, columns),
      `${parts.name}.as`,
    ) as FeatureView['as'],
  }
  return view
}

function roleOfView(view: FeatureView, name: string, columns: RoleColumns): FeatureView {
  checkName('feature view', name)
  const base = viewOfRole(view)
  const keys = Object.keys(base.entity.keys)
  if (name === base.name) refuse('features', name, 'a role needs a name of its own')
  for (const key of keys)
    if (!Object.hasOwn(columns, key)) refuse('features', name, `does not say in which column the key '${key}' stands`)
  const stranger = Object.keys(columns).find(key => !keys.includes(key))
  if (stranger !== undefined)
    refuse(
      'features',
      name,
      `names '${stranger}', which is no key of ${base.name}: ${keys.join(', ') || 'it has none'}`,
    )
  const { all: _all, as: _as, ...parts } = base
  const role = completeView({ ...parts, name, roleOf: base.name, reads: columns })
  declared.set(role, base)
  return role
}

/** The view itself, of which a role is one use: records, materialisations and notes are under its name. */
export function viewOfRole(view: FeatureView): FeatureView {
  if (view.roleOf === undefined) return view
  const known = declared.get(view)
  if (known) return known
  const { all: _all, as: _as, roleOf, reads: _reads, ...parts } = view
  const base = completeView({ ...parts, name: roleOf })
  declared.set(view, base)
  return base
}

/** In which column of the rows that are predicted each key stands. */
export function requestKeys(view: FeatureView): readonly { readonly key: string; readonly column: string }[] {
  return Object.keys(view.entity.keys).map(key => ({ key, column: view.reads?.[key] ?? key }))
}

/** What `derive` gives: expressions over the features that were computed. */
function derivedSpecs(view: string, specs: Specs, made: unknown): Specs {
  const found: Record<string, FeatureSpec> = {}
  for (const [name, value] of Object.entries((made ?? {}) as Readonly<Record<string, unknown>>)) {
    const node = (value as { readonly node?: Node } | null | undefined)?.node
    if (typeof node?.op !== 'string') refuse('features', view, `'${name}' is no expression over its features`)
    if (node.type === 'vector') refuse('features', view, `'${name}' is a vector, of which no other is derived`)
    if (Object.hasOwn(specs, name)) refuse('features', view, `'${name}' is derived, and computed too`)
    const stranger = columnsOf(node).find(one => !Object.hasOwn(specs, one))
    if (stranger !== undefined)
      refuse(
        'features',
        view,
        `'${name}' reads '${stranger}', which is none of its features: ${Object.keys(specs).join(', ')}`,
      )
    found[name] = { aggregation: 'derived', type: node.type, nullable: true, of: node }
  }
  return found
}

const noEntity: Entity<Readonly<Record<never, ColumnSpec>>> = { name: 'all', keys: {} }

function checkKeys(name: string, { keys, name: of }: Entity, from: Dataset): void {
  for (const [key, spec] of Object.entries(keys)) {
    const found = from.columns[key]
    if (!found) refuse('features', name, `dataset ${from.name} has no column '${key}' for entity ${of}`)
    if (spec.type === 'vector') refuse('features', name, `key '${key}' is a vector, by which nothing is known`)
    if (found.type !== spec.type)
      refuse('features', name, `key '${key}' is ${spec.type} in the entity but ${found.type} in ${from.name}`)
  }
}

/** Of a dataset without an event time nothing is older than another. */
function checkTimeless(name: string, from: Dataset, ttl: Duration | undefined, specs: Specs): void {
  const hasNone = `dataset ${from.name} has no eventTime`
  if (ttl !== undefined) refuse('features', name, `${hasNone}: nothing of it grows too old, and a ttl has no meaning`)
  for (const [feature, spec] of Object.entries(specs)) {
    if (spec.window !== undefined || spec.align !== undefined)
      refuse('features', name, `${hasNone}: '${feature}' can have no window`)
    if (spec.aggregation === 'secondsSince') refuse('features', name, `${hasNone}: '${feature}' is since nothing`)
  }
}

/** The vectors of a view as a dataset: a row an entity, or a row that a model is trained on. Personal columns make personal features. */
function vectorsOf(
  { name, entity, features: specs, from }: Pick<FeatureView, 'name' | 'entity' | 'features' | 'from'>,
  expect: (v: never) => readonly Expectation[],
): Dataset {
  const keys = Object.keys(entity.keys)
  const twice = keys.find(key => Object.hasOwn(specs, key))
  if (twice !== undefined)
    refuse('features', name, `'${twice}' is a key and a feature: \`expect\` cannot tell them apart`)
  const personal = personalColumns(from)
  const columns = Object.entries(specs).map(([feature, { type, length }]): [string, ColumnSpec] => {
    const pii = columnsOfFeature({ features: specs }, feature).some(one => personal.has(one))
    return [
      feature,
      { type, nullable: true, ...(length === undefined ? {} : { length }), ...(pii ? { pii } : {}) } as ColumnSpec,
    ]
  })
  try {
    return dataset(name, {
      source: parquet('vectors'),
      columns: Object.fromEntries([
        ...keys.map((key): [string, ColumnSpec] => [key, { ...(from.columns[key] as ColumnSpec), nullable: true }]),
        ...columns,
      ]),
      ...(keys.length > 0 ? { key: keys } : {}),
      quarantine: false,
      expect: expect as never,
    })
  } catch (error) {
    if (!isMillraceError(error) || error.details.kind !== 'dataset') throw error
    return refuse('features', name, String(error.details.reason))
  }
}

function declareFeatures<
  const K extends Columns = Readonly<Record<never, ColumnSpec>>,
  const C extends Columns = Columns,
  const F extends Specs = Specs,
  const D extends Readonly<Record<string, Expression>> = Readonly<Record<never, Expression>>,
>(name: string, options: FeatureViewOptions<K, C, F, D>): FeatureView<K, F & DerivedFeatures<D>, keyof K & string> {
  checkName('feature view', name)
  const from = options.from as unknown as Dataset
  const entity = options.entity ?? (noEntity as Entity)
  checkKeys(name, entity, from)
  const computed = options.compute(featureBuilder(name, from.columns as C)) as Specs | undefined
  if (Object.keys(computed ?? {}).length === 0) refuse('features', name, 'computes no features')
  const specs = computed as Specs
  for (const [feature, spec] of Object.entries(specs))
    if (typeof spec?.aggregation !== 'string') refuse('features', name, `'${feature}' is not made by \`f\``)
  if (from.eventTime === undefined) checkTimeless(name, from, options.ttl, specs)
  const values = Object.fromEntries(Object.entries(specs).map(([one, spec]) => [one, column(one, spec.type)]))
  const derived = options.derive ? derivedSpecs(name, specs, options.derive(values as FeaturesOf<F>)) : {}
  const all: Specs = { ...specs, ...derived }
  const vectors = options.expect && vectorsOf({ name, entity, features: all, from }, options.expect)
  const view = completeView({
    [definitionBrand]: 'features',
    name,
    entity,
    from,
    ttl: options.ttl === undefined ? undefined : micros(options.ttl),
    online: options.online ?? true,
    knownTime: options.knownTime ?? 'respect',
    ...keptUp(name, options, from),
    ...(options.uncovered === undefined ? {} : { uncovered: options.uncovered }),
    ...(vectors ? { vectors } : {}),
    features: all,
  })
  return view as unknown as FeatureView<K, F & DerivedFeatures<D>, keyof K & string>
}

/** Declares features of an entity over one dataset, the same offline (training sets) and online (requests). */
export const features = builder('features', { name: text, options: members(viewForms) }, declareFeatures)

/** Columns of the source whose known time decides when the feature may see an event. */
export function inputsOfFeature(spec: FeatureSpec): string[] {
  return spec.of && spec.aggregation !== 'derived' ? columnsOf(spec.of) : []
}

/** Columns of the dataset that a feature is made of; of a derived one those of the features that it reads. */
export function columnsOfFeature(view: Pick<FeatureView, 'features'>, name: string): readonly string[] {
  const spec = view.features[name]
  if (spec?.of === undefined) return []
  const read = columnsOf(spec.of)
  return [...new Set(spec.aggregation === 'derived' ? read.flatMap(one => columnsOfFeature(view, one)) : read)]
}
