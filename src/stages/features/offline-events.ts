import type { DataEngine, Dialect } from '../../ports/data-engine.ts'
import { datasetRows, versionsSql, type DatasetRows } from '../log/dataset-rows.ts'
import { channelSql, eventMicros, keyPresentSql, type ViewPlan } from './channels.ts'
import { countedSql } from './version-sql.ts'

/** From when on a row counts, and until when; rows of one dataset differ in it by channel. */
export interface Visibility {
  readonly from: string
  readonly until?: string
  /** It counts from after its event on: where the event is before a moment, it does. */
  readonly atOnce: boolean
}

/** The events of a view as the joins read them, with names of their columns. */
export interface EventSource {
  /** SELECT of the key columns, `millrace_event` (double), `millrace_row`, and the columns named here. */
  readonly sql: string
  /** Name of each channel's value, a double with NaN for none. */
  readonly values: readonly string[]
  readonly visibilities: readonly Visibility[]
  /** By channel the place of its visibility. */
  readonly visibilityOf: readonly number[]
  /**
   * Whether channels of one visibility see the same rows but for those that have no value; not so where rows have versions,
   * whose times depend on what has a value.
   */
  readonly shared: boolean
  readonly rows: number
  readonly oldest: number
  readonly newest: number
  /** `millrace_row` is below this. */
  readonly places: bigint
}

/** Places of rows of the log begin here. */
const ofLog = 2n ** 62n

const isPlain = (plan: ViewPlan, channel: number): boolean => plan.declares[channel] !== true

/** A row a row: without a log nothing has versions. */
function plainSql(
  plan: ViewPlan,
  sql: string,
  dialect: Dialect,
): Pick<EventSource, 'sql' | 'visibilities' | 'visibilityOf'> {
  const event = `CAST(${eventMicros(plan, dialect)} AS DOUBLE)`
  const visible = plan.channels.map(channel => channelSql(plan, channel, dialect).visible)
  const different = [...new Set(visible)]
  const visibilities = different.map((one, i) => ({
    from: `millrace_visible${i}`,
    atOnce: isPlain(plan, visible.indexOf(one)),
  }))
  const columns = [
    ...plan.keys.map(dialect.identifier),
    'CAST(millrace_seq AS BIGINT) AS millrace_place',
    `${event} AS millrace_event`,
    ...plan.channels.map((channel, i) => `${channelSql(plan, channel, dialect).value} AS millrace_value${i}`),
    ...different.map((one, i) => `${one} AS millrace_visible${i}`),
  ]
  return {
    sql: `SELECT ${columns.join(', ')} FROM (${sql}) WHERE ${keyPresentSql(plan, dialect)} AND ${event} IS NOT NULL`,
    visibilities,
    visibilityOf: visible.map(one => different.indexOf(one)),
  }
}

/** Undefined where there is no event at all. */
export async function eventSource(
  engine: DataEngine,
  plan: ViewPlan,
  given: string | DatasetRows,
): Promise<EventSource | undefined> {
  const { dialect } = engine
  const rows = datasetRows(given)
  const isVersioned = rows.versions !== undefined
  const channels = plan.channels.map((_, i) => i)
  const made = isVersioned
    ? {
        sql: `SELECT *, CAST(millrace_seq AS BIGINT) AS millrace_place FROM (${countedSql(plan, rows, dialect)})`,
        visibilities: channels.map(i => ({
          from: `millrace_visible${i}`,
          until: `millrace_until${i}`,
          atOnce: false,
        })),
        visibilityOf: channels,
      }
    : plainSql(plan, rows.sql, dialect)
  // Only times and places are looked at, of every version
  const event = eventMicros(plan, dialect)
  const [span] = await engine.rows(
    `SELECT count(*) AS n, min(${event}) AS oldest, max(${event}) AS newest, coalesce(max(millrace_seq) FILTER (WHERE millrace_seq < ${ofLog}), 0) AS file, coalesce(max(millrace_seq - ${ofLog}) FILTER (WHERE millrace_seq >= ${ofLog}), 0) AS log FROM (${versionsSql(rows)}) WHERE ${event} IS NOT NULL`,
  )
  if (Number(span?.n) === 0) return undefined
  const ofFile = BigInt(span?.file as number) + 1n
  return {
    ...made,
    sql: `SELECT * EXCLUDE (millrace_place), CASE WHEN millrace_place >= ${ofLog} THEN millrace_place - ${ofLog} + ${ofFile} ELSE millrace_place END AS millrace_row FROM (${made.sql})`,
    values: channels.map(i => `millrace_value${i}`),
    shared: !isVersioned,
    rows: Number(span?.n),
    oldest: Number(span?.oldest),
    newest: Number(span?.newest),
    places: ofFile + BigInt(span?.log as number) + 1n,
  }
}
