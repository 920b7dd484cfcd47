import { toSql } from '../../define/expression/index.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import { overallStatus, type CheckResult, type Report } from '../../define/report.ts'
import { ulid } from '../../internal/ids.ts'
import type { Clock } from '../../ports/clock.ts'
import type { DataEngine, Relation } from '../../ports/data-engine.ts'
import { aggregateMetrics, groupSql, measure, rowMetrics, type Metric, type MetricValue } from './metrics.ts'
import { split, withSamples, type RowLevel, type Split } from './quarantine.ts'
import { findDataset, type FoundDataset } from './relation.ts'
import { failed, fresh, schemaVerdict, tolerated, within } from './verdict.ts'

export interface Validation {
  readonly report: Report
  readonly found: FoundDataset
  readonly rows: number
  /** Good and bad rows; readable until `release`. */
  readonly split: Split
  release(): Promise<void>
}

function metricsOf(expectation: ExpectationSpec, engine: DataEngine): Metric[] {
  const { dialect } = engine
  if (expectation.form === 'row') return rowMetrics(expectation, dialect)
  if (expectation.form === 'aggregate') return aggregateMetrics(expectation, dialect)
  if (expectation.form === 'freshness')
    return [{ id: `${expectation.id}/newest`, sql: `max(${dialect.epochMicros(toSql(expectation.of, dialect))})` }]
  return []
}

/**
 * Evaluates every expectation of a dataset: one fused scan for all row and aggregate checks, one grouping for each
 * distinct key set, and a second look only at rows of checks that failed. Nothing is changed in the source.
 */
export async function validate(
  engine: DataEngine,
  dataset: Dataset,
  root: string,
  clock: Clock,
  source?: Relation,
): Promise<Validation> {
  const found = await findDataset(engine, dataset, root, source)
  const started = clock.elapsed()
  const id = ulid()
  const table = engine.dialect.identifier(`validated_${id}`)
  const badTable = engine.dialect.identifier(`quarantined_${id}`)
  await engine.execute(`CREATE TABLE ${table} AS SELECT row_number() OVER () AS millrace_row, * FROM (${found.sql})`)
  const release = () => engine.execute(`DROP TABLE IF EXISTS ${table}; DROP TABLE IF EXISTS ${badTable}`)
  try {
    const base = `SELECT * FROM ${table}`
    const results = new Map<string, CheckResult>()
    const measurable: ExpectationSpec[] = []
    for (const expectation of dataset.expectations) {
      const absent = expectation.columns.find(column => !found.usable.has(column))
      if (expectation.form === 'schema') results.set(expectation.id, schemaVerdict(expectation, found))
      else if (absent)
        results.set(
          expectation.id,
          failed(
            expectation,
            dataset.name,
            found.missing.includes(absent) ? `column '${absent}' is missing` : `column '${absent}' has another type`,
          ),
        )
      else measurable.push(expectation)
    }
    const metrics = await measure(engine, base, [
      { id: 'rows', sql: 'count(*)' },
      ...measurable.flatMap(expectation => metricsOf(expectation, engine)),
    ])
    const rows = Number((metrics.get('rows') as { value: number }).value)
    for (const expectation of measurable)
      results.set(expectation.id, await judge(engine, expectation, dataset, [...found.usable], base, metrics, clock))
    const failing = measurable.filter(
      (one): one is RowLevel => (one.form === 'row' || one.form === 'group') && (results.get(one.id)?.bad ?? 0) > 0,
    )
    const parts = await split(engine, found, failing, table, badTable)
    const ordered = dataset.expectations.map(expectation => results.get(expectation.id) as CheckResult)
    const checks = parts.bad ? await withSamples(engine, found, ordered, failing, parts.bad) : ordered
    const report: Report = {
      id: ulid(),
      kind: 'validation',
      subject: dataset.name,
      at: clock.now(),
      status: overallStatus(checks),
      checks,
      evidence: { source: found.source.label, rows, milliseconds: Math.round(clock.elapsed() - started) },
    }
    return { report, found, rows, split: parts, release }
  } catch (error) {
    await release()
    throw error
  }
}

async function judge(
  engine: DataEngine,
  expectation: ExpectationSpec,
  dataset: Dataset,
  columns: readonly string[],
  base: string,
  metrics: ReadonlyMap<string, MetricValue>,
  clock: Clock,
): Promise<CheckResult> {
  const { name } = dataset
  if (expectation.form === 'group') {
    const [groups] = await engine.rows(groupSql(expectation, columns, base, engine.dialect))
    return tolerated(expectation, name, Number(groups?.bad), Number(groups?.evaluated))
  }
  const values = metricsOf(expectation, engine).map(metric => metrics.get(metric.id) as MetricValue)
  const wrong = values.find(value => 'error' in value)
  if (wrong && 'error' in wrong) return failed(expectation, name, wrong.error)
  const [first, second] = values.map(value => ('value' in value ? value.value : null))
  if (expectation.form === 'row') return tolerated(expectation, name, Number(first), Number(second))
  if (expectation.form === 'aggregate')
    return within(expectation, name, first === null || first === undefined ? null : Number(first), Number(second))
  if (expectation.form === 'freshness')
    return fresh(expectation, name, first === null || first === undefined ? null : Number(first), clock.now())
  throw new TypeError(`a ${expectation.form} expectation is not judged by metrics`)
}
