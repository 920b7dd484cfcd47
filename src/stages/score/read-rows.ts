import { extname } from 'node:path'
import type { ColumnSpec } from '../../define/column.ts'
import type { Dataset } from '../../define/dataset.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import type { Model } from '../../define/model.ts'
import { requestColumnNames } from '../../define/request.ts'
import { fail } from '../../errors/index.ts'
import { rowColumn, type DataEngine, type Relation } from '../../ports/data-engine.ts'
import { findDataset, requireUsable, unreadableColumn } from '../validate/relation.ts'

/** A file whose rows are to be scored, as its columns are declared. */
export interface RowsToScore {
  /** SELECT of the columns that the model reads, of those to keep, and of `rowColumn`. */
  readonly sql: string
  /** Those of them that the file has. */
  readonly columns: Readonly<Record<string, ColumnSpec>>
  /** SQL that is 0 for a row that the served route would take, else what `problemOf` tells. */
  readonly problem: string
  /** Throws `scoreRowRefused` for a row by its number and what `problem` gave. */
  refuse(row: number, problem: number): Promise<never>
}

type Kind = 'parquet' | 'csv'
const kinds: Readonly<Record<string, Kind>> = { '.parquet': 'parquet', '.pq': 'parquet', '.csv': 'csv' }

function sourceOf(path: string, shown: string, { source }: Dataset) {
  const kind = kinds[extname(path).toLowerCase()]
  if (kind === undefined)
    throw fail('scoreInputUnusable', { file: shown, reason: 'its name ends in none of .parquet, .pq and .csv' })
  if (kind === 'parquet') return { kind, path: shown } as const
  // Rows to score are written by who writes those of the dataset
  const { path: _, ...dialect } = source.kind === 'csv' ? source : { path: '', kind }
  return { ...dialect, kind: 'csv', path: shown } as const
}

const declaredAs = (model: Model, name: string): ColumnSpec | undefined => model.from.columns[name]

/** The columns that are read: what a request carries, the time of the event where the file has it, what is kept. */
function wantedColumns(
  model: Model,
  keep: readonly string[],
  present: ReadonlyMap<string, ColumnSpec['type'] | undefined>,
  shown: string,
): Record<string, ColumnSpec> {
  const wanted: Record<string, ColumnSpec> = {}
  for (const name of requestColumnNames(model)) {
    const spec = declaredAs(model, name)
    // As of a request: what may be null may be left out
    if (spec && (present.has(name) || !spec.nullable)) wanted[name] = spec
  }
  const { eventTime } = model.from
  if (eventTime !== undefined && model.views.length > 0 && present.has(eventTime))
    wanted[eventTime] ??= declaredAs(model, eventTime) as ColumnSpec
  for (const name of keep) {
    const type = present.get(name)
    if (!present.has(name))
      throw fail('scoreInputUnusable', { file: shown, reason: `it has no column '${name}' to keep` })
    const declared = declaredAs(model, name)
    if (!declared && type === undefined)
      throw fail('scoreInputUnusable', { file: shown, reason: `its column '${name}' is of a type that is not kept` })
    // What is kept only may be null, whatever is declared; times of no declared zone are UTC, as what is made of them says
    wanted[name] ??= { ...(declared ?? { type: type as ColumnSpec['type'], zone: 'UTC' }), nullable: true }
  }
  return wanted
}

/** Lines of a text file that are no rows: nobody could be told their score. */
function refuseBroken({ text }: Relation, shown: string): void {
  if (!text || text.broken === 0) return
  const [first] = text.unreadable
  const where = first ? `; the first is line ${first.line}: ${first.reason}` : ''
  throw fail('scoreInputUnusable', { file: shown, reason: `${text.broken} of its lines are no rows${where}` })
}

/** Opens one file as rows of a model. Throws `scoreInputUnusable`, `columnMissing`, `typeMismatch`, `sourceUnreadable`. */
export async function openRows(
  engine: DataEngine,
  model: Model,
  file: { readonly path: string; readonly shown: string },
  keep: readonly string[],
): Promise<RowsToScore> {
  const { dialect } = engine
  const { path, shown } = file
  const source = sourceOf(path, shown, model.from)
  const relation = await engine.scan(source, '/', [path])
  refuseBroken(relation, shown)
  const described = relation.described ?? (await engine.describe(relation))
  const present = new Map(described.map(column => [column.name, relation.text ? 'text' : column.type] as const))
  const columns = wantedColumns(model, keep, present, shown)
  const dataset: Dataset = { ...model.from, source, columns, expectations: [], key: [], knownAt: {} }
  const found = await findDataset(engine, dataset, relation)
  requireUsable(found)
  const names = Object.keys(columns)
  const cases = names.flatMap((name, i) => [
    ...(found.checked.has(name) ? [`WHEN ${dialect.identifier(unreadableName(name))} THEN ${2 * i + 1}`] : []),
    ...(columns[name]?.nullable ? [] : [`WHEN ${dialect.identifier(name)} IS NULL THEN ${2 * i + 2}`]),
  ])
  const absent = requestColumnNames(model)
    .filter(name => !(name in columns))
    .map(name => `, ${dialect.literal(null, declaredAs(model, name)?.type ?? 'text')} AS ${dialect.identifier(name)}`)
  return {
    sql: absent.length === 0 ? found.numbered : `SELECT *${absent.join('')} FROM (${found.numbered})`,
    columns,
    problem: cases.length === 0 ? '0' : `CASE ${cases.join(' ')} ELSE 0 END`,
    async refuse(row, problem) {
      const at = Math.ceil(problem / 2) - 1
      const column = names[at] as string
      if (problem % 2 === 0)
        throw fail('scoreRowRefused', { file: shown, row, column, reason: 'it is null and may not be' })
      const [cell] = await engine.rows(
        `SELECT ${dialect.identifier(unreadableColumn)} AS cells FROM (${found.numbered}) WHERE ${dialect.identifier(rowColumn)} = ${row}`,
      )
      const reason = `expected ${columns[column]?.type}, got ${String(cell?.cells ?? '').slice(0, 80)}`
      throw fail('scoreRowRefused', { file: shown, row, column, reason })
    },
  }
}
