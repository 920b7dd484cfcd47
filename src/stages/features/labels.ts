import { extname } from 'node:path'
import type { ColumnSpec } from '../../define/column.ts'
import type { Dataset } from '../../define/dataset.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { requestKeys, type FeatureView } from '../../define/features.ts'
import { fail } from '../../errors/index.ts'
import { ulid } from '../../internal/ids.ts'
import { rowColumn, type ColumnType, type DataEngine, type Relation } from '../../ports/data-engine.ts'
import { findDataset, requireUsable, unreadableColumn } from '../validate/relation.ts'
import { asked } from './asked.ts'

/** Rows that features are asked for: entities at moments, with whatever else stands beside them, a label usually. */
export interface Labels {
  readonly rows: number
  /** First and last moment, microseconds; of no rows 0. */
  readonly oldest: number
  readonly newest: number
  /** Table with `millrace_ordinal`, `millrace_at`, the columns by their place, `c0` …, and the keys by their names. */
  readonly table: string
  /** Names of the columns, in the order of the file. */
  readonly columns: readonly string[]
  /** Those of them that are vectors. */
  readonly vectors: readonly string[]
  drop(): Promise<void>
}

export const labelKinds = { '.parquet': 'parquet', '.pq': 'parquet', '.csv': 'csv' } as const

export type LabelKind = (typeof labelKinds)[keyof typeof labelKinds]

/** What a file is by the end of its name; undefined where that says nothing. */
export const labelKindOf = (path: string): LabelKind | undefined =>
  labelKinds[extname(path).toLowerCase() as keyof typeof labelKinds]

interface LabelsFile {
  readonly path: string
  /** How it is told. */
  readonly shown: string
  readonly kind: LabelKind
  /** Its column with the moments (default: see `timeColumn`). */
  readonly time?: string | undefined
  /** The moment of rows of a table without moments (microseconds). */
  readonly now: number
}

const unusable = (shown: string, reason: string): Error => fail('labelsUnusable', { file: shown, reason })

/**
 * The column with the moments: the one that is named; the event time of the views' datasets; the only column of times. Of views whose
 * datasets have no time a table may have none: undefined.
 */
function timeColumn(
  { shown, time }: LabelsFile,
  views: readonly FeatureView[],
  present: ReadonlyMap<string, ColumnType | undefined>,
): string | undefined {
  if (time !== undefined) {
    if (present.has(time)) return time
    throw unusable(shown, `it has no column '${time}'; there are ${[...present.keys()].join(', ')}`)
  }
  const declared = [...new Set(views.flatMap(view => view.from.eventTime ?? []))].filter(name => present.has(name))
  const times = [...present].filter(([, type]) => type === 'timestamp').map(([name]) => name)
  const [found, ...others] = declared.length > 0 ? declared : times
  if (found === undefined && views.every(view => view.from.eventTime === undefined)) return undefined
  if (found === undefined || others.length > 0)
    throw unusable(
      shown,
      `it does not say when: name the column with the moments of its rows (${[...present.keys()].join(', ')})`,
    )
  return found
}

/** How each column is read: keys and moments as declared, the others as their dataset declares, else as they stand there. */
function columnsOf(
  file: LabelsFile,
  views: readonly FeatureView[],
  time: string | undefined,
  present: ReadonlyMap<string, ColumnType | undefined>,
): Record<string, ColumnSpec> {
  const { shown } = file
  const columns: Record<string, ColumnSpec> = {}
  const declaredIn = (name: string): readonly ColumnSpec[] => views.flatMap(view => view.from.columns[name] ?? [])
  const keys = new Map(
    views.flatMap(view =>
      requestKeys(view).map(({ key, column }) => [column, view.entity.keys[key] as ColumnSpec] as const),
    ),
  )
  for (const name of keys.keys())
    if (!present.has(name))
      throw unusable(
        shown,
        `it has no column '${name}', a key of ${views.find(view => requestKeys(view).some(one => one.column === name))?.entity.name}`,
      )
  for (const [name, type] of present) {
    const [first, ...others] = declaredIn(name)
    const declared = others.every(one => one.type === first?.type) ? first : undefined
    const zone = declared?.zone ?? views.flatMap(view => view.from.columns[view.from.eventTime ?? '']?.zone ?? [])[0]
    const key = keys.get(name)
    if (name === time) columns[name] = { type: 'timestamp', nullable: true, ...(zone === undefined ? {} : { zone }) }
    else if (key)
      columns[name] = { ...key, ...(declared?.zone === undefined ? {} : { zone: declared.zone }), nullable: true }
    else if (declared) columns[name] = { ...declared, nullable: true }
    else if (type === undefined) throw unusable(shown, `its column '${name}' is of a type that is not kept`)
    else columns[name] = { type, nullable: true, ...(type === 'timestamp' ? { zone: 'UTC' } : {}) }
  }
  return columns
}

