import type { Column, DataEngine, Value } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { versionColumns, datasetRows, type DatasetRows } from '../log/dataset-rows.ts'
import { keySql, withCommonKey, type Channel, type ViewPlan } from './channels.ts'
import { codedTexts, decodedSql } from './coded-texts.ts'
import { EntityWindow, type EventVersion } from './entity-window.ts'
import { encodeKey, rowNumberOf } from '../log/keys.ts'
import { OnlineView, slack } from './online.ts'
import { absentKeys, presentEntities } from './present-entities.ts'
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
      declared: this.#plan.channels.map((_, c) => numberAt(batch, `millrace_declared${c}`, at, 9e18)),
      told: this.#plan.channels.map((_, c) => Boolean(valueAt(batch, `millrace_told${c}`, at))),
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
const elsewhere = (version: EventVersion): EventVersion => ({
  ...version,
  values: Array.from(version.values, () => Number.NaN),
})

export interface MaterialiseOptions {
  /** Place of the log up to which the rows have it. */
  readonly seq?: number
  readonly keepMs?: number
  /** Entities are written in so many parts, one after another, each sorted by itself (default 1). */
  readonly parts?: number
  /** The first part that is written: those before it were (default 0). */
  readonly from?: number
  /** Hears of each part once it survives a crash: how many are done. */
  readonly written?: (done: number) => Promise<void>
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
  options: MaterialiseOptions = {},
): Promise<number> {
  const own: string[] = []
  try {
    return await writeRecords(engine, plan, given, until, store, options, own)
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

async function writeRecords(
  engine: DataEngine,
  plan: ViewPlan,
  given: string | DatasetRows,
  until: number,
  store: OnlineStore,
  { seq = 0, keepMs, parts = 1, from = 0, written = async () => undefined }: MaterialiseOptions,
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
  const keys = plan.keys.map((_, i) => `millrace_entity${i}`)
  const entities = keys.join(', ')
  const covered = `SELECT * FROM (${events}) WHERE (millrace_event <= ${until} OR ${place} > 0)`
  const partSql = (part: number): string => {
    const own = parts === 1 ? covered : `${covered} AND ${engine.dialect.rowHash(keys)} % ${parts} = ${part}`
    // An entity whose events are all older than the horizon keeps its newest one, in all its versions: its age tells stale from missing
    return Number.isFinite(since)
      ? `SELECT * FROM (SELECT *, rank() OVER (PARTITION BY ${entities} ORDER BY millrace_event DESC) AS millrace_newest, min(millrace_event) OVER (PARTITION BY ${entities}) AS millrace_oldest FROM (${own})) WHERE millrace_newest = 1 OR millrace_event >= ${since}`
      : own
  }
  const writePart = async (part: number): Promise<void> => {
    let ready = new Map<string, EntityWindow>()
    let entity: string | undefined
    const write = async (): Promise<void> => {
      for (const [key, window] of ready) for (const gone of left.get(key) ?? []) window.add(gone)
      await view.replace(ready, [...ready.keys()], seq)
      ready = new Map()
    }
    for await (const batch of engine.stream(
      `${partSql(part)} ORDER BY ${entities}, millrace_event, ${place}, millrace_seq`,
    ))
      for (let at = 0; at < (batch.get('millrace_event')?.values.length ?? 0); at++) {
        const key = reader.entity(batch, at)
        if (key !== entity && ready.size >= batchEntities) await write()
        entity = key
        let window = ready.get(key)
        if (!window) {
          window = new EntityWindow(plan.channels.length)
          ready.set(key, window)
          if (Number.isFinite(since) && numberAt(batch, 'millrace_oldest', at, since) < since) window.leaveOut(since)
        }
        window.add(reader.version(batch, at))
      }
    await write()
    await view.flush()
  }
  for (let part = from; part < parts; part++) {
    await writePart(part)
    await written(part + 1)
  }
  const present = await presentEntities(engine, `SELECT DISTINCT ${entities} FROM (${covered})`, (batch, at) =>
    reader.entity(batch, at),
  )
  try {
    for await (const gone of absentKeys(view, present)) await view.replace(new Map(), gone, seq)
    await view.flush()
    return present.count
  } finally {
    await present.drop()
  }
}
