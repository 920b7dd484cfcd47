import { ulid } from '../../internal/ids.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { OnlineStore } from '../../ports/online-store.ts'
import { versionColumns, datasetRows, type DatasetRows } from '../log/dataset-rows.ts'
import { withCommonKey, type ViewPlan } from './channels.ts'
import { EntityWindow, type EventVersion } from './entity-window.ts'
import { OnlineView, slack } from './online.ts'
import { absentKeys, presentEntities } from './present-entities.ts'
import { RecordEvents, versionOf } from './record-events.ts'

/** Records, and versions in them, that are written at a time. */
const batchEntities = 4_000
const batchVersions = 200_000

/** For entities that share a row with another one: its versions there, by which it left them. */
async function departures(
  engine: DataEngine,
  events: RecordEvents,
): Promise<ReadonlyMap<string, readonly EventVersion[]>> {
  const { row } = versionColumns
  const left = new Map<string, EventVersion[]>()
  let of: number | bigint | string | undefined
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
  for await (const batch of engine.stream(`SELECT * FROM (${events.sql}) WHERE ${row} IS NOT NULL ORDER BY ${row}`)) {
    const block = events.block(batch)
    const entity = events.entities(batch)
    const rows = batch.get(row)?.values ?? []
    for (let at = 0; at < rows.length; at++) {
      if (rows[at] !== of) take()
      of = rows[at]
      group.push({ entity: entity(at), version: versionOf(block, at) })
    }
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

/** The entities of events as a table, with their newest and oldest event. */
async function entityTable(engine: DataEngine, events: RecordEvents, sql: string, own: string[]): Promise<string> {
  const table = engine.dialect.identifier(`entities_${ulid()}`)
  const keys = events.entity.join(', ')
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT ${keys}, max(millrace_event) AS millrace_newest, min(millrace_event) AS millrace_oldest FROM (${sql}) GROUP BY ${keys}`,
  )
  own.push(table)
  return table
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
  const isVersioned = rows.versions !== undefined
  const view = new OnlineView(plan, store, keepMs === undefined ? {} : { keepMs })
  const events = new RecordEvents(plan, rows, engine.dialect)
  const left = isVersioned ? await departures(engine, events) : new Map<string, never>()
  const since = until - plan.horizon - slack
  const isPlain = plan.channels.every(one => !one.isText)
  const late = isVersioned ? ` OR ${versionColumns.place} > 0` : ''
  const covered = `SELECT * FROM (${events.sql}) WHERE (millrace_event <= ${until}${late})`
  const entities = await entityTable(engine, events, covered, own)
  const keys = events.entity.join(', ')
  const partSql = (part: number): string => {
    const its = parts === 1 ? covered : `${covered} AND ${engine.dialect.rowHash(events.entity)} % ${parts} = ${part}`
    // An entity whose events are all older than the horizon keeps its newest one, in all its versions: its age tells stale from missing
    const kept = Number.isFinite(since)
      ? `SELECT e.*, CASE WHEN millrace_oldest < ${since} THEN 1::DOUBLE ELSE 0::DOUBLE END AS millrace_left_out FROM (${its}) e JOIN ${entities} USING (${keys}) WHERE millrace_event >= ${since} OR millrace_event = millrace_newest`
      : its
    return `${kept} ORDER BY ${[keys, ...events.order].join(', ')}`
  }
  const writePart = async (part: number): Promise<void> => {
    let ready = new Map<string, Uint8Array>()
    let versions = 0
    const write = async (): Promise<void> => {
      await view.replace(ready, [...ready.keys()], seq)
      ready = new Map()
      versions = 0
    }
    // The entity that the last batch ended with, which the next one may go on with
    let open: { readonly key: string; readonly window: EntityWindow } | undefined
    const close = (): void => {
      if (!open) return
      for (const gone of left.get(open.key) ?? []) open.window.add(gone)
      versions += open.window.length
      ready.set(open.key, open.window.encode())
      open = undefined
    }
    for await (const batch of engine.stream(partSql(part))) {
      const block = events.block(batch)
      const entity = events.entities(batch)
      const leftOut = batch.get('millrace_left_out')?.values
      let at = 0
      for (const to of events.bounds(batch)) {
        if (to === at) continue
        const key = entity(at)
        const its = leftOut?.[at] === 1 ? since : Number.NEGATIVE_INFINITY
        if (open?.key !== key) close()
        if (ready.size >= batchEntities || versions >= batchVersions) await write()
        if (open === undefined && isPlain && to < block.event.length && !left.has(key)) {
          ready.set(key, EntityWindow.encodeBlock(block, at, to, its))
          versions += to - at
        } else {
          open ??= { key, window: new EntityWindow(plan.channels.length, to - at) }
          open.window.leaveOut(its)
          open.window.append(block, at, to)
        }
        at = to
      }
    }
    close()
    await write()
    await view.flush()
  }
  for (let part = from; part < parts; part++) {
    await writePart(part)
    await written(part + 1)
  }
  const present = await presentEntities(engine, `SELECT ${keys} FROM ${entities}`, batch => events.entities(batch))
  try {
    for await (const gone of absentKeys(view, present)) await view.replace(new Map(), gone, seq)
    await view.flush()
    return present.count
  } finally {
    await present.drop()
  }
}
