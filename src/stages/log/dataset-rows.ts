import type { Dataset } from '../../define/dataset.ts'
import type { DataEngine, Dialect } from '../../ports/data-engine.ts'

/** Rows of a dataset as queries: of its snapshot, and of its log up to a place. */
export interface DatasetRows {
  /**
   * SELECT of the newest version of each row that was not taken back, with `millrace_seq`, its order of arrival: what is learnt
   * from. Rows of the log whose time had not come when they arrived are not among them.
   */
  readonly sql: string
  /**
   * SELECT of every version, with the further columns of `versionColumns`. Undefined where there is no log: each row has
   * one version.
   */
  readonly versions?: string
}

/**
 * What a version has besides its row: its place in the log (0 for what came by file), which row it is of (null where no other
 * version is), when it was known (microseconds, null: as declared), whether its row was taken back.
 */
export const versionColumns = {
  place: 'millrace_version',
  row: 'millrace_of_row',
  known: 'millrace_known',
  gone: 'millrace_gone',
} as const

/** Columns of a log's table besides those of the dataset. */
export const logColumns = {
  place: 'millrace_place',
  at: 'millrace_at_log',
  known: 'millrace_known_log',
  gone: 'millrace_gone_log',
} as const

/** Clocks of senders may be ahead by so much (microseconds). */
const maxAhead = 3_600_000_000

export const datasetRows = (given: string | DatasetRows): DatasetRows =>
  typeof given === 'string' ? { sql: given } : given

/** SELECT of all versions where there are none of the log. */
export function versionsSql({ sql, versions }: DatasetRows): string {
  const { place, row, known, gone } = versionColumns
  return (
    versions ??
    `SELECT *, 0 AS ${place}, CAST(NULL AS BIGINT) AS ${row}, CAST(NULL AS DOUBLE) AS ${known}, false AS ${gone} FROM (${sql})`
  )
}

/**
 * A snapshot and the log over it. Where both have a row of one key the log's versions follow the snapshot's; where the dataset has no
 * key every row is its own.
 */
export async function withLog(
  engine: DataEngine,
  dataset: Dataset,
  snapshot: string,
  log: string | undefined,
): Promise<DatasetRows> {
  if (log === undefined) return { sql: snapshot }
  const { dialect } = engine
  const { place, row, known, gone } = versionColumns
  const held = new Set((await engine.describe({ sql: `(${snapshot})`, label: dataset.name })).map(one => one.name))
  const columns = Object.entries(dataset.columns).filter(([name]) => held.has(name))
  const cast = columns.map(
    ([name, { type }]) => `${dialect.cast(dialect.identifier(name), type)} AS ${dialect.identifier(name)}`,
  )
  const names = columns.map(([name]) => dialect.identifier(name)).join(', ')
  const keys = dataset.key.map(name => dialect.identifier(name))
  const ofFile = `SELECT ${cast.join(', ')}, millrace_seq, 0 AS ${place}, CAST(NULL AS DOUBLE) AS millrace_given, CAST(NULL AS DOUBLE) AS millrace_arrived, false AS ${gone} FROM (${snapshot})`
  const ofLog = `SELECT ${cast.join(', ')}, 4611686018427387904 + ${logColumns.place} AS millrace_seq, ${logColumns.place} AS ${place}, ${logColumns.known} AS millrace_given, ${logColumns.at} AS millrace_arrived, ${logColumns.gone} AS ${gone} FROM (${log})`
  const kept = `${names}, millrace_seq, ${place}, millrace_arrived`
  const { eventTime } = dataset
  const event = eventTime === undefined ? undefined : dialect.epochMicros(dialect.identifier(eventTime))
  const happened = event === undefined ? 'true' : `coalesce(${event} <= millrace_arrived + ${maxAhead}, true)`
  if (keys.length === 0) {
    const alone = `SELECT ${kept}, CAST(NULL AS BIGINT) AS ${row}, millrace_given AS ${known}, ${gone} FROM (${ofFile} UNION ALL BY NAME ${ofLog})`
    return { sql: `SELECT ${names}, millrace_seq FROM (${alone}) WHERE NOT ${gone} AND ${happened}`, versions: alone }
  }
  const key = keys.join(', ')
  const touched = `SELECT DISTINCT ${key} FROM (${ofLog})`
  const alone = `SELECT ${kept}, CAST(NULL AS BIGINT) AS ${row}, millrace_given AS ${known}, ${gone} FROM (${ofFile}) ANTI JOIN (${touched}) USING (${key})`
  const several = `SELECT * FROM (${ofFile}) SEMI JOIN (${touched}) USING (${key}) UNION ALL BY NAME ${ofLog}`
  // A row's first version was known when the dataset declares; a later one when it arrived, unless its sender knew better
  const first = `rank() OVER (PARTITION BY ${key} ORDER BY ${place}) = 1`
  const ranked = `SELECT ${kept}, dense_rank() OVER (ORDER BY ${key}) AS ${row}, coalesce(millrace_given, CASE WHEN ${first} THEN NULL ELSE millrace_arrived END) AS ${known}, ${gone} FROM (${several})`
  const versions = `${alone} UNION ALL BY NAME ${ranked}`
  // Several rows of one key in a file are several rows, until one of the log follows them
  const last = `rank() OVER (PARTITION BY ${row} ORDER BY coalesce(${known}, '-infinity'::DOUBLE) DESC, ${place} DESC) = 1`
  const newest = `SELECT ${names}, millrace_seq FROM (SELECT *, ${last} AS millrace_last FROM (${ranked})) WHERE millrace_last AND NOT ${gone} AND ${happened}`
  return { sql: `SELECT ${names}, millrace_seq FROM (${alone}) UNION ALL BY NAME ${newest}`, versions }
}

/** SELECT of a dataset's columns and no row, where it has no snapshot. */
export function emptyRows({ columns }: Dataset, dialect: Dialect): string {
  const nulls = Object.entries(columns).map(
    ([name, { type }]) => `${dialect.cast('NULL', type)} AS ${dialect.identifier(name)}`,
  )
  return `SELECT * FROM (SELECT ${nulls.join(', ')}, CAST(NULL AS BIGINT) AS millrace_seq) WHERE false`
}
