import type { ColumnSpec } from '../../define/column.ts'
import { nullTexts, type Dataset } from '../../define/dataset.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { readingOf, type ReadMode } from '../../define/stored.ts'
import { fail } from '../../errors/index.ts'
import {
  rowColumn,
  type ColumnType,
  type DataEngine,
  type DescribedColumn,
  type Dialect,
  type Relation,
  type StoredKind,
} from '../../ports/data-engine.ts'

/** A dataset as it was found: which declared columns are there, with which types, and SQL that gives them as declared. */
export interface FoundDataset {
  readonly dataset: Dataset
  readonly source: Relation
  readonly present: readonly DescribedColumn[]
  readonly missing: readonly string[]
  /** Columns whose type cannot stand for the declared one. */
  readonly mismatched: readonly { readonly column: string; readonly declared: ColumnType; readonly physical: string }[]
  /** `SELECT` of the usable declared columns with their declared types. */
  readonly sql: string
  /** The same with `rowColumn`, the number of each row. */
  readonly numbered: string
  /** Its rows stand in the order of their numbers, and come so without being sorted. */
  readonly inOrder?: boolean
  readonly usable: ReadonlySet<string>
  /**
   * Columns of which a cell may hold what its declared type does not: it is null, and true in the column `unreadableName` that
   * stands beside each of them. Where there are any, `unreadableColumn` has the texts of a row's unreadable cells.
   */
  readonly checked: ReadonlySet<string>
  /** Whether there is an `unreadableColumn`. */
  readonly tells: boolean
  /** What stands after `SELECT` for each usable column: the column, and of checked ones whether a cell is unreadable. */
  readonly reads: ReadonlyMap<string, readonly string[]>
  /** `SELECT` of the texts of a column's unreadable cells, as `v`. */
  unreadableTexts(name: string): string
  /** `SELECT` of the same columns, as they are declared, from another relation with the same columns. */
  from(relation: Relation, some?: SomeColumns): { readonly sql: string; readonly numbered: string }
}

/** Some of a dataset's columns. */
export interface SomeColumns {
  readonly columns: ReadonlySet<string>
  /** With the texts of their unreadable cells in `unreadableColumn` (default without). */
  readonly texts?: boolean
}

/** A column as it is read: how it stands there. */
interface StoredColumn extends DescribedColumn {
  readonly stored: StoredKind
}

/** What is read of the files that have the same columns. */
interface Part {
  readonly label: string
  readonly columns: ReadonlyMap<string, DescribedColumn>
}

/** How a column stands in a relation: of text as it is written, unless its source has types that say more. */
function storedIn({ text, described }: Relation, column: DescribedColumn): StoredKind | undefined {
  return text ? ((described && column.stored) ?? 'written') : column.stored
}

