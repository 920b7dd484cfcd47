import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Columns } from '../define/column.ts'
import type { Dataset } from '../define/dataset.ts'
import type { ValueOf } from '../define/expression/types.ts'
import type { CheckResult, Report } from '../define/report.ts'
import { adapters } from '../config/resolve.ts'
import { isTextual, vectorFrom } from '../define/vector.ts'
import { fail } from '../errors/index.ts'
import { compiledModule } from '../internal/compiled.ts'
import { ulid } from '../internal/ids.ts'
import { parseTime, type Micros } from '../internal/time.ts'
import { rowColumn, type Column, type ColumnType, type DataEngine, type Relation } from '../ports/data-engine.ts'
import { validate } from '../stages/validate/validate.ts'
import { manualClock } from './manual-clock.ts'

/** A row as a literal; what is left out is null. */
export type RowLiteral<C extends Columns = Columns> = {
  readonly [K in keyof C & string]?: ValueOf<C[K]['type'], true>
}

export interface CheckRowsOptions {
  /** What the clock says, for expectations about age (default now). */
  readonly now?: Date
  /** Rows of other datasets that expectations look at, by name; without them their sources are read. */
  readonly related?: Readonly<Record<string, readonly RowLiteral[]>>
  /** The project's folder (default the working folder), for sources of other datasets and functions of `batches`. */
  readonly root?: string
}

export interface CheckedRows {
  readonly report: Report
  /** Ids of the checks that failed or could not be evaluated, of whatever severity. */
  readonly failed: readonly string[]
  /** For each row the ids of the checks that it breaks. */
  readonly broken: readonly (readonly string[])[]
  /** The result of one expectation by its id. Throws where there is none. */
  check(id: string): CheckResult
}

type Read = (value: unknown, length: number | undefined) => number | bigint | string | undefined

const readers: Record<ColumnType, Read> = {
  int: value => (typeof value === 'bigint' || Number.isSafeInteger(value) ? BigInt(value as number) : undefined),
  float: value => (typeof value === 'number' ? value : undefined),
  text: value => (typeof value === 'string' ? value : undefined),
  bool: value => (typeof value === 'boolean' ? Number(value) : undefined),
  timestamp(value) {
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : BigInt(value.getTime()) * 1000n
    const at =
      typeof value === 'string' ? parseTime(value) : Number.isSafeInteger(value) ? (value as number) : undefined
    return at === undefined ? undefined : BigInt(at)
  },
  vector: vectorFrom,
}

function columnOf(dataset: Dataset, name: string, rows: readonly RowLiteral[]): Column {
  const { type, length } = dataset.columns[name] ?? { type: 'text' as const }
  const nulls = new Uint8Array(rows.length)
  const values = rows.map((row, i) => {
    const given = row[name]
    if (given === null || given === undefined) {
      nulls[i] = 1
      return isTextual(type) ? '' : type === 'int' || type === 'timestamp' ? 0n : 0
    }
    const value = readers[type](given, length)
    if (value === undefined)
      throw fail('invalidDefinition', {
        kind: 'row',
        name: String(i),
        reason: `${dataset.name}.${name} is ${type}, not ${JSON.stringify(given)}`,
      })
    return value
  })
  const whole = type === 'int' || type === 'timestamp'
  const array = isTextual(type)
    ? (values as string[])
    : whole
      ? BigInt64Array.from(values as bigint[])
      : type === 'bool'
        ? Uint8Array.from(values as number[])
        : Float64Array.from(values as number[])
  return { name, type, values: array, nulls }
}

async function relationOf(engine: DataEngine, dataset: Dataset, rows: readonly RowLiteral[]): Promise<Relation> {
  for (const [i, row] of rows.entries()) {
    const stranger = Object.keys(row).find(name => !(name in dataset.columns))
    if (stranger !== undefined)
      throw fail('invalidDefinition', {
        kind: 'row',
        name: String(i),
        reason: `'${stranger}' is no column of ${dataset.name}`,
      })
  }
  return engine.load(
    `rows_${ulid()}`,
    Object.keys(dataset.columns).map(name => columnOf(dataset, name, rows)),
  )
}

/** Literals say their moment themselves, whatever zone the source is in. */
function inUtc(dataset: Dataset): Dataset {
  const columns = Object.entries(dataset.columns).map(([name, column]) => [
    name,
    column.type === 'timestamp' ? { ...column, zone: 'UTC' } : column,
  ])
  return { ...dataset, columns: Object.fromEntries(columns) as Columns }
}

/** What is asked of text alone: literals are no text to be read. */
const ofText: ReadonlySet<string> = new Set(['readable', 'wholeLines'])

/** A dataset whose rows, and those of the given others, are literals. */
const ofLiterals = (dataset: Dataset, others: Readonly<Record<string, unknown>>): Dataset => ({
  ...inUtc(dataset),
  expectations: dataset.expectations.filter(spec => !ofText.has(spec.kind)),
  related: new Map([...dataset.related].map(([name, other]) => [name, name in others ? inUtc(other) : other])),
})

/**
 * Evaluates a dataset's expectations on rows written down in a test, by the engine that validates the real ones:
 * ```ts
 * const { failed, broken } = await checkRows(flights, [{ ...good, delay: -1116 }])
 * expect(broken[0]).toContain('plausible-delay')
 * ```
 * The source of the dataset is not read. Throws `invalidDefinition` for rows that are none of the dataset.
 */
export async function checkRows<C extends Columns>(
  dataset: Dataset<string, C>,
  rows: readonly RowLiteral<C>[],
  options: CheckRowsOptions = {},
): Promise<CheckedRows> {
  const { now = new Date(), related = {}, root = process.cwd() } = options
  const engine = await (await adapters.data.duckdb()).openDuckdb({})
  const script = fileURLToPath(compiledModule('../config/batch-process.ts', import.meta.url))
  try {
    const services = {
      engine,
      clock: manualClock((now.getTime() * 1000) as Micros),
      root,
      ...(existsSync(join(root, 'millrace.config.ts')) ? { userCode: { script, root } } : {}),
      rowsOf: async (other: Dataset) =>
        related[other.name] ? relationOf(engine, other, related[other.name] as readonly RowLiteral[]) : undefined,
    }
    const validation = await validate(services, ofLiterals(dataset, related), await relationOf(engine, dataset, rows))
    const { report, split, release } = validation
    const broken: string[][] = rows.map(() => [])
    const places = split.bad
      ? await engine.rows(
          `SELECT CAST(${engine.dialect.identifier(rowColumn)} AS INTEGER) AS place, unnest(millrace_checks) AS id FROM (${split.bad})`,
        )
      : []
    for (const { place, id } of places) broken[Number(place)]?.push(String(id))
    await release()
    return {
      report,
      failed: report.checks.filter(one => one.status === 'fail' || one.status === 'error').map(one => one.id),
      broken,
      check(id) {
        const found = report.checks.find(one => one.id === id)
        if (!found)
          throw fail('invalidDefinition', {
            kind: 'expectation',
            name: id,
            reason: `${dataset.name} has ${report.checks.map(one => one.id).join(', ')}`,
          })
        return found
      },
    }
  } finally {
    await engine.close()
  }
}
