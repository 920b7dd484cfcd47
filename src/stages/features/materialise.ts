import type { Column, DataEngine, Value } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { versionColumns, datasetRows, type DatasetRows } from '../log/dataset-rows.ts'
import { keySql, withCommonKey, type Channel, type ViewPlan } from './channels.ts'
import { codedTexts, decodedSql } from './coded-texts.ts'
import { elsewhereFrom, EntityWindow, type EventVersion } from './entity-window.ts'
import { encodeKey, rowNumberOf } from '../log/keys.ts'
import { OnlineView, slack } from './online.ts'
import { eventsSql } from './version-sql.ts'

/** Records that are written at a time. */
const batchEntities = 2_000

type Batch = ReadonlyMap<string, Column>

function valueAt(batch: Batch, name: string, at: number): Value {
  const column = batch.get(name)
  if (!column || column.nulls?.[at]) return null
  return column.values[at] as Value
}

const numberAt = (batch: Batch, name: string, at: number, otherwise: number): number => {
  const value = valueAt(batch, name, at)
  return value === null ? otherwise : Number(value)
}

/** Reads versions of rows as `eventsSql` gives them, with their entity. */
class VersionReader {
  readonly #plan: ViewPlan
  readonly #rowTypes
  readonly columns: readonly string[]

  constructor(plan: ViewPlan, engine: DataEngine) {
    const { key, columns } = plan.view.from
    this.#plan = plan
    this.#rowTypes = key.map(name => columns[name]?.type ?? 'text')
    const { dialect } = engine
    this.columns = [
      ...keySql(plan.keys, plan.keyTypes, dialect).map((sql, i) => `${sql} AS millrace_entity${i}`),
      ...keySql(key, this.#rowTypes, dialect).map((sql, i) => `${sql} AS millrace_key${i}`),
    ]
  }

  entity(batch: Batch, at: number): string {
    return encodeKey(
      this.#plan.keys.map((_, i) => valueAt(batch, `millrace_entity${i}`, at)),
      this.#plan.keyTypes.map(type => (type === 'float' ? 'float' : 'text')),
    ) as string
  }

  version(batch: Batch, at: number): EventVersion {
    const row = this.#rowTypes.length === 0 ? undefined : this.#row(batch, at)
    return {
      event: numberAt(batch, 'millrace_event', at, Number.NaN),
      row: row === undefined ? Number.NaN : rowNumberOf(row),
      seq: numberAt(batch, versionColumns.place, at, 0),
      known: numberAt(batch, versionColumns.known, at, Number.NEGATIVE_INFINITY),
      values: this.#plan.channels.map(({ isText }, c) => {
        const text = isText ? valueAt(batch, `millrace_text${c}`, at) : null
        return text === null ? numberAt(batch, `millrace_value${c}`, at, Number.NaN) : (text as string)
      }),
      declared: this.#plan.channels.map(({ told }, c) => {
        const isNone = Number.isNaN(numberAt(batch, `millrace_value${c}`, at, Number.NaN))
        const isTold = told.length > 0 && isNone && Boolean(valueAt(batch, `millrace_told${c}`, at))
        return isTold ? Number.NEGATIVE_INFINITY : numberAt(batch, `millrace_declared${c}`, at, 9e18)
      }),
    }
  }

  #row(batch: Batch, at: number): string | undefined {
    return encodeKey(
      this.#rowTypes.map((_, i) => valueAt(batch, `millrace_key${i}`, at)),
      this.#rowTypes.map(type => (type === 'float' ? 'float' : 'text')),
    )
  }
}

/** For entities that share a row with another one: its versions there, by which it left them. */
async function departures(
  engine: DataEngine,
  reader: VersionReader,
  events: string,
): Promise<ReadonlyMap<string, readonly EventVersion[]>> {
  const { row } = versionColumns
  const left = new Map<string, EventVersion[]>()
  let of: number | undefined
  let group: { readonly entity: string; readonly version: EventVersion }[] = []
  const take = (): void => {
    const entities = new Set(group.map(one => one.entity))
    if (entities.size > 1)
      for (const entity of entities) {
        const others = group.filter(one => one.entity !== entity)
        left.set(entity, [...(left.get(entity) ?? []), ...others.map(one => elsewhere(one.version))])
      }
    group = []
  }
  for await (const batch of engine.stream(`SELECT * FROM (${events}) WHERE ${row} IS NOT NULL ORDER BY ${row}`))
    for (let at = 0; at < (batch.get('millrace_event')?.values.length ?? 0); at++) {
      const its = numberAt(batch, row, at, -1)
      if (its !== of) take()
      of = its
      group.push({ entity: reader.entity(batch, at), version: reader.version(batch, at) })
    }
  take()
  return left
}

