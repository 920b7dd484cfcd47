import type { ValueOf } from '../define/expression/types.ts'
import type { FeatureSpec, FeatureView } from '../define/features.ts'
import type { Columns } from '../define/column.ts'
import { vectorFrom } from '../define/vector.ts'
import { fail } from '../errors/index.ts'
import { parseTime, type Micros } from '../internal/time.ts'
import type { ColumnType, Row, Value } from '../ports/data-engine.ts'
import { planView } from '../stages/features/channels.ts'
import { OnlineView } from '../stages/features/online.ts'
import { unlogged } from '../stages/log/row-version.ts'
import { readFeatures } from '../stages/serve/read-features.ts'
import type { EntityFeatures } from '../stages/serve/types.ts'
import type { RowLiteral } from './check-rows.ts'
import { memoryOnlineStore } from './memory-online-store.ts'

/** An entity by its key columns, and the moment at which its features are asked for. */
export interface AskedFeatures<K extends Columns = Columns> {
  readonly entity: { readonly [P in keyof K & string]: ValueOf<K[P]['type'], true> }
  readonly at: Date | string
}

/** What is known of an entity at a moment. */
export interface FoundFeatures<F extends Readonly<Record<string, FeatureSpec>>> {
  /** `present`, `missing` (no event counts yet), `stale` (the newest is older than the view's ttl). */
  readonly status: EntityFeatures['status']
  /** By name; null for null. */
  readonly values: { readonly [P in keyof F & string]: ValueOf<F[P]['type'], true> }
}

const readers: Record<ColumnType, (value: unknown, length?: number) => Value | undefined> = {
  int: value => (typeof value === 'bigint' || Number.isSafeInteger(value) ? (value as number | bigint) : undefined),
  float: value => (typeof value === 'number' ? value : undefined),
  text: value => (typeof value === 'string' ? value : undefined),
  bool: value => (typeof value === 'boolean' ? value : undefined),
  timestamp(value) {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.getTime() * 1000
    return typeof value === 'string' ? parseTime(value) : Number.isSafeInteger(value) ? (value as number) : undefined
  },
  vector: vectorFrom,
}

function refuse(name: string, reason: string): never {
  throw fail('invalidDefinition', { kind: 'row', name, reason })
}

/** A row as its columns declare it. What is left out is null; what is no column is refused. */
function rowOf(columns: Columns, given: object, name: string): Row {
  const stranger = Object.keys(given).find(column => !(column in columns))
  if (stranger !== undefined) refuse(name, `'${stranger}' is none of the columns ${Object.keys(columns).join(', ')}`)
  const row: Record<string, Value> = {}
  for (const [column, { type, length }] of Object.entries(columns)) {
    const value = (given as Record<string, unknown>)[column] ?? null
    const read = value === null ? null : readers[type](value, length)
    if (read === undefined) refuse(name, `${column} is ${type}, not ${JSON.stringify(value)}`)
    row[column] = read
  }
  return row
}

/**
 * Features of entities at moments, of rows that are literals: as a server answers them, without one, in milliseconds. In a test
 * of Vitest, Jest or node:test:
 *
 *     const [jfk] = await featuresAt(departures, rows, [{ entity: { origin: 'JFK' }, at: '2001-01-01T12:00:00Z' }])
 *     expect(jfk?.values.departures_1h).toBe(2)
 */
export async function featuresAt<K extends Columns, F extends Record<string, FeatureSpec>>(
  view: FeatureView<K, F>,
  rows: readonly RowLiteral[],
  asked: readonly AskedFeatures<K>[],
): Promise<readonly FoundFeatures<F>[]> {
  const { from, entity } = view
  const known = rows.map((row, i) => rowOf(from.columns, row, String(i)))
  const plan = planView(view as unknown as FeatureView)
  const found: FoundFeatures<F>[] = []
  for (const [i, one] of asked.entries()) {
    const at = readers.timestamp(one.at) as Micros | undefined
    if (at === undefined) refuse(`asked[${i}]`, `at is no time such as 2026-03-31T00:00:00Z: ${JSON.stringify(one.at)}`)
    const key = rowOf(entity.keys, one.entity, `asked[${i}]`)
    const online = new OnlineView(plan, memoryOnlineStore())
    // What happens later is nobody's history yet
    const past = known.filter(row => !(Number(row[from.eventTime ?? '']) > at))
    await online.push(unlogged(past), at)
    const [answer] = await readFeatures(online, undefined, [key], at)
    const { status, values } = answer as EntityFeatures
    const named = Object.keys(view.features).map((name, f) => [name, values[f] ?? null] as const)
    found.push({ status, values: Object.fromEntries(named) as FoundFeatures<F>['values'] })
  }
  return found
}
