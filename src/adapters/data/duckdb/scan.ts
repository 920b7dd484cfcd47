import { rowsOfFile, type Relation, type SourceSpec } from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'
import { scanCsv } from './scan-csv.ts'
import { scanJson } from './scan-json.ts'
import { rowName, text, type Scratch, type Session } from './session.ts'

function scanParquet(source: SourceSpec & { kind: 'parquet' }, files: readonly string[]): Relation {
  const all = `read_parquet([${files.map(text).join(', ')}], union_by_name = true)`
  const own = source.rowNumber
  return {
    sql: own ? `(SELECT *, file_row_number AS ${duckdbDialect.identifier(own)} FROM ${all})` : all,
    numbered: `(SELECT *, CAST(file_index AS BIGINT) * ${rowsOfFile} + CAST(file_row_number AS BIGINT) AS ${rowName} FROM ${all})`,
    label: source.path,
  }
}

/** A table of another DuckDB file, attached read-only under a name made from its path. */
async function scanTable(source: SourceSpec & { kind: 'duckdb' }, file: string, session: Session): Promise<Relation> {
  const alias = duckdbDialect.identifier(`file ${file}`)
  await session(`ATTACH IF NOT EXISTS ${text(file)} AS ${alias} (READ_ONLY)`)
  const parts = source.path.split('.')
  const table = [...(parts.length === 1 ? ['main'] : []), ...parts].map(duckdbDialect.identifier).join('.')
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
    case 'parquet': {
      const relation = scanParquet(source, files)
      await session(`SELECT * FROM ${relation.sql} LIMIT 0`)
      return relation
    }
    case 'csv':
      return scanCsv(source, files, session, scratch)
    case 'json':
      return scanJson(source, files, session)
    case 'duckdb':
      return scanTable(source, files[0] as string, session)
  }
}
