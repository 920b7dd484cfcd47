import { ulid } from '../../internal/ids.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import { rowColumn, rowsOfFile, type DataEngine, type Relation } from '../../ports/data-engine.ts'
import type { OpenSource } from './source.ts'
import { unreadableColumn, type FoundDataset } from './relation.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'

/** Column with the digest of the file that a row came from. */
export const contentColumn = 'millrace_content'
/** Column with the file's name, for people. */
export const fileColumn = 'millrace_file'

/** Rows that take the place of rows of files, told by content and place: they hold as long as that content is a source. */
export interface Repair {
  readonly digest: Digest
  /** Files that rows of it belong to. */
  readonly contents: readonly Digest[]
  /** The dataset's columns, `contentColumn`, and `rowColumn` with the place in the file, from 0. */
  rows(): Promise<Relation>
}

/** A dataset's rows with repaired ones in the place of those that they replace. */
export interface RepairedRows {
  /** Number of rows that take the place of others. */
  readonly rows: number
  /** Digest of each file, its repairs included. */
  readonly digests: readonly Digest[]
  /** Rows of some of the files, in their order, with what replaces rows of them. */
  over(
    rows: { readonly sql: string; readonly numbered: string },
    digests: readonly Digest[],
  ): {
    readonly sql: string
    readonly numbered: string
  }
  release(): Promise<void>
}

/** Repairs that concern these files, oldest first. */
export function repairsOf(repairs: readonly Repair[], digests: readonly Digest[]): Repair[] {
  const present = new Set(digests)
  return repairs.filter(repair => repair.contents.some(content => present.has(content)))
}

/** Reads repairs into the engine, the last of each row. Undefined where none concerns these files. */
export async function openRepairs(
  engine: DataEngine,
  found: FoundDataset,
  { digests }: Pick<OpenSource, 'digests'>,
  all: readonly Repair[],
): Promise<RepairedRows | undefined> {
  const repairs = digests ? repairsOf(all, digests) : []
  if (!digests || repairs.length === 0) return undefined
  const { dialect } = engine
  const table = dialect.identifier(`repairs_${ulid()}`)
  const content = dialect.identifier(contentColumn)
  const row = dialect.identifier(rowColumn)
  const columns = [...found.usable].map(name => {
    const identifier = dialect.identifier(name)
    return `${dialect.cast(identifier, found.dataset.columns[name]?.type ?? 'text')} AS ${identifier}`
  })
  const readable = found.tells
    ? [
        ...[...found.checked].map(name => `false AS ${dialect.identifier(unreadableName(name))}`),
        `'' AS ${dialect.identifier(unreadableColumn)}`,
      ]
    : []
  const own = [...found.usable, ...(found.tells ? [...[...found.checked].map(unreadableName), unreadableColumn] : [])]
  const names = own.map(dialect.identifier).join(', ')
  const read: string[] = []
  for (const [i, repair] of repairs.entries())
    read.push(
      `SELECT ${[...columns, ...readable, content, row].join(', ')}, ${i} AS millrace_turn FROM ${(await repair.rows()).sql}`,
    )
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT ${names}, ${content}, ${row} FROM (SELECT *, row_number() OVER (PARTITION BY ${content}, ${row} ORDER BY millrace_turn DESC) AS millrace_latest FROM (${read.join(' UNION ALL ')})) WHERE millrace_latest = 1`,
  )
  const present = digests.map(one => dialect.literal(one, 'text')).join(', ')
  const [counted] = await engine.rows(`SELECT count(*) AS n FROM ${table} WHERE ${content} IN (${present})`)
  const key = (digest: Digest): Digest =>
    digestJson([digest, ...repairs.filter(one => one.contents.includes(digest)).map(one => one.digest)])
  return {
    rows: Number(counted?.n ?? 0),
    digests: digests.map(digest => (repairsOf(repairs, [digest]).length === 0 ? digest : key(digest))),
    over({ numbered }, files) {
      const numbers = files.map((digest, i) => `WHEN ${dialect.literal(digest, 'text')} THEN ${i * rowsOfFile}`)
      const placed = `SELECT ${names}, ${row} + CASE ${content} ${numbers.join(' ')} END AS ${row} FROM ${table} WHERE ${content} IN (${files.map(one => dialect.literal(one, 'text')).join(', ')})`
      const whole = `SELECT ${names}, ${row} FROM (${numbered}) WHERE ${row} NOT IN (SELECT ${row} FROM (${placed})) UNION ALL ${placed}`
      return { sql: `SELECT ${names} FROM (${whole})`, numbered: whole }
    },
    release: () => engine.execute(`DROP TABLE IF EXISTS ${table}`),
  }
}
