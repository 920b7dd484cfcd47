import { nullTexts, type Dataset } from '../../define/dataset.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { isTable, type Source } from '../../define/source.ts'
import { fail } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import type { Column, DataEngine, DescribedColumn, Relation } from '../../ports/data-engine.ts'
import type { ForeignSource, OpenTable, TableCounts, TextCounts } from '../../ports/table-source.ts'
import type { FoundDataset } from './relation.ts'
import type { OpenSource, ValidateServices } from './source.ts'

/** A table whose rows stand in its database still, and what that says of them. */
export interface Unread {
  readonly rows: number
  /** How many different values columns have among some of the rows. */
  look(columns: readonly string[], rows: number): Promise<{ rows: number; distinct: readonly number[] }>
  /**
   * Nulls by column, as far as the database can tell them: of a column of which every cell is sure to read as its type.
   * Its `unreadableName` is then known as well, and is nowhere true.
   */
  nulls(columns: readonly string[]): Promise<ReadonlyMap<string, number>>
  /**
   * Makes a table of the engine with the different values of a column as it is declared, beside them whether they are
   * unreadable, and in the column `weight` the number of their rows. False where there are more than `most`.
   */
  count(column: string, into: string, weight: string, most: number): Promise<boolean>
  /** Reads the rows into the engine; what names them there can be asked from then on, and the database is let go. */
  read(): Promise<void>
}

/** A table that was opened, of which nothing was read. */
export interface UnreadSource extends OpenSource {
  /** Puts the rows where `relation` is. */
  readonly load: () => Promise<void>
  readonly counts: TableCounts | undefined
}

const isForeign = (source: Source): source is ForeignSource => isTable(source) && source.kind !== 'duckdb'

/** A table that the engine does not read itself: its rows are read into it once, and let go of with the validation. */
export async function openTable({ engine, openForeign }: ValidateServices, dataset: Dataset): Promise<UnreadSource> {
  const { source } = dataset
  if (!openForeign || !isForeign(source))
    throw fail('sourceUnreadable', { source: source.path, reason: `nothing here reads ${source.kind} sources` })
  const opened = await openForeign(source, [], dataset.name)
  const table = `source_${ulid()}`
  const sql = engine.dialect.identifier(table)
  let closing: Promise<void> | undefined
  const close = () => (closing ??= opened.close())
  return {
    relation: {
      sql,
      label: source.path,
      ...(opened.text ? { text: { unreadable: [], broken: 0 }, described: opened.columns } : {}),
    },
    files: undefined,
    counts: opened.text ? opened.counts : undefined,
    async load() {
      try {
        let relation: Relation | undefined
        for await (const batch of opened.batches(columnsToRead(dataset, opened)))
          relation = await engine.load(table, batch, true)
        if (!relation) await engine.load(table, emptyColumns(opened))
      } finally {
        await close()
      }
    },
    async release() {
      await close()
      await engine.execute(`DROP TABLE IF EXISTS ${sql}`)
    },
  }
}

/**
 * What is declared of a table. All of it where it has none of that, for its rows are counted all the same, and where what was
 * read tells which columns there are.
 */
function columnsToRead({ columns }: Dataset, opened: OpenTable): ReadonlySet<string> {
  const names = opened.columns.map(column => column.name)
  const declared = names.filter(name => name in columns)
  return new Set(opened.text && declared.length > 0 ? declared : names)
}

function emptyColumns({ columns, text }: OpenTable): Column[] {
  return columns.flatMap((column): Column[] => {
    const bytes = column.bytes ? [{ name: column.bytes, type: 'bool', values: new Uint8Array() } as const] : []
    if (text || column.type === 'text') return [{ name: column.name, type: 'text', values: [] }, ...bytes]
    if (column.type === undefined) return []
    const whole = column.type === 'int' || column.type === 'timestamp'
    const values = whole ? new BigInt64Array() : column.type === 'bool' ? new Uint8Array() : new Float64Array()
    return [{ name: column.name, type: column.type, values }]
  })
}

/** The counts of texts as columns of the engine. */
function asColumns({ texts, counts, bytes }: TextCounts, column: DescribedColumn, weight: string): Column[] {
  return [
    {
      name: column.name,
      type: 'text',
      values: texts.map(text => text ?? ''),
      nulls: Uint8Array.from(texts, text => (text === null ? 1 : 0)),
    },
    { name: weight, type: 'int', values: BigInt64Array.from(counts, BigInt) },
    ...(column.bytes && bytes
      ? [{ name: column.bytes, type: 'bool', values: Uint8Array.from(bytes, Number) } as const]
      : []),
  ]
}

/** What a database says of a table, as the dataset declares its columns. */
export async function unreadTable(
  engine: DataEngine,
  found: FoundDataset,
  counts: TableCounts,
  read: (rows: number) => Promise<void>,
): Promise<Unread> {
  const { dataset } = found
  const rows = await counts.rows()
  return {
    rows,
    look: (columns, some) => counts.look(columns, some, rows),
    read: () => read(rows),
    async nulls(columns) {
      // a time by the clocks of a zone, which were set now and then, and a text that stands for null, are for the engine to tell
      const told = columns.filter(name => {
        const spec = dataset.columns[name]
        return nullTexts(dataset, name).length === 0 && (spec?.type !== 'timestamp' || spec.zone === 'UTC')
      })
      const known = new Map<string, number>()
      if (told.length === 0) return known
      const cells = await counts.cells(told.map(name => ({ name, type: dataset.columns[name]?.type ?? 'text' })))
      told.forEach((name, i) => {
        const cell = cells[i]
        if (!cell || cell.doubtful > 0) return
        known.set(name, cell.nulls)
        known.set(unreadableName(name), 0)
      })
      return known
    },
    async count(column, into, weight, most) {
      const described = found.present.find(one => one.name === column)
      const counted = described && (await counts.texts(column, most))
      if (!counted) return false
      const texts = `texts_${ulid()}`
      const { sql } = await engine.load(texts, asColumns(counted, described, weight))
      try {
        const read = found.reads.get(column) ?? []
        await engine.execute(
          `CREATE TABLE ${into} AS SELECT ${read.join(', ')}, CAST(sum(${weight}) AS BIGINT) AS ${weight} FROM ${sql} GROUP BY ${read.map((_, i) => i + 1).join(', ')}`,
        )
      } finally {
        await engine.execute(`DROP TABLE IF EXISTS ${sql}`)
      }
      return true
    },
  }
}
