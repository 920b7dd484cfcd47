import { rowsOfFile, type Relation, type SourceSpec } from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'
import { scanCsv } from './scan-csv.ts'
import { scanJson } from './scan-json.ts'
import { rowName, text, type Scratch, type Session } from './session.ts'

/** Columns that the engine gives to rows of Parquet; a column of the file with such a name hides them. */
const virtual = ['file_index', 'file_row_number']

/** Files beyond this are sampled as the dialect samples: a place in each would be many. */
const mostSampledFiles = 8

/** Rows from three places of each file. Blocks at random would be dear: a row group is decoded up to the block. */
function sampleOf(files: readonly string[], all: string): NonNullable<Relation['sample']> {
  return (rows, total) => {
    const length = Math.ceil(rows / (3 * files.length))
    const starts = [0, 0.45, 0.85].map(share => Math.floor((share * total) / files.length))
    const ranges = starts.map(start => `file_row_number >= ${start} AND file_row_number < ${start + length}`)
    return `(SELECT * FROM ${all} WHERE ${ranges.join(' OR ')})`
  }
}

async function scanParquet(
  source: SourceSpec & { kind: 'parquet' },
  files: readonly string[],
  session: Session,
): Promise<Relation> {
  const read = (some: readonly string[]) => `read_parquet([${some.map(text).join(', ')}], union_by_name = true)`
  const all = read(files)
  const columns = (await session(`DESCRIBE SELECT * FROM ${all}`)).map(row => String(row.column_name).toLowerCase())
  const hidden = columns.some(name => virtual.includes(name))
  const apart = files.map(
    (file, i) => `SELECT *, ${i * rowsOfFile} + row_number() OVER () - 1 AS ${rowName} FROM ${read([file])}`,
  )
  const own = source.rowNumber === undefined ? undefined : duckdbDialect.identifier(source.rowNumber)
  const place = hidden ? 'row_number() OVER () - 1' : 'file_row_number'
  const only = files.length === 1 && !/[*?[]/.test(files[0] as string)
  // a number as it is: the engine then skips what cannot hold the rows that are asked for by number
  const number = only
    ? 'file_row_number'
    : `CAST(file_index AS BIGINT) * ${rowsOfFile} + CAST(file_row_number AS BIGINT)`
  return {
    sql: own ? `(SELECT *, ${place} AS ${own} FROM ${all})` : all,
    numbered: hidden ? `(${apart.join(' UNION ALL BY NAME ')})` : `(SELECT *, ${number} AS ${rowName} FROM ${all})`,
    label: source.path,
    ...(hidden || files.length > mostSampledFiles ? {} : { sample: sampleOf(files, all) }),
  }
}

/** A table of another DuckDB file, attached read-only under a name made from its path. */
async function scanTable(source: SourceSpec & { kind: 'duckdb' }, file: string, session: Session): Promise<Relation> {
  const alias = duckdbDialect.identifier(`file ${file}`)
  await session(`ATTACH IF NOT EXISTS ${text(file)} AS ${alias} (READ_ONLY)`)
  const parts = source.path.split('.')
  const table = [...(parts.length === 1 ? ['main'] : []), ...parts].map(duckdbDialect.identifier).join('.')
  // a table that is not there is told of the source, not of the first question to it
  await session(`SELECT * FROM ${alias}.${table} LIMIT 0`)
  return { sql: `${alias}.${table}`, label: source.path }
}

/** Reads files in place. Row numbers come from the format where it has them, else from the order of reading. */
export async function scanRelation(
  source: SourceSpec,
  files: readonly string[],
  session: Session,
  scratch: Scratch,
): Promise<Relation> {
  switch (source.kind) {
    case 'parquet':
      return scanParquet(source, files, session)
    case 'csv':
      return scanCsv(source, files, session, scratch)
    case 'json':
      return scanJson(source, files, session)
    case 'duckdb':
      return scanTable(source, files[0] as string, session)
  }
}
