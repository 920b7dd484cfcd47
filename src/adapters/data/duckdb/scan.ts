import type { Relation, SourceSpec } from '../../../ports/data-engine.ts'
import { duckdbDialect } from './dialect.ts'
import { scanCsv } from './scan-csv.ts'
import { scanJson } from './scan-json.ts'
import { scanParquet } from './scan-parquet.ts'
import type { Plain } from './plain-text.ts'
import { text, type Scratch, type Session } from './session.ts'

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
  root: string,
  session: Session,
  { scratch, plain }: { readonly scratch: Scratch; readonly plain: Plain },
): Promise<Relation> {
  switch (source.kind) {
    case 'parquet':
      return scanParquet(source, files, root, session, scratch)
    case 'csv':
      return scanCsv(source, files, root, session, plain)
    case 'json':
      return scanJson(source, files, root, session, plain)
    case 'duckdb':
      return scanTable(source, files[0] as string, session)
  }
}
