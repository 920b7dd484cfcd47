import { rowsOfFile } from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'

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

/** SQL of what the file of a row has for something, by its place among those that are read; one for all where it is the same. */
export function byFile(values: readonly string[]): string {
  const [first] = values
  return values.every(value => value === first)
    ? (first as string)
    : `([${values.join(', ')}])[CAST(file_index AS BIGINT) + 1]`
}

/** The keys of folders as columns of text. */
export function keyColumns(files: readonly ReadFile[]): string[] {
  const literal = (value: string | null | undefined) => duckdbDialect.literal(value ?? null, 'text')
  return [...(files[0]?.keys.keys() ?? [])].map(
    name => `${byFile(files.map(file => literal(file.keys.get(name))))} AS ${duckdbDialect.identifier(name)}`,
  )
}

/** The number of the first row of a row's file. */
export function firstRow(files: readonly ReadFile[]): string {
  const from = files[0]?.index ?? 0
  if (files.every(({ index }, i) => index === from + i))
    return files.length === 1 ? String(from * rowsOfFile) : `(${from} + CAST(file_index AS BIGINT)) * ${rowsOfFile}`
  return `${byFile(files.map(({ index }) => String(index)))} * ${rowsOfFile}`
}

/** Numbers of rows that come in the order of their files, of which each has so many. */
export function rowNumbers(files: readonly ReadFile[], rows: readonly number[]): string {
  let before = 0
  const starts = rows.map(own => {
    const start = before
    before += own
    return String(start)
  })
  return `${firstRow(files)} + row_number() OVER () - 1 - ${byFile(starts)}`
}

/** Several table expressions as one; null where one has no such column. */
export function unionByName(relations: readonly string[]): string {
  const [first] = relations
  return relations.length === 1
    ? (first as string)
    : `(${relations.map(relation => `SELECT * FROM ${relation}`).join(' UNION ALL BY NAME ')})`
}