function refuseBroken({ text }: Relation, shown: string): void {
  if (!text || text.broken === 0) return
  const [first] = text.unreadable
  const where = first ? `; the first is line ${first.line}: ${first.reason}` : ''
  throw unusable(shown, `${text.broken} of its lines are no rows${where}`)
}

/** The first row that has no moment, or a cell that is not of its type, is told by its number, its column and what stands there. */
async function refuseUnreadable(
  engine: DataEngine,
  shown: string,
  numbered: string,
  checked: readonly string[],
  columns: Readonly<Record<string, ColumnSpec>>,
  time: string | undefined,
): Promise<void> {
  const { dialect } = engine
  const wrong = [
    ...checked.map(name => ({ name, sql: dialect.identifier(unreadableName(name)) })),
    ...(time === undefined ? [] : [{ name: time, sql: `${dialect.identifier(time)} IS NULL` }]),
  ]
  if (wrong.length === 0) return
  const cells = checked.length > 0 ? dialect.identifier(unreadableColumn) : "''"
  const [row] = await engine.rows(
    `SELECT *, ${cells} AS cells FROM (${numbered}) WHERE ${wrong.map(one => one.sql).join(' OR ')} ORDER BY ${dialect.identifier(rowColumn)} LIMIT 1`,
  )
  if (!row) return
  const column = checked.find(name => row[unreadableName(name)] === true)
  const reason =
    column === undefined
      ? 'it is null, and a row without a moment has no features'
      : `expected ${columns[column]?.type}, got ${String(row.cells ?? '').slice(0, 80)}`
  throw fail('labelRefused', { file: shown, row: String(row[rowColumn]), column: column ?? time, reason })
}

/**
 * Opens a table of labels, Parquet or CSV: every row of it, in its order, as of its moment, or as of `now` where the views have no
 * time and it has none. Throws `labelsUnusable` where it lacks a key or
 * does not say when, `labelRefused` for a row that cannot be read.
 */
export async function openLabels(engine: DataEngine, views: readonly FeatureView[], file: LabelsFile): Promise<Labels> {
  const { dialect } = engine
  const { path, shown, kind } = file
  const relation = await engine.scan({ kind, path: shown }, '/', [path])
  refuseBroken(relation, shown)
  const described = relation.described ?? (await engine.describe(relation))
  const present = new Map(described.map(column => [column.name, relation.text ? 'text' : column.type] as const))
  const time = timeColumn(file, views, present)
  const columns = columnsOf(file, views, time, present)
  const dataset = {
    ...(views[0] as FeatureView).from,
    name: shown,
    source: { kind, path: shown },
    columns,
    expectations: [],
    key: [],
    knownAt: {},
  } as Dataset
  const found = await findDataset(engine, dataset, relation)
  requireUsable(found)
  await refuseUnreadable(engine, shown, found.numbered, [...found.checked], columns, time)
  const names = Object.keys(columns)
  const keys = [...new Set(views.flatMap(view => requestKeys(view).map(({ column }) => column)))]
  const select = [
    `row_number() OVER (ORDER BY ${dialect.identifier(rowColumn)}) - 1 AS ${asked.ordinal}`,
    `CAST(${time === undefined ? file.now : dialect.epochMicros(dialect.identifier(time))} AS DOUBLE) AS ${asked.at}`,
    ...names.map((name, i) => `${dialect.identifier(name)} AS c${i}`),
  ]
  const table = dialect.identifier(`labels_${ulid()}`)
  const kept = keys.map(name => `c${names.indexOf(name)} AS ${dialect.identifier(name)}`)
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT *, ${kept.join(', ')} FROM (SELECT ${select.join(', ')} FROM (${found.numbered}))`,
  )
  const [span] = await engine.rows(
    `SELECT count(*) AS n, min(${asked.at}) AS oldest, max(${asked.at}) AS newest FROM ${table}`,
  )
  return {
    rows: Number(span?.n),
    oldest: Number(span?.oldest ?? 0),
    newest: Number(span?.newest ?? 0),
    table,
    columns: names,
    vectors: names.filter(name => columns[name]?.type === 'vector'),
    drop: () => engine.execute(`DROP TABLE IF EXISTS ${table}`),
  }
}
