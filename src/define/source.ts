import { onlyKeys, refuse } from './named.ts'

/** How the text of a CSV file is read. What is not said is as RFC 4180 has it; nothing is guessed anew at each run. */
export interface CsvOptions {
  /** Default a comma. */
  readonly delimiter?: string
  /** Whether the first line names the columns (default true); without it they are `column0`, `column1`, … */
  readonly header?: boolean
  /** Default `"`; the empty text for none. */
  readonly quote?: string
  /** What makes a quote within quotes (default a second quote). */
  readonly escape?: string
  /** Default UTF-8. */
  readonly encoding?: 'utf-8' | 'utf-16' | 'latin-1'
}

/**
 * Files, read in place. `path` is relative to the project folder; `*` and `**` are globs. Each file is read by its own types, and
 * folders such as `day=1` are columns of files that have none of that name.
 */
export type FileSource =
  | { readonly kind: 'parquet'; readonly path: string }
  | { readonly kind: 'json'; readonly path: string }
  | { readonly kind: 'arrow'; readonly path: string }
  | ({ readonly kind: 'csv'; readonly path: string } & CsvOptions)

/** A table of a database. */
export type TableSource =
  /** `urlFrom` names the environment variable with the connection URL. */
  | { readonly kind: 'postgres'; readonly path: string; readonly urlFrom: string }
  /** `file` is relative to the project folder. */
  | { readonly kind: 'sqlite'; readonly path: string; readonly file: string }
  | { readonly kind: 'duckdb'; readonly path: string; readonly file: string }

/** Where rows are read from. `path` is the files' path, or the table's name. */
export type Source = FileSource | TableSource

export function isTable(source: Source): source is TableSource {
  return source.kind === 'postgres' || source.kind === 'sqlite' || source.kind === 'duckdb'
}

export function parquet(path: string): Source {
  return { kind: 'parquet', path }
}

/** Text with a delimiter. A cell that does not read as its column's type, or a line with too many or too few cells, fails its check with its line number. */
export function csv(path: string, options: CsvOptions = {}): Source {
  onlyKeys('source', path, options, ['delimiter', 'header', 'quote', 'escape', 'encoding'])
  for (const name of ['delimiter', 'quote', 'escape'] as const)
    if (options[name] !== undefined && [...options[name]].length > (name === 'delimiter' ? 4 : 1))
      refuse('source', path, `${name} is too long`)
  return { kind: 'csv', path, ...options }
}

/** JSON lines: an object a line. */
export function json(path: string): Source {
  return { kind: 'json', path }
}

/** Arrow IPC files or streams, compressed or not (Feather); needs the package `apache-arrow`. */
export function arrow(path: string): Source {
  return { kind: 'arrow', path }
}

const tableName = /^[\p{L}_][\p{L}\p{N}_$]*(?:\.[\p{L}_][\p{L}\p{N}_$]*)?$/u

function checkTable(kind: string, table: string): void {
  if (!tableName.test(table)) refuse('source', table, `is no name of a ${kind} table, such as orders or sales.orders`)
}

/** A table or view of PostgreSQL. `urlFrom` names the environment variable that holds the connection URL. */
export function postgres(table: string, options: { readonly urlFrom: string }): Source {
  checkTable('PostgreSQL', table)
  return { kind: 'postgres', path: table, urlFrom: options.urlFrom }
}

/** A table or view of a SQLite file. */
export function sqlite(file: string, table: string): Source {
  checkTable('SQLite', table)
  return { kind: 'sqlite', path: table, file }
}

/** A table or view of a DuckDB file, opened read-only. */
export function duckdb(file: string, table: string): Source {
  checkTable('DuckDB', table)
  return { kind: 'duckdb', path: table, file }
}
