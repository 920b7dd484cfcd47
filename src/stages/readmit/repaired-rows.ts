import { rowColumn } from '../../ports/data-engine.ts'
import type { Digest } from '../../internal/digest.ts'
import type { StageServices } from '../services.ts'
import { contentColumn } from '../validate/repairs.ts'
import type { Quarantine } from './quarantine.ts'
import { repairsFrom, type Readmission } from '../validate/readmissions.ts'

/**
 * Table expression of the rows that readmissions let in, the last of each place, with the place and `millrace_turn`, the
 * number of the readmission. Undefined where there are none.
 */
export async function repairedRows(
  services: StageServices,
  readmissions: readonly Readmission[],
): Promise<string | undefined> {
  if (readmissions.length === 0) return undefined
  const { dialect } = await services.engine()
  const place = [contentColumn, rowColumn].map(dialect.identifier).join(', ')
  const read: string[] = []
  for (const [turn, repair] of repairsFrom(services, readmissions).entries())
    read.push(`SELECT *, ${turn} AS millrace_turn FROM ${(await repair.rows()).sql}`)
  return `(SELECT * FROM (${read.join(' UNION ALL BY NAME ')}) QUALIFY row_number() OVER (PARTITION BY ${place} ORDER BY millrace_turn DESC) = 1)`
}

/** Table expression of the places that repaired rows may take: in quarantine, or of rows that were repaired before. */
export async function placesOf(
  services: StageServices,
  quarantine: Quarantine | undefined,
  known: string | undefined,
): Promise<string> {
  const { dialect } = await services.engine()
  const place = [contentColumn, rowColumn].map(dialect.identifier).join(', ')
  const tables = [quarantine?.rows.sql, known].flatMap(table => (table === undefined ? [] : [table]))
  return `(${tables.map(table => `SELECT ${place} FROM ${table}`).join(' UNION ')})`
}

/** Rows of a file beside those that were repaired before. */
export interface Effect {
  /** Rows that no repair took the place of before. */
  readonly first: number
  /** Rows whose repair was another. */
  readonly corrected: number
  /** Rows that are as they were let in before. */
  readonly unchanged: number
  /** SELECT of the columns of those that are not. */
  readonly changed: string
  /** Readmissions that are corrected. */
  readonly former: readonly Digest[]
}

/** What repaired rows do, as their place in the newest of the earlier readmissions has them. `columns`: the dataset's. */
export async function effectOf(
  services: StageServices,
  earlier: readonly Readmission[],
  known: string | undefined,
  repaired: string,
  columns: readonly string[],
): Promise<Effect> {
  const engine = await services.engine()
  const place = [contentColumn, rowColumn].map(engine.dialect.identifier).join(', ')
  const names = [...columns.map(engine.dialect.identifier), place].join(', ')
  const countOf = async (rows: string) => Number((await engine.rows(`SELECT count(*) AS n FROM (${rows})`))[0]?.n)
  const all = await countOf(repaired)
  if (known === undefined)
    return { first: all, corrected: 0, unchanged: 0, changed: `SELECT ${names} FROM (${repaired})`, former: [] }
  const changed = `SELECT ${names} FROM (${repaired}) EXCEPT SELECT ${names} FROM ${known}`
  const different = await countOf(changed)
  const turns = await engine.rows(
    `SELECT millrace_turn AS turn, count(*) AS n FROM ${known} WHERE (${place}) IN (SELECT (${place}) FROM (${changed})) GROUP BY turn ORDER BY turn`,
  )
  const corrected = turns.reduce((sum, { n }) => sum + Number(n), 0)
  return {
    first: different - corrected,
    corrected,
    unchanged: all - different,
    changed,
    former: turns.flatMap(({ turn }) => earlier[Number(turn)]?.rows.digest ?? []),
  }
}

/** How many rows of each file are repaired, once these are let in too. */
export async function repairedOfFiles(
  services: StageServices,
  known: string | undefined,
  repaired: string,
): Promise<ReadonlyMap<Digest, number>> {
  const engine = await services.engine()
  const [content, row] = [contentColumn, rowColumn].map(engine.dialect.identifier) as [string, string]
  const tables = [repaired, ...(known === undefined ? [] : [known])]
  const found = await engine.rows(
    `SELECT ${content} AS c, count(*) AS n FROM (${tables.map(one => `SELECT ${content}, ${row} FROM ${one}`).join(' UNION ')}) WHERE ${content} IN (SELECT ${content} FROM ${repaired}) GROUP BY c ORDER BY c`,
  )
  return new Map(found.map(one => [one.c as Digest, Number(one.n)]))
}