/** Looks at the source once (footer only where the format has one) and never guesses: no casts that could lose a value. */
export async function findDataset(engine: DataEngine, dataset: Dataset, relation: Relation): Promise<FoundDataset> {
  const { dialect } = engine
  const present = relation.described ?? (await engine.describe(relation))
  const partOf = (label: string, columns: readonly DescribedColumn[]): Part => ({
    label,
    columns: new Map(columns.map(column => [column.name, asStored(relation, column)])),
  })
  const parts = relation.parts?.map(part => partOf(part.label, part.columns)) ?? [partOf(relation.label, present)]
  const missing: string[] = []
  const mismatched: { column: string; declared: ColumnType; physical: string }[] = []
  const usable = new Set<string>()
  const readable = dataset.expectations.filter(one => one.kind === 'readable').flatMap(one => one.columns)
  const checked = new Set(readable.filter(name => name in dataset.columns))
  for (const [name, { type }] of Object.entries(dataset.columns)) {
    const holding = parts.filter(part => part.columns.has(name))
    const readingIn = (part: Part) => readingOfColumn(part.columns.get(name), type)
    const wrong = holding.find(part => readingIn(part) === undefined)
    if (holding.length === 0) missing.push(name)
    else if (wrong) {
      const physical = (wrong.columns.get(name) as DescribedColumn).physical
      mismatched.push({ column: name, declared: type, physical: inFile(physical, name, wrong, parts) })
    } else {
      usable.add(name)
      if (holding.some(part => readingIn(part) === 'checked')) checked.add(name)
    }
  }
  for (const name of checked) if (!usable.has(name)) checked.delete(name)
  const tells = relation.text !== undefined || checked.size > 0
  const readsOf = (part: Part) =>
    new Map(
      [...usable].map(name => [name, readCell(dialect, dataset, name, part.columns.get(name), checked.has(name))]),
    )
  // what is made of a checked cell is named once: written out at each use, wide tables would cost the engine the square of it
  const selectOf = (part: Part, some?: SomeColumns): Select => {
    const isAsked = (name: string) => some?.columns.has(name) ?? true
    const asked = [...checked].filter(isAsked)
    const made = asked.flatMap(name => {
      const column = part.columns.get(name)
      return column?.stored === undefined ? [] : [{ name, column: { ...column, stored: column.stored } }]
    })
    const named = new Map(made.map(({ name }) => [name, dialect.identifier(readName(name))]))
    const outer = [...usable]
      .filter(isAsked)
      .flatMap(name => readCell(dialect, dataset, name, part.columns.get(name), checked.has(name), named.get(name)))
    if (tells && (some?.texts ?? !some)) outer.push(unreadableCells(dialect, dataset, part, asked, named))
    const inner = made.map(({ name, column }) => `${valueOf(dialect, dataset, name, column)} AS ${named.get(name)}`)
    return { inner: inner.join(', '), outer: outer.join(', ') }
  }
  const row = dialect.identifier(rowColumn)
  const selects = parts.map(part => selectOf(part))
  const one = ({ inner, outer }: Select, { sql, numbered }: { readonly sql: string; readonly numbered?: string }) => {
    const over = (rows: string) => (inner === '' ? rows : `(SELECT *, ${inner} FROM ${rows})`)
    return {
      sql: `SELECT ${outer || '1'} FROM ${over(sql)}`,
      numbered: numbered
        ? `SELECT ${outer ? `${outer}, ` : ''}${row} FROM ${over(numbered)}`
        : `SELECT ${outer ? `${outer}, ` : ''}row_number() OVER () - 1 AS ${row} FROM ${over(sql)}`,
    }
  }
  const from = (other: Relation, some?: SomeColumns) => {
    // a relation of other files has parts of its own; a sample of these has the columns of the only part
    const read = other.parts
      ? other.parts.map(part => one(selectOf(partOf(part.label, part.columns), some), part))
      : [one(some ? selectOf(parts[0] as Part, some) : (selects[0] as Select), other)]
    return {
      sql: read.map(part => part.sql).join(' UNION ALL '),
      numbered: read.map(part => part.numbered).join(' UNION ALL '),
    }
  }
  const unreadableTexts = (name: string): string => {
    const read = parts.flatMap((part, i) => {
      const cells = unreadableCell(dialect, dataset, name, part.columns.get(name))
      const { sql } = relation.parts?.[i] ?? relation
      return cells ? [`SELECT ${cells.text} AS v FROM ${sql} WHERE ${cells.condition}`] : []
    })
    return read.length === 0 ? `SELECT '' AS v WHERE false` : read.join(' UNION ALL ')
  }
  const reads = readsOf(parts[0] as Part)
  const found = { dataset, source: relation, present, missing, mismatched, usable, checked, tells }
  return { ...found, reads, unreadableTexts, from, ...from(relation) }
}

function asStored(relation: Relation, column: DescribedColumn): DescribedColumn {
  const stored = storedIn(relation, column)
  return { ...column, ...(stored ? { stored } : {}), ...(relation.text ? { asText: true } : {}) }
}

/** The type that a column has in some files, with the first of those where others have another. */
function inFile(physical: string, name: string, part: Part, parts: readonly Part[]): string {
  const alike = parts.every(other => (other.columns.get(name)?.physical ?? physical) === physical)
  return alike ? physical : `${physical} in ${part.label}`
}

/** The text of a cell; undefined values of the declaration are null. */
function cell(dialect: Dialect, dataset: Dataset, name: string, asWritten?: DescribedColumn): string {
  return withoutNullTexts(dialect, dataset, name, dialect.identifier(asWritten?.written ?? name))
}

function withoutNullTexts(dialect: Dialect, dataset: Dataset, name: string, text: string): string {
  const nulls = nullTexts(dataset, name)
  if (nulls.length === 0) return text
  return `CASE WHEN ${text} NOT IN (${nulls.map(value => dialect.literal(value, 'text')).join(', ')}) THEN ${text} END`
}

/** A cell as its declared type; SQL that is null where it holds nothing, or nothing that is of that type. */
function valueOf(dialect: Dialect, dataset: Dataset, name: string, column: StoredColumn): string {
  const value = readValue(dialect, dataset, name, column)
  return column.bytes ? `CASE WHEN NOT ${dialect.identifier(column.bytes)} THEN ${value} END` : value
}

function readValue(dialect: Dialect, dataset: Dataset, name: string, column: StoredColumn): string {
  const { type, zone, length } = dataset.columns[name] as ColumnSpec
  const raw = dialect.identifier(name)
  if (isText(column))
    return dialect.readText(cell(dialect, dataset, name, type === 'text' ? column : undefined), type, zone, length)
  if (type === 'text') return withoutNullTexts(dialect, dataset, name, dialect.readStored(raw, column, type, zone))
  if (zone === undefined && type === 'timestamp' && (column.stored === 'local' || column.stored === 'date'))
    throw fail('invalidDefinition', {
      kind: 'dataset',
      name: dataset.name,
      reason: `column '${name}' holds times without a zone: declare t.timestamp('UTC') or the zone they are in`,
    })
  return dialect.readStored(raw, column, type, zone, length)
}

