import { requestKeys, viewOfRole, type FeatureSpec, type FeatureView } from '../../define/features.ts'
import { definitionDigest } from '../../define/project.ts'
import { isTextual } from '../../define/vector.ts'
import { columnsOf, toEvaluator, toSql, type Evaluator, type Node } from '../../define/expression/index.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import type { ColumnType, Dialect, Value } from '../../ports/data-engine.ts'
import type { DatasetRows } from '../log/dataset-rows.ts'
import { encodeKey } from '../log/keys.ts'
import { reachOf } from './window-bounds.ts'

/**
 * What a view must keep of each event: one channel for each distinct aggregated expression, with the time from which its
 * value may be used. Features of the same expression share a channel, offline and online.
 */
export interface Channel {
  /** Undefined for the channel of bare events, which `count` reads. */
  readonly of: Node | undefined
  /** Known-time expressions of the columns that it reads; empty where all are known at the event. */
  readonly knownAt: readonly Node[]
  /** Columns that it reads and that the dataset says the known time of: a row that has them all has told it. */
  readonly told: readonly string[]
  /**
   * Its values are texts, which are numbered while features are made of them; also whole numbers of which only their being the same
   * counts, since a double holds 53 bits of them.
   */
  readonly isText: boolean
  /** Table of `codedTexts` with the numbers of its texts. */
  readonly codes?: string
}

/** A feature with the channel that it reads. */
export interface PlannedFeature {
  readonly name: string
  readonly spec: FeatureSpec
  readonly channel: number
  /** As what it is kept: a number, or one that stands for a text. */
  readonly type: 'number' | 'text'
}

export interface ViewPlan {
  readonly view: FeatureView
  /**
   * What its online records are kept under: the name and the version of the definition, so that those of a changed view
   * stand beside the ones that an older model goes on reading.
   */
  readonly records: string
  readonly channels: readonly Channel[]
  /** Features in declared order with the index of their channel; of derived ones 0. */
  readonly features: readonly PlannedFeature[]
  readonly derived: readonly { readonly place: number; readonly evaluate: Evaluator }[]
  /** By name the place of a feature. */
  readonly placeOf: ReadonlyMap<string, number>
  /** Longest look-back in microseconds; Infinity when a feature has neither window nor ttl. */
  readonly horizon: number
  /** Names of the key columns, by name: a key is encoded alike in whichever order they are declared. */
  readonly keys: readonly string[]
  readonly keyTypes: readonly ColumnType[]
  /** Where the keys stand in the rows that are asked for; none where the features are of all rows together. */
  readonly asks: readonly { readonly key: string; readonly column: string }[]
  /** By channel whether the dataset says when its values are known. */
  readonly declares: readonly boolean[]
}

/** The key of views of all rows together: a column that every row has. */
const common = 'millrace_common'

/** `recent@3f6c0a91b2d4`. */
export function recordsOf(view: FeatureView): string {
  const base = viewOfRole(view)
  return `${base.name}@${definitionDigest(base).slice('sha256:'.length, 'sha256:'.length + 12)}`
}

/** Whether values of a channel are kept as texts. */
function isKeptAsText({ aggregation, of }: FeatureSpec): boolean {
  const isIdentity = aggregation === 'distinct' || aggregation === 'mostFrequent'
  return (of !== undefined && isTextual(of.type)) || (of?.type === 'int' && isIdentity)
}

export function planView(view: FeatureView): ViewPlan {
  const channels: Channel[] = [{ of: undefined, knownAt: [], told: [], isText: false }]
  const index = new Map<string, number>()
  let horizon = 0
  const planned = Object.entries(view.features).map(([name, declared]) => {
    if (declared.aggregation === 'derived') return { name, spec: declared }
    const window = declared.window ?? (declared.align ? undefined : view.ttl)
    const spec = window === undefined ? declared : { ...declared, window }
    horizon = Math.max(horizon, reachOf(spec))
    return { name, spec }
  })
  const computed = planned.filter(({ spec }) => spec.aggregation !== 'derived')
  // By name: records of one digest have one layout, in whichever order the features are declared
  for (const { spec } of computed.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!spec.of || index.has(channelKey(spec))) continue
    const declared = view.knownTime === 'ignore' ? {} : view.from.knownAt
    const told = columnsOf(spec.of).filter(column => declared[column])
    const knownAt = told.flatMap(column => declared[column] ?? [])
    index.set(channelKey(spec), channels.push({ of: spec.of, knownAt, told, isText: isKeptAsText(spec) }) - 1)
  }
  const features = planned.map(({ name, spec }): PlannedFeature => {
    const isText = isTextual(spec.type) || (spec.aggregation === 'mostFrequent' && isKeptAsText(spec))
    const isOfChannel = spec.of !== undefined && spec.aggregation !== 'derived'
    return {
      name,
      spec,
      channel: isOfChannel ? (index.get(channelKey(spec)) as number) : 0,
      type: isText ? 'text' : 'number',
    }
  })
  const named = Object.keys(view.entity.keys).sort()
  const keys = named.length === 0 ? [common] : named
  return {
    view,
    records: recordsOf(view),
    channels,
    features,
    derived: features.flatMap(({ spec }, place) =>
      spec.aggregation === 'derived' ? [{ place, evaluate: toEvaluator(spec.of as Node) }] : [],
    ),
    placeOf: new Map(features.map(({ name }, place) => [name, place])),
    horizon,
    keys,
    keyTypes: keys.map(name => view.entity.keys[name]?.type ?? 'text'),
    asks: requestKeys(view),
    declares: channels.map(channel => channel.knownAt.length > 0),
  }
}

