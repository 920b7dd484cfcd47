import type { FeatureSpec } from '../../define/features.ts'
import { columnsOf, toSql, type Node } from '../../define/expression/index.ts'
import type { Model } from '../../define/model.ts'
import { testColumns } from '../../define/model-test/index.ts'
import { fail } from '../../errors/index.ts'
import { formatTime, parseTime, type Micros } from '../../internal/time.ts'
import type { Column, ColumnType, DataEngine, Dialect } from '../../ports/data-engine.ts'
import { planView, type ViewPlan } from './channels.ts'
import { offlineFeatures } from './offline.ts'

/** The spans of time that a frame covers, right-open. */
export interface Spans {
  readonly from: Micros
  readonly testFrom: Micros
  readonly until: Micros
}

export interface FrameSummary extends Spans {
  readonly train: number
  readonly test: number
  /** Rows of the spans whose label was not known at the end: they are in neither set. */
  readonly unlabelled: number
}

/** SELECT of a snapshot's rows with `millrace_seq`. */
export async function snapshotSql(engine: DataEngine, path: string): Promise<string> {
  const relation = await engine.scan({ kind: 'parquet', path, rowNumber: 'millrace_seq' }, '/')
  return `SELECT * FROM ${relation.sql}`
}

function eventSql(model: Model, dialect: Dialect): string {
  return dialect.epochMicros(dialect.identifier(model.from.eventTime as string))
}

/** The newest `test` before `until` (default: after the newest event) is the test span, `train` before it the training span. */
export async function spansOf(engine: DataEngine, model: Model, events: string): Promise<Spans> {
  const [row] = await engine.rows(`SELECT max(${eventSql(model, engine.dialect)}) AS newest FROM (${events})`)
  if (row?.newest === null || row?.newest === undefined)
    throw fail('emptyDataset', { dataset: model.from.name, source: 'its snapshot', where: '' })
  const until = model.split.until ? parseTime(model.split.until) : Number(row.newest) + 1
  if (until === undefined)
    throw fail('invalidDefinition', {
      kind: 'model',
      name: model.name,
      reason: `split.until '${model.split.until}' is not a time such as 2026-03-31T00:00:00Z`,
    })
  const testFrom = until - model.split.test
  return { from: testFrom - model.split.train, testFrom, until }
}

/** How a column is reached once features are joined: `view.feature` is a double with NaN for null until here. */
function featureColumns(plans: readonly ViewPlan[], dialect: Dialect): (name: string) => string {
  const types = new Map<string, FeatureSpec>()
  for (const plan of plans) for (const { name, spec } of plan.features) types.set(`${plan.view.name}.${name}`, spec)
  return name => {
    const spec = types.get(name)
    const quoted = dialect.identifier(name)
    return spec ? dialect.cast(`nullif(${quoted}, ${dialect.cast("'NaN'", 'float')})`, spec.type as ColumnType) : quoted
  }
}

function float32(sql: string, node: Node, dialect: Dialect): string {
  return `CAST(${node.type === 'bool' ? dialect.cast(sql, 'int') : sql} AS FLOAT)`
}

/**
 * Builds the training frame of a model from the snapshots of its datasets (SELECTs by dataset name) and writes it as
 * Parquet: `millrace_at`, `millrace_split` ('train' | 'test'), `millrace_label` and the inputs as float32 or text, in
 * order of time. A row sees only what was known at its event; a label counts only if it was known at the end of the span.
 */
