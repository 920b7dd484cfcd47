import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { fail } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import { rowColumn, type DataEngine, type Relation } from '../../ports/data-engine.ts'
import { columnsAtOnce, sideBySide } from '../side-by-side.ts'
import { unreadableColumn, type FoundDataset } from './relation.ts'

/** Whether rows are read once into a table: text, which each look would parse anew, and files that are many and small. */
export const isCopied = ({ text, pieces }: Relation): boolean => text !== undefined || pieces !== undefined

/** Some columns of the rows, as a table of the engine. */
interface ColumnGroup {
  readonly table: string
  /** None where it has all of them. */
  readonly columns?: ReadonlySet<string>
}

/**
 * A dataset's rows, read into the engine with its columns as they are declared. Where there are many columns they stand in
 * several tables, which have the same rows in the same order.
 */
export class ReadTable {
  /** SELECT of all columns, with `rowColumn` and the texts of unreadable cells. */
  readonly sql: string
  readonly #engine: DataEngine
  readonly #found: FoundDataset
  readonly #groups: readonly ColumnGroup[]

  constructor(engine: DataEngine, found: FoundDataset, atOnce = columnsAtOnce) {
    this.#engine = engine
    this.#found = found
    this.#groups = this.#grouped(atOnce)
    this.sql = this.#groups.length === 1 ? `SELECT * FROM ${this.#first.table}` : this.#together()
  }

  get #first(): ColumnGroup {
    return this.#groups[0] as ColumnGroup
  }

  #grouped(atOnce: number): ColumnGroup[] {
    const { usable, checked } = this.#found
    const named = () => this.#engine.dialect.identifier(`read_${ulid()}`)
    if (usable.size <= atOnce || !this.#engine.dialect.sideBySide) return [{ table: named() }]
    // texts of unreadable cells are told in the order of the checked ones
    const ordered = [...checked, ...[...usable].filter(name => !checked.has(name))]
    return Array.from({ length: Math.ceil(ordered.length / atOnce) }, (_, i) => ({
      table: named(),
      columns: new Set(ordered.slice(i * atOnce, (i + 1) * atOnce)),
    }))
  }

  /** All columns in the order of their declaration. */
  #together(): string {
    const { dialect } = this.#engine
    const { usable, tells } = this.#found
    const tables = this.#groups.map(group => group.table)
    const texts = dialect.identifier(unreadableColumn)
    const told = tables.map(table => `nullif(${table}.${texts}, '')`)
    const selected = [
      ...this.#columns(usable),
      ...(tells ? [`concat_ws('; ', ${told.join(', ')}) AS ${texts}`] : []),
      `${this.#first.table}.${dialect.identifier(rowColumn)}`,
    ]
    return `SELECT ${selected.join(', ')} FROM ${sideBySide(this.#engine.dialect, tables)}`
  }

  #columns(names: ReadonlySet<string>): string[] {
    const { usable, checked } = this.#found
    return [...usable]
      .filter(name => names.has(name))
      .flatMap(name => [name, ...(checked.has(name) ? [unreadableName(name)] : [])])
      .map(this.#engine.dialect.identifier)
  }

  /** SELECT of some columns, each with whether its cells are unreadable where that is asked, and of `rowColumn`. */
  narrow(columns: ReadonlySet<string>): string {
    const row = this.#engine.dialect.identifier(rowColumn)
    const groups = this.#groups.filter(group => !group.columns || [...columns].some(name => group.columns?.has(name)))
    const [first = this.#first] = groups
    const tables = groups.length === 0 ? [first.table] : groups.map(group => group.table)
    return `SELECT ${[...this.#columns(columns), `${first.table}.${row}`].join(', ')} FROM ${sideBySide(this.#engine.dialect, tables)}`
  }

  /**
   * Reads the rows of a relation. Whether they stand in the order of their numbers, and do so whenever they are read again.
   * Throws `sourceUnreadable` where they are not those that were counted.
   */
  async read(relation: Relation): Promise<boolean> {
    for (const group of this.#groups) {
      for (const [i, piece] of this.#pieces(relation, group).entries())
        await this.#engine.execute(
          i === 0 ? `CREATE TABLE ${group.table} AS ${piece}` : `INSERT INTO ${group.table} ${piece}`,
        )
      await this.#requireWhole(group.table, relation)
    }
    await this.#requireAligned(relation)
    // read by one thread, piece by piece, the table and what is written of it are the same each time
    return relation.pieces !== undefined && (await this.#isInOrder())
  }

  #pieces(relation: Relation, { columns }: ColumnGroup): string[] {
    const { from, tells } = this.#found
    const { parts: _, ...files } = relation
    const some = columns && { columns, texts: tells }
    return (
      relation.pieces?.map(piece => from({ ...files, numbered: piece }, some).numbered) ?? [
        from(relation, some).numbered,
      ]
    )
  }

  /** Rows that were counted when a source was opened and are not among those that were read would pass unseen. */
  async #requireWhole(table: string, { rows, label }: Relation): Promise<void> {
    if (rows === undefined) return
    const [read] = await this.#engine.rows(`SELECT count(*) AS n FROM ${table}`)
    if (Number(read?.n) !== rows)
      throw fail('sourceUnreadable', {
        source: label,
        reason: `${rows.toLocaleString('en-US')} rows were counted, but ${Number(read?.n).toLocaleString('en-US')} read: it may have changed meanwhile`,
      })
  }

  /** A cell beside one of another row would pass unseen as well. */
  async #requireAligned({ label }: Relation): Promise<void> {
    const [first, ...others] = this.#groups.map(group => group.table)
    const row = this.#engine.dialect.identifier(rowColumn)
    for (const other of others) {
      const [apart] = await this.#engine.rows(
        `SELECT count(*) AS n FROM ${sideBySide(this.#engine.dialect, [first as string, other])} WHERE ${first}.${row} IS DISTINCT FROM ${other}.${row}`,
      )
      if (Number(apart?.n) > 0)
        throw fail('sourceUnreadable', {
          source: label,
          reason: 'its rows came in another order when they were read again: it may have changed meanwhile',
        })
    }
  }

  /** Whether the rows stand in the order of their numbers: a look at them is far cheaper than sorting them. */
  async #isInOrder(): Promise<boolean> {
    const row = this.#engine.dialect.identifier(rowColumn)
    const [found] = await this.#engine.rows(
      `SELECT count(*) AS n FROM (SELECT ${row} < lag(${row}, 1, ${row}) OVER () AS back FROM ${this.#first.table}) WHERE back`,
    )
    return Number(found?.n) === 0
  }

  async drop(): Promise<void> {
    for (const { table } of this.#groups) await this.#engine.execute(`DROP TABLE IF EXISTS ${table}`)
  }
}