const channelKey = (spec: FeatureSpec): string =>
  canonicalJson({ of: spec.of as unknown as Json, isText: isKeptAsText(spec) })

/** The event of rows of datasets without event times: of all at once, before anything else. */
export const timeless = -(2 ** 53)

/** SQL of the microseconds of a row's event. */
export function eventMicros({ view }: Pick<ViewPlan, 'view'>, dialect: Dialect): string {
  const { eventTime } = view.from
  return eventTime === undefined ? `CAST(${timeless} AS BIGINT)` : dialect.epochMicros(dialect.identifier(eventTime))
}

/** Rows with the key of views of all rows together. */
export function withCommonKey(plan: ViewPlan, rows: DatasetRows, dialect: Dialect): DatasetRows {
  if (plan.asks.length > 0) return rows
  const keyed = (sql: string): string => `SELECT *, ${dialect.literal(common, 'text')} AS ${common} FROM (${sql})`
  return { sql: keyed(rows.sql), ...(rows.versions === undefined ? {} : { versions: keyed(rows.versions) }) }
}

/** SQL of a text that a channel's value is; null for none. */
export function channelText({ of }: Channel, dialect: Dialect): string {
  const node = of as Node
  return dialect.cast(dialect.cast(toSql(node, dialect), node.type), 'text')
}

/** Names of the columns of `codedTexts`. */
export const codeColumns = { code: 'millrace_code_of_text', text: 'millrace_text' } as const

/** SQL of the first microsecond (double) at which a channel's value counts, as the dataset declares it. */
export function visibleSql(plan: ViewPlan, channel: Channel, dialect: Dialect): string {
  const event = eventMicros(plan, dialect)
  // A value that never becomes known is never seen; no event is seen by a request of its own microsecond
  const known = channel.knownAt.map(node => `coalesce(${dialect.epochMicros(toSql(node, dialect))}, 9e18)`)
  return dialect.cast(known.length === 0 ? `${event} + 1` : `greatest(${event} + 1, ${known.join(', ')})`, 'float')
}

/** SQL of a channel's value (double, NaN where null; of texts their number) and of the first microsecond at which it counts. */
export function channelSql(plan: ViewPlan, channel: Channel, dialect: Dialect): { value: string; visible: string } {
  return { value: valueSql(channel, dialect), visible: visibleSql(plan, channel, dialect) }
}

function valueSql(channel: Channel, dialect: Dialect): string {
  const { of, isText, codes } = channel
  if (!of) return '0::DOUBLE'
  if (isText) {
    if (codes === undefined) throw new TypeError('nobody numbered the texts')
    const { code, text } = codeColumns
    return `coalesce((SELECT ${code} FROM ${codes} WHERE ${text} = ${channelText(channel, dialect)}), 'NaN'::DOUBLE)`
  }
  const value = dialect.cast(toSql(of, dialect), of.type)
  const number = of.type === 'timestamp' ? dialect.epochMicros(value) : value
  return `coalesce(${dialect.cast(number, 'float')}, 'NaN'::DOUBLE)`
}

/** The same, of one row in TypeScript. */
export function channelEvaluator(channel: Channel): {
  value: (read: (name: string) => Value) => number | string
  known: readonly Evaluator[]
  told: (read: (name: string) => Value) => boolean
} {
  const { of, isText, told } = channel
  const evaluate = of ? toEvaluator(of) : () => 0
  return {
    value(read) {
      const found = evaluate(read)
      if (found === null) return Number.NaN
      return isText ? String(found) : Number(found)
    },
    known: channel.knownAt.map(toEvaluator),
    told: read => told.length > 0 && told.every(name => read(name) !== null),
  }
}

/** The key of a row of which columns are read by name; undefined where a part of it is null. */
export function keyIn(plan: ViewPlan, read: (name: string) => Value | undefined): string | undefined {
  return plan.asks.length === 0 ? common : encodeKey(plan.keys.map(read), plan.keyTypes)
}

/** The key columns of an entity, of a row that is asked for, in which a role has them elsewhere. */
export function keysAsked(view: FeatureView, row: Readonly<Record<string, Value>>): Readonly<Record<string, Value>> {
  return view.reads === undefined
    ? row
    : Object.fromEntries(requestKeys(view).map(({ key, column }) => [key, row[column] ?? null]))
}

/**
 * SELECT expressions of the parts of a key, of which `encodeKey` makes what it makes of a request: floats as doubles, whole numbers and
 * times as 64 bits, the rest as text.
 */
export function keySql(names: readonly string[], types: readonly ColumnType[], dialect: Dialect): readonly string[] {
  return names.map((name, i) => {
    const column = dialect.identifier(name)
    switch (types[i]) {
      case 'float':
        return dialect.cast(column, 'float')
      case 'int':
        return dialect.cast(column, 'int')
      case 'timestamp':
        return dialect.cast(dialect.epochMicros(column), 'int')
      default:
        return dialect.cast(column, 'text')
    }
  })
}

/** The condition under which `encodeKey` gives a key. */
export function keyPresentSql(plan: ViewPlan, dialect: Dialect): string {
  return plan.keys
    .map((name, i) => {
      const column = dialect.identifier(name)
      const isNumber = plan.keyTypes[i] === 'float' ? ` AND NOT isnan(CAST(${column} AS DOUBLE))` : ''
      return `${column} IS NOT NULL${isNumber}`
    })
    .join(' AND ')
}
