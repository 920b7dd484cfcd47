import type { ColumnType, Dialect, Value } from '../define/expression/dialect.ts'
import type { CsvOptions } from '../define/source.ts'
import type { StoredKind } from '../define/stored.ts'

export type { ColumnType, CsvOptions, Dialect, StoredKind, Value }

export type Row = Readonly<Record<string, Value>>

/** One column of a result: a typed array with a mask of its nulls, or plain values for text. */
export interface Column {
  readonly name: string
  readonly type: ColumnType
  /** Float64Array for numbers, BigInt64Array for timestamps and int64, Uint8Array for booleans, string[] for text. */
  readonly values: Float64Array | BigInt64Array | Uint8Array | readonly string[]
  /** 1 where the value is null. Absent when there is none. */
  readonly nulls?: Uint8Array
}

export interface DescribedColumn {
  readonly name: string
  /** Undefined where the engine's type has no logical type here (lists, structs, blobs, …). */
  readonly type: ColumnType | undefined
  /** The engine's own name of the type. */
  readonly physical: string
  /** How its values stand in the source; undefined where nothing that can be declared holds them. */
  readonly stored?: StoredKind
  /** Its values came here as text, to be read as what is declared: as they are written where `stored` says nothing else. */
  readonly asText?: true
  /** Name of a column with its cells as they are written, where the engine gives numbers in a form of its own. */
  readonly written?: string
  /** Name of a column that is true where a cell holds bytes, which are a value of no type: what stands there shows them. */
  readonly bytes?: string
}

/** Files of a source that have the same columns of the same types, and that are read together. */
export interface RelationPart {
  readonly columns: readonly DescribedColumn[]
  /** As of `Relation`. */
  readonly sql: string
  readonly numbered: string
  /** The first of its files, for people. */
  readonly label: string
}

/** Name of the column that numbers the rows of a relation. */
export const rowColumn = 'millrace_row'

/** A row's number is its file's times this, and its place in the file, from 0: ascending in the order of arrival. */
export const rowsOfFile = 2 ** 40

/** A table expression: SQL that can stand after FROM. Made by the engine, never by string pasting elsewhere. */
export interface Relation {
  readonly sql: string
  /** The same with the further column `rowColumn`; absent where rows have no place of their own. */
  readonly numbered?: string
  /** The rows of `numbered` in pieces, one after another, where reading all files at once would hold too much of them. */
  readonly pieces?: readonly string[]
  /**
   * The numbers of `numbered` tell rows apart and nothing else: which file a row came from, not its place there, and its rows
   * have no order.
   */
  readonly unplaced?: true
  /** For people: a path, a table name. */
  readonly label: string
  /**
   * Every column is text, to be read as its declared type by `dialect.readText`; and the lines that could not be parsed,
   * which are no rows: the first of them, and how many there are. Absent where the source has types of its own.
   */
  readonly text?: {
    readonly unreadable: readonly UnreadableLine[]
    readonly broken: number
    /** Lines of their files, from 1, that rows start on, by the rows' numbers; those that are not known are left out. */
    readonly lines?: (rows: readonly number[]) => Promise<ReadonlyMap<number, number>>
  }
  /**
   * Its files by what columns they have, where that differs: types are decided for each, for what one file holds must not be
   * read as what another one does.
   */
  readonly parts?: readonly RelationPart[]
  /** Types of the source itself, where its columns came here as text. */
  readonly described?: readonly DescribedColumn[]
  /** Number of rows, where opening the source told it. */
  readonly rows?: number
  /**
   * A table expression with about so many of its `total` rows, from several places of it; absent where the dialect's own
   * sampling is as cheap.
   */
  readonly sample?: (rows: number, total: number) => string
}

/** Unreadable lines that are told one by one. */
export const maxUnreadable = 1000

/** A line of a text file that is no row. */
export interface UnreadableLine {
  /** Position of its file among those that were read. */
  readonly file: number
  /** 1 is the first line of the file. */
  readonly line: number
  readonly reason: string
  /** Its bytes are no text in the encoding that it was read by. */
  readonly misencoded?: true
  /** Its first characters. */
  readonly text: string
}

/** Facts from file metadata. */
export interface Footer {
  readonly rows: number
  /** Number of nulls by column, where every row group states it. */
  readonly nulls: ReadonlyMap<string, number>
}

/** Files that the engine reads itself, as declared. */
export type SourceSpec =
  | {
      readonly kind: 'parquet'
      readonly path: string
      /** Name of a further column with the row's number in its file, 0 …, which keeps the order of arrival. */
      readonly rowNumber?: string
    }
  | { readonly kind: 'json'; readonly path: string }
  | ({ readonly kind: 'csv'; readonly path: string } & CsvOptions)
  /** A table of the engine's own kind of database, opened read-only. */
  | { readonly kind: 'duckdb'; readonly path: string; readonly file: string }

/**
 * Runs SQL over columnar data. Compilers write through its `dialect` and know no engine by name.
 * A stream owns its connection: another query never ends it early.
 */
export interface DataEngine {
  readonly dialect: Dialect
  /** It computes elsewhere: what it streams comes over a network, and is not to be what it could count there. */
  readonly remote?: true
  /** Resolves the source's path below `root`, or takes just the files given. Throws `sourceUnreadable`. */
  scan(source: SourceSpec, root: string, files?: readonly string[]): Promise<Relation>
  /** What the metadata of Parquet files says of their rows, without a look at them; undefined where it says nothing. */
  footer?(files: readonly string[]): Promise<Footer | undefined>
  /** The dialect of a CSV file, as its first lines tell, with what is given of it; it names what differs from the defaults. */
  sniffCsv?(file: string, given?: CsvOptions): Promise<CsvOptions>
  /** Names of the columns of one file, without a look at its rows; undefined where only they tell. */
  columnsOfFile?(source: SourceSpec, file: string): Promise<readonly string[] | undefined>
  describe(relation: Relation): Promise<readonly DescribedColumn[]>
  /** Small results, as rows. */
  rows(sql: string): Promise<Row[]>
  /** Whole results as typed arrays, in order. */
  columns(sql: string): Promise<Map<string, Column>>
  /** Large results in batches, in order. */
  stream(sql: string): AsyncIterable<ReadonlyMap<string, Column>>
  /** With a limit a statement that takes longer is ended: `queryFailed`. */
  execute(sql: string, limit?: { readonly timeoutMicros: number }): Promise<void>
  /** Why a query of a user's must not be run; undefined where it is one SELECT that reads nothing but `relation`. */
  refusal(query: string, relation: string): Promise<string | undefined>
  /** Writes the query's rows to a Parquet file; gives the number of rows. Published atomically. */
  writeParquet(sql: string, path: string): Promise<number>
  /**
   * Makes typed arrays readable as a table of that name (temporary, replaced when it exists; with `append` they follow the
   * rows that it has).
   */
  load(table: string, columns: readonly Column[], append?: boolean): Promise<Relation>
  close(): Promise<void>
}
