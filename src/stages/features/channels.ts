import type { FeatureSpec, FeatureView } from '../../define/features.ts'
import { definitionDigest } from '../../define/project.ts'
import { columnsOf, toEvaluator, toSql, type Evaluator, type Node } from '../../define/expression/index.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import type { ColumnType, Dialect, Value } from '../../ports/data-engine.ts'
import { encodeKey } from '../log/keys.ts'

/**
 * What a view must keep of each event: one channel for each distinct aggregated expression, with the time from which its
 * value may be used. Features of the same expression share a channel, offline and online.
 */
export interface Channel {
  /** Undefined for the channel of bare events, which `count` reads. */
  readonly of: Node | undefined
  /** Known-time expressions of the columns that it reads; empty where all are known at the event. */
  readonly knownAt: readonly Node[]
}

export interface ViewPlan {
  readonly view: FeatureView
  /**
   * What its online records are kept under: the name and the version of the definition, so that those of a changed view
   * stand beside the ones that an older model goes on reading.
   */
  readonly records: string
  readonly channels: readonly Channel[]
  /** Features in declared order with the index of their channel. */
  readonly features: readonly { readonly name: string; readonly spec: FeatureSpec; readonly channel: number }[]
  /** Longest look-back in microseconds; Infinity when a `last` has neither window nor ttl. */
  readonly horizon: number
  /** Names of the key columns, by name: a key is encoded alike in whichever order they are declared. */
  readonly keys: readonly string[]
  readonly keyTypes: readonly ColumnType[]
  /** By channel whether the dataset says when its values are known. */
  readonly declares: readonly boolean[]
}

/** `recent@3f6c0a91b2d4`. */
export function recordsOf(view: FeatureView): string {
  return `${view.name}@${definitionDigest(view).slice('sha256:'.length, 'sha256:'.length + 12)}`
}

export function planView(view: FeatureView): ViewPlan {
  const channels: Channel[] = [{ of: undefined, knownAt: [] }]
  const index = new Map<string, number>()
  let horizon = 0
  const planned = Object.entries(view.features).map(([name, declared]) => {
    const window = declared.window ?? view.ttl
    horizon = Math.max(horizon, window ?? Number.POSITIVE_INFINITY)
    return { name, spec: window === undefined ? declared : { ...declared, window } }
  })
  // By name: records of one digest have one layout, in whichever order the features are declared
  for (const { spec } of planned.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (!spec.of || index.has(channelKey(spec.of))) continue
    const knownAt =
      view.knownTime === 'ignore' ? [] : columnsOf(spec.of).flatMap(column => view.from.knownAt[column] ?? [])
    index.set(channelKey(spec.of), channels.push({ of: spec.of, knownAt }) - 1)
  }
  const features = planned.map(one => ({
    ...one,
    channel: one.spec.of ? (index.get(channelKey(one.spec.of)) as number) : 0,
  }))
  const keys = Object.keys(view.entity.keys).sort()
  return {
    view,
    records: recordsOf(view),
    channels,
    features,
    horizon,
    keys,
    keyTypes: keys.map(name => view.entity.keys[name]?.type ?? 'text'),
    declares: channels.map(channel => channel.knownAt.length > 0),
  }
}

const channelKey = (of: Node): string => canonicalJson(of as unknown as Json)

/** SQL of a channel's value (double, NaN where null) and of the first microsecond at which it counts. */
export function channelSql(plan: ViewPlan, channel: Channel, dialect: Dialect): { value: string; visible: string } {
  const event = dialect.epochMicros(dialect.identifier(plan.view.from.eventTime as string))
  // A value that never becomes known is never seen; no event is seen by a request of its own microsecond
  const known = channel.knownAt.map(node => `coalesce(${dialect.epochMicros(toSql(node, dialect))}, 9e18)`)
  const visible = known.length === 0 ? `${event} + 1` : `greatest(${event} + 1, ${known.join(', ')})`
  return {
    value: channel.of
      ? `coalesce(${dialect.cast(dialect.cast(toSql(channel.of, dialect), channel.of.type), 'float')}, 'NaN'::DOUBLE)`
      : '0::DOUBLE',
    visible: dialect.cast(visible, 'float'),
  }
}

/** The same, of one row in TypeScript. */
export function channelEvaluator(channel: Channel): { value: Evaluator; known: readonly Evaluator[] } {
  return { value: channel.of ? toEvaluator(channel.of) : () => 0, known: channel.knownAt.map(toEvaluator) }
}

/** The key of a row of which columns are read by name; undefined where a part of it is null. */
export function keyIn(plan: ViewPlan, read: (name: string) => Value | undefined): string | undefined {
  return encodeKey(plan.keys.map(read), plan.keyTypes)
}

/**
 * SELECT expressions of the parts of a key, such that `encodeKey` makes of them what it makes of a request: whole numbers as text,
 * because an engine's numbers are doubles here.
 */
export function keySql(names: readonly string[], types: readonly ColumnType[], dialect: Dialect): readonly string[] {
  return names.map((name, i) => {
    const column = dialect.identifier(name)
    if (types[i] === 'float') return dialect.cast(column, 'float')
    return dialect.cast(types[i] === 'timestamp' ? dialect.epochMicros(column) : column, 'text')
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
