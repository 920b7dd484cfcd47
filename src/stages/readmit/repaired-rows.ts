import { rowColumn } from '../../ports/data-engine.ts'
import type { Digest } from '../../internal/digest.ts'
import type { StageServices } from '../pipeline/services.ts'
import { contentColumn } from '../validate/repairs.ts'
import type { Quarantine } from './quarantine.ts'
import { repairsFrom, type Readmission } from './record.ts'

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

/** Readmissions whose rows, as they stand now, are among repaired ones: these correct them. */
export async function correctedOf(
  services: StageServices,
  earlier: readonly Readmission[],
  known: string | undefined,
  repaired: string,
): Promise<readonly Digest[]> {
  if (known === undefined) return []
  const engine = await services.engine()
  const place = [contentColumn, rowColumn].map(engine.dialect.identifier).join(', ')
  const turns = await engine.rows(
    `SELECT DISTINCT millrace_turn AS turn FROM ${known} WHERE (${place}) IN (SELECT (${place}) FROM ${repaired}) ORDER BY turn`,
  )
  return turns.flatMap(({ turn }) => earlier[Number(turn)]?.rows.digest ?? [])
}
