import { rowsOfFile } from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'
import { rowName } from './session.ts'

/** A file of those that are read together. */
export interface ReadFile {
  readonly path: string
  /** The file that is read for it: itself, or a copy that the engine reads right. */
  readonly read: string
  /** Its place among all files of the source. */
  readonly index: number
  /** What its folders say of its rows. */
  readonly keys: ReadonlyMap<string, string | null>
}

/** What folders say, where no column of the file does: what stands in the file is what was written. */
export function keysBeside(
  columns: readonly string[],
  keys: ReadonlyMap<string, string | null>,
): ReadonlyMap<string, string | null> {
  const taken = new Set(columns.map(name => name.toLowerCase()))
  return new Map([...keys].filter(([name]) => !taken.has(name.toLowerCase())))
}

/** Names that no column of a source has: of the place of a row's file among those read together, and of the row in it. */
const fileName = duckdbDialect.identifier('millrace file')
const placeName = duckdbDialect.identifier('millrace place')

const rowStart = (index: number, before: number): string => String(BigInt(index) * BigInt(rowsOfFile) - BigInt(before))

/** What a row has besides the columns of its file: what its folders say, and its number. */
export interface Besides {
  readonly files: readonly ReadFile[]
  /** Columns of the file. */
  readonly columns: readonly string[]
  /** SQL of the rows of the files, `more` beside their columns. */
  rows(more: readonly string[]): string
  /** SQL of a row's place in its file. */
  readonly place?: string
  /** Rows of each file, where they come in its order and nothing else tells their places. */
  readonly counts?: readonly number[]
}

/**
 * Rows with what their folders say and, with `numbered`, their numbers. What differs from file to file is joined: a list in an
 * expression would be copied for every few rows.
 */
export function besides({ files, columns, rows, place, counts }: Besides, numbered: boolean): string {
  const keys = [...(files[0]?.keys.keys() ?? [])]
  if (keys.length === 0 && !numbered) return rows([])
  let before = 0
  const starts = files.map(({ index }, i) => {
    const start = rowStart(index, before)
    before += counts?.[i] ?? 0
    return start
  })
  const text = (value: string | null | undefined) => duckdbDialect.literal(value ?? null, 'text')
  const values = new Map(keys.map(key => [key, files.map(file => text(file.keys.get(key)))]))
  const named = columns.map(duckdbDialect.identifier)
  const ofFile = (name: string, all: readonly string[]): string =>
    all.every(value => value === all[0]) ? (all[0] as string) : `f.${name}`
  const number = numbered ? [`${ofFile(placeName, starts)} + r.${placeName} AS ${rowName}`] : []
  const said = keys.map(key => {
    const name = duckdbDialect.identifier(key)
    return `${ofFile(name, values.get(key) as string[])} AS ${name}`
  })
  const select = [...named.map(name => `r.${name}`), ...said, ...number]
  const inner = rows([
    `file_index AS ${fileName}`,
    ...(numbered ? [`CAST(${place ?? 'row_number() OVER () - 1'} AS BIGINT) AS ${placeName}`] : []),
  ])
  const lists = [
    ...keys.map(key => [duckdbDialect.identifier(key), values.get(key) as string[]] as const),
    [placeName, starts] as const,
  ]
  const perFile = [
    ...lists.map(([name, all]) => `unnest([${all.join(', ')}]) AS ${name}`),
    `unnest(range(${files.length})) AS ${fileName}`,
  ]
  const join = files.length === 1 ? '' : ` JOIN (SELECT ${perFile.join(', ')}) f ON f.${fileName} = r.${fileName}`
  return `(SELECT ${select.join(', ')} FROM ${inner} r${join})`
}

/** Several table expressions as one; null where one has no such column. */
export function unionByName(relations: readonly string[]): string {
  const [first] = relations
  return relations.length === 1
    ? (first as string)
    : `(${relations.map(relation => `SELECT * FROM ${relation}`).join(' UNION ALL BY NAME ')})`
}
