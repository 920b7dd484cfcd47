import { rowColumn, rowsOfFile, type Relation, type SourceSpec } from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'

const text = (value: string): string => duckdbDialect.literal(value, 'text')

function options(source: SourceSpec): string {
  if (source.kind === 'parquet') return ', union_by_name = true'
  if (source.kind === 'json') return ", format = 'newline_delimited'"
  return `, header = ${source.header ?? true}, delim = ${text(source.delimiter ?? ',')}, strict_mode = true, skip = 0`
}

/** Reads files in place. Row numbers come from the format where it has them, else from the order of reading. */
export function scanRelation(source: SourceSpec, files: readonly string[]): Relation {
  const read = (some: readonly string[]) => `read_${source.kind}([${some.map(text).join(', ')}]${options(source)})`
  const all = read(files)
  const row = duckdbDialect.identifier(rowColumn)
  if (source.kind === 'parquet') {
    const own = source.rowNumber
    return {
      sql: own ? `(SELECT *, file_row_number AS ${duckdbDialect.identifier(own)} FROM ${all})` : all,
      numbered: `(SELECT *, CAST(file_index AS BIGINT) * ${rowsOfFile} + CAST(file_row_number AS BIGINT) AS ${row} FROM ${all})`,
      label: source.path,
    }
  }
  const numbered = files.map(
    (file, i) => `SELECT *, ${i * rowsOfFile} + row_number() OVER () - 1 AS ${row} FROM ${read([file])}`,
  )
  return { sql: all, numbered: `(${numbered.join(' UNION ALL BY NAME ')})`, label: source.path }
}
