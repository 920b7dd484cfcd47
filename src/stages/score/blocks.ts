import { columnsOf } from '../../define/expression/index.ts'
import { ulid } from '../../internal/ids.ts'
import { rowColumn, type Column, type DataEngine } from '../../ports/data-engine.ts'
import type { ModelVersion } from '../../ports/metadata-store.ts'
import { eventMicros, planView, type ViewPlan } from '../features/channels.ts'
import { momentsSql, within } from '../features/frame.ts'
import { featureColumns, offlineFeatures } from '../features/offline.ts'
import { columnOfValues } from '../log/column.ts'
import { loadLog, type LogTable } from '../log/log-table.ts'
import type { DatasetRows } from '../log/dataset-rows.ts'
import { rowsOfView } from '../serve/past-features.ts'
import type { StageServices } from '../services.ts'
import type { Model } from '../../define/model.ts'
import { inputsSql } from './batch-scorer.ts'
import type { RowsToScore } from './read-rows.ts'

/** Rows of a file with what the model takes: `n` their number, `i0` … its inputs, `k0` … what is kept. */
export interface Block {
  readonly rows: number
  readonly numbers: Float64Array
  /** 0 for rows that may be scored. */
  readonly problems: Float64Array
  readonly columns: ReadonlyMap<string, Column>
}

/** Gives the rows of a file from a number on, in order. */
export type ReadBlocks = (rows: RowsToScore, from: number) => AsyncIterable<Block>

function blockOf(columns: ReadonlyMap<string, Column>): Block {
  const numbers = columns.get('n')?.values as Float64Array
  return { rows: numbers.length, numbers, problems: columns.get('problem')?.values as Float64Array, columns }
}

const numbered = (names: readonly string[], quote: (name: string) => string): string[] =>
  names.map((name, i) => `${quote(name)} AS k${i}`)

/** The rows of a model without features: the engine computes its inputs while it reads. */
export function plainBlocks(engine: DataEngine, model: Model, keep: readonly string[]): ReadBlocks {
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  return async function* ({ sql, problem }, from) {
    const selected = [
      `CAST(${row} AS DOUBLE) AS n`,
      `CAST(${problem} AS DOUBLE) AS problem`,
      ...inputsSql(model, dialect),
      ...numbered(keep, dialect.identifier),
    ]
    const where = from === 0 ? '' : ` WHERE ${row} >= ${from}`
    for await (const columns of engine.stream(`SELECT ${selected.join(', ')} FROM (${sql})${where}`))
      yield blockOf(columns)
  }
}

/** Rows that features are computed for at once: each time the history of their keys is read anew. */
const featureRows = 250_000

/**
 * The rows of a model with features: each sees what was known at its moment, from snapshot and log, as the served route has it
 * from the online store. Close it.
 */
export async function featureBlocks(
  services: StageServices,
  engine: DataEngine,
  record: ModelVersion,
  model: Model,
  keep: readonly string[],
  now: number,
): Promise<{ readonly read: ReadBlocks; readonly close: () => Promise<void> }> {
  const { dialect } = engine
  const plans = model.views.map(planView)
  const logs: LogTable[] = []
  const sources = new Map<ViewPlan, DatasetRows>()
  const close = async (): Promise<void> => {
    for (const log of logs) await log.drop()
  }
  try {
    for (const plan of plans) {
      const log = await loadLog(services, engine, plan.view.from)
      if (log) logs.push(log)
      sources.set(plan, await rowsOfView(services, engine, plan.view, log, record))
    }
  } catch (error) {
    await close()
    throw error
  }
  const { eventTime } = model.from
  const base = [
    ...new Set([
      ...model.inputs.flatMap(input => columnsOf(input.node)).filter(name => !name.includes('.')),
      ...plans.flatMap(plan => plan.asks.map(({ column }) => column)),
      ...keep,
    ]),
  ]

  /** Inputs of the rows that stand in a table, in its order: beside its columns, whatever they are called, there are ours. */
  async function* computed(table: string, count: number): AsyncIterable<Block> {
    const features = `features_${ulid()}`
    const [span] = await engine.rows(`SELECT min(millrace_at) AS first, max(millrace_at) AS last FROM ${table}`)
    const columns: Column[] = [
      { name: 'millrace_ordinal', type: 'float', values: Float64Array.from({ length: count }, (_, i) => i) },
    ]
    for (const plan of plans) {
      const reach = Math.max(plan.horizon, plan.view.ttl ?? 0)
      const event = eventMicros(plan, dialect)
      const rows = sources.get(plan) as DatasetRows
      const near = Number.isFinite(reach)
        ? within(rows, `${event} >= ${Number(span?.first) - reach} AND ${event} <= ${Number(span?.last)}`)
        : rows
      const asked = momentsSql(plan, table, dialect)
      for (const [name, values] of await offlineFeatures(engine, plan, near, asked, count))
        columns.push(
          values instanceof Float64Array ? { name, type: 'float', values } : columnOfValues(name, 'text', values),
        )
    }
    const { sql } = await engine.load(features, columns)
    const selected = [
      'millrace_n AS n',
      'millrace_problem AS problem',
      ...inputsSql(model, dialect, featureColumns(plans, dialect)),
    ]
    try {
      const from = `FROM ${table} JOIN ${sql} USING (millrace_ordinal) ORDER BY millrace_ordinal`
      for await (const found of engine.stream(
        `SELECT ${[...selected, ...numbered(keep, dialect.identifier)].join(', ')} ${from}`,
      ))
        yield blockOf(found)
    } finally {
      await engine.execute(`DROP TABLE ${sql}`)
    }
  }

  return {
    close,
    async *read({ sql, problem, columns }, from) {
      const row = dialect.identifier(rowColumn)
      const moment =
        eventTime !== undefined && eventTime in columns
          ? `coalesce(CAST(${dialect.epochMicros(dialect.identifier(eventTime))} AS DOUBLE), ${now})`
          : `CAST(${now} AS DOUBLE)`
      for (let start = from; ; ) {
        const table = dialect.identifier(`rows_${ulid()}`)
        await engine.execute(
          `CREATE TABLE ${table} AS SELECT CAST(row_number() OVER (ORDER BY ${row}) - 1 AS DOUBLE) AS millrace_ordinal, CAST(${row} AS DOUBLE) AS millrace_n, CAST(${problem} AS DOUBLE) AS millrace_problem, ${moment} AS millrace_at, ${base.map(dialect.identifier).join(', ')} FROM (SELECT * FROM (${sql}) WHERE ${row} >= ${start} ORDER BY ${row} LIMIT ${featureRows})`,
        )
        try {
          const [has] = await engine.rows(`SELECT count(*) AS rows, max(millrace_n) AS last FROM ${table}`)
          const count = Number(has?.rows)
          if (count === 0) return
          yield* computed(table, count)
          start = Number(has?.last) + 1
          if (count < featureRows) return
        } finally {
          await engine.execute(`DROP TABLE ${table}`)
        }
      }
    },
  }
}
