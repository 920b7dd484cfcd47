import { extname, resolve } from 'node:path'
import { t, type Columns } from '../../define/column.ts'
import type { Dataset } from '../../define/dataset.ts'
import { unreadableName } from '../../define/expectation/kinds/readable.ts'
import { csv, json, parquet, type Source } from '../../define/source.ts'
import { fail } from '../../errors/index.ts'
import type { Digest } from '../../internal/digest.ts'
import { rowColumn, type DataEngine } from '../../ports/data-engine.ts'
import { requireUsable } from '../validate/relation.ts'
import { contentColumn } from '../validate/repairs.ts'
import { openFound, type FoundSource, type ValidateServices } from '../validate/source.ts'

const readers: Readonly<Record<string, (path: string) => Source>> = {
  '.csv': path => csv(path),
  '.parquet': parquet,
  '.json': json,
  '.jsonl': json,
}

/** The dataset's columns as `data quarantine` writes them: times are UTC there. */
function columnsOf(dataset: Dataset): Columns {
  const own = Object.entries(dataset.columns).map(([name, column]) => [
    name,
    column.type === 'timestamp' ? { ...column, zone: 'UTC' } : column,
  ])
  return { ...(Object.fromEntries(own) as Columns), [contentColumn]: t.text(), [rowColumn]: t.int() }
}

/** Columns that the file has lost, in words, or that its header is not read as columns at all. */
function absentColumns({ found: { missing, present } }: FoundSource): string | undefined {
  if (missing.length === 0) return undefined
  const [only] = present
  if (present.length === 1 && only && /[;\t|]/.test(only.name))
    return 'its columns are parted by something else than a comma; write it as CSV with commas'
  return `it has no column ${missing.join(', ')}`
}

/** Rows that may be repaired. */
export interface Repairable {
  /** Table expression of their places. */
  readonly places: string
  /** Contents of the dataset's files as they are now. */
  readonly contents: readonly Digest[]
}

/** What is wrong with a file of repaired rows, in words. */
async function fault(
  engine: DataEngine,
  { found }: FoundSource,
  { places: allowed, contents }: Repairable,
): Promise<string | undefined> {
  const { dialect } = engine
  const [content, row] = [contentColumn, rowColumn].map(dialect.identifier) as [string, string]
  const lost = found.source.text?.unreadable[0]
  if (lost) return `its line ${lost.line} is no row: ${lost.reason}`
  if (found.source.text)
    for (const [name, { type }] of Object.entries(found.dataset.columns)) {
      if (type === 'text') continue
      const [bad] = await engine.rows(
        `SELECT count(*) AS n FROM (${found.sql}) WHERE ${dialect.identifier(unreadableName(name))}`,
      )
      if (Number(bad?.n) > 0) return `${Number(bad?.n)} of its cells of '${name}' are no ${type}`
    }
  const [counts] = await engine.rows(
    `SELECT count(*) AS n, count_if(${content} IS NULL OR ${row} IS NULL) AS unnamed, count(DISTINCT (${content}, ${row})) AS places FROM (${found.sql})`,
  )
  const [rows, unnamed, places] = [counts?.n, counts?.unnamed, counts?.places].map(Number) as [number, number, number]
  if (rows === 0) return 'it has no rows'
  if (unnamed > 0) return `${unnamed} of its rows do not say which row they repair (${contentColumn}, ${rowColumn})`
  if (places < rows) return `${rows - places} of its rows repair a row that another one repairs`
  const [strangers] = await engine.rows(
    `SELECT count(*) AS n FROM (${found.sql}) WHERE (${content}, ${row}) NOT IN (SELECT (${content}, ${row}) FROM ${allowed})`,
  )
  if (Number(strangers?.n) > 0)
    return `${Number(strangers?.n)} of its rows are neither in quarantine nor were repaired before`
  const [ended] = await engine.rows(
    `SELECT count(*) AS n FROM (${found.sql}) WHERE ${content} NOT IN (${contents.map(one => dialect.literal(one, 'text')).join(', ')})`,
  )
  return Number(ended?.n) > 0
    ? `${Number(ended?.n)} of its rows would not be in effect: no file of the dataset has the content that they were found in (${contentColumn}) any more; "millrace data snapshot ${found.dataset.name}" finds what is bad now`
    : undefined
}

/**
 * Opens a file of repaired rows: the dataset's columns and which row each repairs. Throws `repairedUnusable`, and
 * `columnMissing` or `typeMismatch` where the columns are others.
 */
export async function openRepaired(
  services: ValidateServices,
  dataset: Dataset,
  file: string,
  allowed: Repairable,
): Promise<FoundSource> {
  const path = resolve(services.root, file)
  const source = readers[extname(path).toLowerCase()]?.(path)
  const refuse = (reason: string) => fail('repairedUnusable', { file, dataset: dataset.name, reason })
  if (!source) throw refuse('it is neither CSV nor JSON lines nor Parquet by its name')
  const { repairs: _none, states: _never, ...reading } = services
  const opened = await openFound(reading, { ...dataset, source, columns: columnsOf(dataset), expectations: [] })
  try {
    const absent = absentColumns(opened)
    if (absent !== undefined) throw refuse(absent)
    requireUsable(opened.found)
    const reason = await fault(services.engine, opened, allowed)
    if (reason !== undefined) throw refuse(reason)
    return opened
  } catch (error) {
    await opened.release()
    throw error
  }
}