/** A version as an entity has it that the row is not of. */
function elsewhere(version: EventVersion): EventVersion {
  return {
    ...version,
    declared: Array.from(version.declared, (time, c) =>
      elsewhereFrom(version.values[c] as number | string, time, version.known),
    ),
    values: Array.from(version.values, () => Number.NaN),
  }
}

/**
 * Writes the records of all entities from snapshot and log, files as they were at `until`: rebuilt whole, so that running it again, or
 * over another interval, gives the same records, and what came to the log after `seq` (the place up to which `rows` has it) stays
 * where it is. Servers go on pushing and answering meanwhile. Gives the number of entities.
 */
export async function materialise(
  engine: DataEngine,
  plan: ViewPlan,
  given: string | DatasetRows,
  until: number,
  store: OnlineStore,
  { seq = 0, keepMs }: { readonly seq?: number; readonly keepMs?: number } = {},
): Promise<number> {
  const own: string[] = []
  try {
    return await written(engine, plan, given, until, store, { seq, keepMs }, own)
  } finally {
    for (const name of own) await engine.execute(`DROP TABLE IF EXISTS ${name}`)
  }
}

/** The events with the texts that the numbers of channels of texts stand for. */
function withTexts({ channels }: ViewPlan, events: string): string {
  const texts = channels.flatMap((channel: Channel, c) =>
    channel.isText ? [`${decodedSql(channel, `millrace_value${c}`)} AS millrace_text${c}`] : [],
  )
  return texts.length === 0 ? events : `SELECT *, ${texts.join(', ')} FROM (${events})`
}

async function written(
  engine: DataEngine,
  plan: ViewPlan,
  given: string | DatasetRows,
  until: number,
  store: OnlineStore,
  { seq, keepMs }: { readonly seq: number; readonly keepMs: number | undefined },
  own: string[],
): Promise<number> {
  const rows = withCommonKey(plan, datasetRows(given), engine.dialect)
  const coded = await codedTexts(engine, plan, rows, own)
  const view = new OnlineView(plan, store, keepMs === undefined ? {} : { keepMs })
  const reader = new VersionReader(plan, engine)
  const { place } = versionColumns
  const events = withTexts(coded, eventsSql(coded, rows, engine.dialect, reader.columns))
  const left = rows.versions === undefined ? new Map<string, never>() : await departures(engine, reader, events)
  const since = until - plan.horizon - slack
  const entities = plan.keys.map((_, i) => `millrace_entity${i}`).join(', ')
  const covered = `SELECT * FROM (${events}) WHERE millrace_event <= ${until} OR ${place} > 0`
  // An entity whose events are all older than the horizon keeps its newest one: its age tells stale from missing
  const recent = Number.isFinite(since)
    ? `SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY ${entities} ORDER BY millrace_event DESC) AS millrace_newest, min(millrace_event) OVER (PARTITION BY ${entities}) AS millrace_oldest FROM (${covered})) WHERE millrace_newest = 1 OR millrace_event >= ${since}`
    : covered
  const seen = new Set<string>()
  let ready = new Map<string, EntityWindow>()
  let entity: string | undefined
  const write = async (): Promise<void> => {
    for (const [key, window] of ready) for (const gone of left.get(key) ?? []) window.add(gone)
    await view.replace(ready, [...ready.keys()], seq)
    ready = new Map()
  }
  for await (const batch of engine.stream(`${recent} ORDER BY ${entities}, millrace_event, ${place}, millrace_seq`))
    for (let at = 0; at < (batch.get('millrace_event')?.values.length ?? 0); at++) {
      const key = reader.entity(batch, at)
      if (key !== entity && ready.size >= batchEntities) await write()
      entity = key
      let window = ready.get(key)
      if (!window) {
        window = new EntityWindow(plan.channels.length)
        ready.set(key, window)
        seen.add(key)
        if (Number.isFinite(since) && numberAt(batch, 'millrace_oldest', at, since) < since) window.leaveOut(since)
      }
      window.add(reader.version(batch, at))
    }
  await write()
  const others: string[] = []
  for await (const key of view.keys()) if (!seen.has(key)) others.push(key)
  for (let from = 0; from < others.length; from += batchEntities)
    await view.replace(new Map(), others.slice(from, from + batchEntities), seq)
  await view.flush()
  return seen.size
}
