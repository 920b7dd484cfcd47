import {
  builder,
  flag,
  members,
  oneOf,
  optional,
  text,
  variableName,
  variants,
  type Form,
  type Forms,
} from './forms.ts'
import { refuse } from './named.ts'

/** How the text of a CSV file is read. What is not said is as RFC 4180 has it; nothing is guessed anew at each run. */
export interface CsvOptions {
  /** Default a comma; one to four characters, no line end or quote among them. */
  readonly delimiter?: string
  /** Whether the first line names the columns (default true); without it they are `column0`, `column1`, … */
  readonly header?: boolean
  /** Default `"`; the empty text for none. */
  readonly quote?: string
  /** What makes a quote within quotes (default a second quote). */
  readonly escape?: string
  /** Whether spaces before a cell are left out, as `1, "a"` means them to be (default false: they are a part of it). */
  readonly skipInitialSpace?: boolean
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

const path = text

/** Parquet files. */
export const parquet = builder('source', { path }, (path: string): Source => ({ kind: 'parquet', path }), 'parquet')

const bytesOf = (value: string): number => new TextEncoder().encode(value).length
// a line ends at a line end whatever parts its cells, and no engine takes a NUL
const withinLine = (value: string): boolean => !/[\n\r\0\p{Cs}]/u.test(value)
const parting: Form = {
  words: 'one to four characters, of at most 4 bytes in UTF-8 and without a line end',
  holds: value => typeof value === 'string' && value !== '' && withinLine(value) && bytesOf(value) <= 4,
}
const mark: Form = {
  words: 'one character of ASCII that is no line end, or the empty text for none',
  holds: value => typeof value === 'string' && withinLine(value) && bytesOf(value) <= 1,
}
const csvForms: Forms<CsvOptions> = {
  delimiter: optional(parting),
  header: optional(flag),
  quote: optional(mark),
  escape: optional(mark),
  skipInitialSpace: optional(flag),
  encoding: optional(oneOf('utf-8', 'utf-16', 'latin-1')),
}

/** Refuses a delimiter that holds what makes a quote: where a cell ends could not be said. */
function checkApart({ delimiter = ',', quote = '"', escape = quote, skipInitialSpace = false }: CsvOptions): void {
  if (skipInitialSpace && delimiter.startsWith(' '))
    refuse('source', 'csv', 'skipInitialSpace leaves out the spaces that the delimiter begins with')
  for (const [name, value] of Object.entries({ quote, escape }))
    if (value !== '' && delimiter.includes(value))
      refuse(
        'source',
        'csv',
        `delimiter ${JSON.stringify(delimiter)} and ${name} ${JSON.stringify(value)} must differ, and neither hold the other`,
      )
}

/** Text with a delimiter. A cell that does not read as its column's type, or a line with too many or too few cells, fails its check with its line number. */
export const csv = builder(
  'source',
  { path, options: optional(members(csvForms)) },
  (path: string, options: CsvOptions = {}): Source => {
    checkApart(options)
    return { kind: 'csv', path, ...options }
  },
  'csv',
)

/** JSON lines: an object a line. */
export const json = builder('source', { path }, (path: string): Source => ({ kind: 'json', path }), 'json')

/** Arrow IPC files or streams, compressed or not (Feather); needs the package `apache-arrow`. */
export const arrow = builder('source', { path }, (path: string): Source => ({ kind: 'arrow', path }), 'arrow')

const tableName = /^[\p{L}_][\p{L}\p{N}_$]*(?:\.[\p{L}_][\p{L}\p{N}_$]*)?$/u
const table: Form = {
  words: 'the name of a table, such as orders or sales.orders',
  holds: value => typeof value === 'string' && tableName.test(value),
}

interface PostgresOptions {
  /** Environment variable that holds the connection URL. */
  readonly urlFrom: string
}
const postgresForms: Forms<PostgresOptions> = { urlFrom: variableName }

/** A table or view of PostgreSQL. `urlFrom` names the environment variable that holds the connection URL. */
export const postgres = builder(
  'source',
  { table, options: members(postgresForms) },
  (table: string, options: PostgresOptions): Source => ({ kind: 'postgres', path: table, urlFrom: options.urlFrom }),
  'postgres',
)

/** A table or view of a SQLite file. */
export const sqlite = builder(
  'source',
  { file: text, table },
  (file: string, table: string): Source => ({ kind: 'sqlite', path: table, file }),
  'sqlite',
)

/** A table or view of a DuckDB file, opened read-only. */
export const duckdb = builder(
  'source',
  { file: text, table },
  (file: string, table: string): Source => ({ kind: 'duckdb', path: table, file }),
  'duckdb',
)

/** A source, written by hand or made by its function: each option of its kind is looked at. */
export const sourceForm: Form = {
  ...variants<Source, 'kind'>('kind', {
    parquet: { path },
    json: { path },
    arrow: { path },
    csv: { path, ...csvForms },
    postgres: { path: table, ...postgresForms },
    sqlite: { path: table, file: text },
    duckdb: { path: table, file: text },
  }),
  words: "a source, such as csv('data/*.csv')",
}

/** What its form does not say: how the parts of a CSV file are told apart. */
export function checkSource(source: Source): void {
  if (source.kind === 'csv') checkApart(source)
}