/** Whether the values of a column came here as text. */
const isText = ({ asText, stored }: StoredColumn): boolean => asText === true || stored === 'written'

/** What is read of a source: values that are made of its cells, and the columns over cells and values. */
interface Select {
  readonly inner: string
  readonly outer: string
}

/** Name of what was made of a cell, beside the cell. */
const readName = (name: string): string => `${name}?read`

/** True for a cell that holds something else than its declared type. An empty cell of text holds nothing. */
function isUnreadable(dialect: Dialect, dataset: Dataset, name: string, column: StoredColumn, value?: string): string {
  const raw = isText(column) ? cell(dialect, dataset, name) : dialect.identifier(name)
  const filled = isText(column) ? `${raw} IS NOT NULL AND ${raw} <> ''` : `${raw} IS NOT NULL`
  const bytes = column.bytes ? `${dialect.identifier(column.bytes)} OR ` : ''
  return `(${bytes}${filled} AND ${value ?? valueOf(dialect, dataset, name, column)} IS NULL)`
}

/** A cell that cannot hold anything but its declared type. */
const isExact = (dataset: Dataset, name: string, column: StoredColumn): boolean =>
  readingOfColumn(column, dataset.columns[name]?.type ?? 'text') === 'exact'

/** How a column is read as a declared type. Bytes among its cells are of none. */
function readingOfColumn(column: DescribedColumn | undefined, declared: ColumnType): ReadMode | undefined {
  const reading = readingOf(column?.stored, declared)
  return reading && column?.bytes ? 'checked' : reading
}

/** A column as its declared type, and of a checked one whether a cell of it could not be read as one. */
function readCell(
  dialect: Dialect,
  dataset: Dataset,
  name: string,
  column: DescribedColumn | undefined,
  checked: boolean,
  made?: string,
): string[] {
  const named = dialect.identifier(name)
  const flag = (sql: string) => (checked ? [`${sql} AS ${dialect.identifier(unreadableName(name))}`] : [])
  const type = dataset.columns[name]?.type ?? 'text'
  if (column?.stored === undefined) return [`${dialect.literal(null, type)} AS ${named}`, ...flag('false')]
  const stored: StoredColumn = { ...column, stored: column.stored }
  const value = made ?? valueOf(dialect, dataset, name, stored)
  return [`${value} AS ${named}`, ...flag(unreadableCell(dialect, dataset, name, stored, made)?.condition ?? 'false')]
}

/** Name of the column with the texts of a row's unreadable cells. */
export const unreadableColumn = 'millrace_unreadable'

/** What is true of a cell that cannot be read, and its text; undefined where every cell can. */
function unreadableCell(
  dialect: Dialect,
  dataset: Dataset,
  name: string,
  column: DescribedColumn | undefined,
  made?: string,
) {
  if (column?.stored === undefined) return undefined
  const stored: StoredColumn = { ...column, stored: column.stored }
  if (isExact(dataset, name, stored)) return undefined
  const raw = dialect.identifier(name)
  // bytes that are shown as what stands for null are shown
  const text = stored.bytes ? raw : isText(stored) ? cell(dialect, dataset, name, stored) : dialect.cellText(raw)
  return { condition: isUnreadable(dialect, dataset, name, stored, made), text }
}

function unreadableCells(
  dialect: Dialect,
  dataset: Dataset,
  part: Part,
  names: readonly string[],
  made: ReadonlyMap<string, string>,
): string {
  const joined = names.flatMap(name => {
    const cells = unreadableCell(dialect, dataset, name, part.columns.get(name), made.get(name))
    const named = dialect.literal(`${name}=`, 'text')
    return cells ? [`CASE WHEN ${cells.condition} THEN ${named} || ${cells.text} END`] : []
  })
  return `${joined.length === 0 ? "''" : `concat_ws('; ', ${joined.join(', ')})`} AS ${dialect.identifier(unreadableColumn)}`
}

/** The first thing that makes the dataset unusable downstream, as an error. */
export function requireUsable(found: FoundDataset): void {
  const { dataset, source } = found
  const [column] = found.missing
  if (column)
    throw fail('columnMissing', {
      dataset: dataset.name,
      column,
      source: source.label,
      present: found.present.map(one => one.name).join(', '),
    })
  const [wrong] = found.mismatched
  if (wrong)
    throw fail('typeMismatch', {
      dataset: dataset.name,
      column: wrong.column,
      declared: wrong.declared,
      physical: wrong.physical,
      source: source.label,
    })
}