export async function buildFrame(
  engine: DataEngine,
  model: Model,
  snapshots: ReadonlyMap<string, string>,
  path: string,
  spans?: Spans,
): Promise<FrameSummary> {
  const { dialect } = engine
  const events = snapshots.get(model.from.name) as string
  const span = spans ?? (await spansOf(engine, model, events))
  const event = eventSql(model, dialect)
  const plans = model.views.map(planView)
  const { conditions, values } = testColumns(model.tests)
  const nodes = [
    ...model.inputs.map(input => input.node),
    ...conditions.map(one => one.where),
    ...values.map(one => one.node),
    model.label,
  ]
  const base = [
    ...new Set([...nodes.flatMap(columnsOf).filter(name => !name.includes('.')), ...plans.flatMap(plan => plan.keys)]),
  ]
  const known = columnsOf(model.label).flatMap(column => model.from.knownAt[column] ?? [])
  const labelled =
    known.map(node => `coalesce(${dialect.epochMicros(toSql(node, dialect))}, 9e18) <= ${span.until}`).join(' AND ') ||
    'true'
  const within = `${event} >= ${span.from} AND ${event} < ${span.until}`
  await engine.execute(
    `CREATE OR REPLACE TABLE frame_rows AS SELECT row_number() OVER (ORDER BY ${event}, millrace_seq) - 1 AS millrace_ordinal, CAST(${event} AS DOUBLE) AS millrace_at, ${base.map(dialect.identifier).join(', ')}
     FROM (${events}) WHERE ${within} AND ${labelled} AND (${toSql(model.label, dialect)}) IS NOT NULL`,
  )
  const [counts] = await engine.rows(
    `SELECT (SELECT count(*) FROM frame_rows) AS rows, (SELECT count(*) FROM (${events}) WHERE ${within}) AS total, (SELECT count(*) FROM frame_rows WHERE millrace_at >= ${span.testFrom}) AS test`,
  )
  const rows = Number(counts?.rows)
  if (rows === 0 || Number(counts?.test) === 0 || Number(counts?.test) === rows)
    throw fail('emptyDataset', {
      dataset: model.from.name,
      source: 'its snapshot',
      where: ` for training (${formatTime(span.from)} to ${formatTime(span.testFrom)}) or for testing (to ${formatTime(span.until)})`,
    })

  const columns: Column[] = [
    { name: 'millrace_ordinal', type: 'float', values: Float64Array.from({ length: rows }, (_, i) => i) },
  ]
  for (const plan of plans) {
    const source = snapshots.get(plan.view.from.name) as string
    const reach = Math.max(plan.horizon, plan.view.ttl ?? 0)
    const viewEvent = dialect.epochMicros(dialect.identifier(plan.view.from.eventTime as string))
    const near = Number.isFinite(reach)
      ? `SELECT * FROM (${source}) WHERE ${viewEvent} >= ${span.from - reach} AND ${viewEvent} < ${span.until}`
      : source
    const labels = `SELECT ${plan.keys.map(dialect.identifier).join(', ')}, millrace_ordinal, millrace_at FROM frame_rows`
    for (const [name, values] of await offlineFeatures(engine, plan, near, labels, rows))
      columns.push({ name, type: 'float', values })
  }
  await engine.load('frame_features', columns)
  columns.length = 0
  const reach = featureColumns(plans, dialect)
  const selected = model.inputs.map(input => {
    const sql = toSql(input.node, dialect, reach)
    return `${input.type === 'text' ? sql : float32(sql, input.node, dialect)} AS ${dialect.identifier(input.name)}`
  })
  const sliced = [
    ...conditions.map(
      ({ name, where }) => `coalesce(${toSql(where, dialect, reach)}, false) AS ${dialect.identifier(`slice:${name}`)}`,
    ),
    ...values.map(({ name, node }) => {
      const sql = toSql(node, dialect, reach)
      return `${node.type === 'text' ? sql : float32(sql, node, dialect)} AS ${dialect.identifier(`slice:${name}`)}`
    }),
  ]
  await engine.writeParquet(
    `SELECT millrace_at, CASE WHEN millrace_at < ${span.testFrom} THEN 'train' ELSE 'test' END AS millrace_split, ${float32(toSql(model.label, dialect), model.label, dialect)} AS millrace_label, ${[...selected, ...sliced].join(', ')}
     FROM frame_rows JOIN frame_features USING (millrace_ordinal) ORDER BY millrace_ordinal`,
    path,
  )
  await engine.execute('DROP TABLE frame_rows; DROP TABLE frame_features')
  const test = Number(counts?.test)
  return { ...span, train: rows - test, test, unlabelled: Number(counts?.total) - rows }
}
