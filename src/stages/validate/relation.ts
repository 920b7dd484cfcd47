import { nullTexts, type Dataset } from '../../define/dataset.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { fail } from '../../errors/index.ts'
import {
  rowColumn,
  type ColumnType,
  type DataEngine,
  type DescribedColumn,
  type Dialect,
  type Relation,
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
  readonly usable: ReadonlySet<string>
  /** What stands after `SELECT` for each usable column: the column, and of text whether a cell is unreadable. */
  readonly reads: ReadonlyMap<string, readonly string[]>
  /** `SELECT` of the same columns, as they are declared, from another relation with the same columns. */
  from(relation: Relation): { readonly sql: string; readonly numbered: string }
}

/** int fits where float is declared; everything else must be of the declared type. */
function fits(declared: ColumnType, found: ColumnType | undefined): boolean {
  return found === declared || (declared === 'float' && found === 'int')
}

/** Looks at the source once (footer only where the format has one) and never guesses: no casts that could lose a value. */
export async function findDataset(engine: DataEngine, dataset: Dataset, relation: Relation): Promise<FoundDataset> {
  const present = relation.described ?? (await engine.describe(relation))
  const byName = new Map(present.map(column => [column.name, column]))
  const missing: string[] = []
  const mismatched: { column: string; declared: ColumnType; physical: string }[] = []
  const reads = new Map<string, readonly string[]>()
  for (const name of Object.keys(dataset.columns)) {
    const { type } = dataset.columns[name] as { type: ColumnType }
    const found = byName.get(name)
    if (!found) missing.push(name)
    else if (!(relation.text && (!relation.described || found.type === undefined)) && !fits(type, found.type))
      mismatched.push({ column: name, declared: type, physical: found.physical })
    else
      reads.set(
        name,
        relation.text ? fromText(engine.dialect, dataset, name) : [asDeclared(engine.dialect, dataset, name, found)],
      )
  }
  const usable = new Set(reads.keys())
  const selected = [...reads.values()].flat()
  if (relation.text) selected.push(unreadableCells(engine.dialect, dataset, [...usable]))
  const columns = selected.join(', ')
  const row = engine.dialect.identifier(rowColumn)
  const from = ({ sql, numbered }: Relation) => ({
    sql: `SELECT ${columns || '1'} FROM ${sql}`,
    numbered: numbered
      ? `SELECT ${columns ? `${columns}, ` : ''}${row} FROM ${numbered}`
      : `SELECT ${columns ? `${columns}, ` : ''}row_number() OVER () - 1 AS ${row} FROM ${sql}`,
  })
  return { dataset, source: relation, present, missing, mismatched, usable, reads, from, ...from(relation) }
}

/** The text of a cell; undefined values of the declaration are null. */
function cell(dialect: Dialect, dataset: Dataset, name: string): string {
  const raw = dialect.identifier(name)
  const nulls = nullTexts(dataset, name)
  if (nulls.length === 0) return raw
  return `CASE WHEN ${raw} NOT IN (${nulls.map(value => dialect.literal(value, 'text')).join(', ')}) THEN ${raw} END`
}

/** A column of text as its declared type, and whether a cell of it could not be read as one. */
function fromText(dialect: Dialect, dataset: Dataset, name: string): string[] {
  const spec = dataset.columns[name]
  const type = spec?.type ?? 'text'
  const raw = cell(dialect, dataset, name)
  const named = dialect.identifier(name)
  if (type === 'text') return [`${raw} AS ${named}`]
  const value = dialect.readText(raw, type, spec?.zone)
  return [
    `${value} AS ${named}`,
    `${isUnreadable(dialect, dataset, name)} AS ${dialect.identifier(unreadableName(name))}`,
  ]
}

/** True for a cell that holds something else than its declared type. An empty cell holds nothing. */
function isUnreadable(dialect: Dialect, dataset: Dataset, name: string): string {
  const spec = dataset.columns[name]
  const raw = cell(dialect, dataset, name)
  const value = dialect.readText(raw, spec?.type ?? 'text', spec?.zone)
  return `(${raw} IS NOT NULL AND ${raw} <> '' AND ${value} IS NULL)`
}

/** Name of the column with the texts of a row's unreadable cells. */
export const unreadableColumn = 'millrace_unreadable'

function unreadableCells(dialect: Dialect, dataset: Dataset, names: readonly string[]): string {
  const cells = names
    .filter(name => dataset.columns[name]?.type !== 'text')
    .map(name => ({
      condition: isUnreadable(dialect, dataset, name),
      text: `${dialect.literal(`${name}=`, 'text')} || ${cell(dialect, dataset, name)}`,
    }))
  const joined = cells.map(one => `CASE WHEN ${one.condition} THEN ${one.text} END`)
  return `${joined.length === 0 ? "''" : `concat_ws('; ', ${joined.join(', ')})`} AS ${dialect.identifier(unreadableColumn)}`
}

/** A column as its declared type. Only what changes it is written down, so that the engine sees plain columns. */
function asDeclared(dialect: Dialect, dataset: Dataset, name: string, found: DescribedColumn): string {
  const spec = dataset.columns[name]
  const raw = dialect.identifier(name)
  if (spec?.type === 'timestamp') return `${utc(dialect, raw, found.physical, spec.zone, dataset, name)} AS ${raw}`
  const type = spec?.type ?? 'text'
  return `${dialect.cast(type === 'text' ? cell(dialect, dataset, name) : raw, type)} AS ${raw}`
}

function utc(
  dialect: Dialect,
  sql: string,
  physical: string,
  zone: string | undefined,
  dataset: Dataset,
  column: string,
): string {
  if (physical.toUpperCase().includes('TIME ZONE')) return `timezone('UTC', ${sql})`
  if (zone === undefined)
    throw fail('invalidDefinition', {
      kind: 'dataset',
      name: dataset.name,
      reason: `column '${column}' holds times without a zone: declare t.timestamp('UTC') or the zone they are in`,
    })
  const naive = dialect.cast(sql, 'timestamp')
  return zone === 'UTC' ? naive : `timezone('UTC', timezone('${zone}', ${naive}))`
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
