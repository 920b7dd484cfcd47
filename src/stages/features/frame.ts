import { columnsOf, toSql, type Node } from '../../define/expression/index.ts'
import type { Folds } from '../../define/folds.ts'
import type { Model } from '../../define/model.ts'
import { testColumns } from '../../define/model-test/index.ts'
import type { FeatureView } from '../../define/features.ts'
import { fail } from '../../errors/index.ts'
import { formatTime, parseTime } from '../../internal/time.ts'
import type { DataEngine, Dialect } from '../../ports/data-engine.ts'
import { datasetRows, versionColumns, type DatasetRows } from '../log/dataset-rows.ts'
import { columnsAtOnce, sideBySide } from '../side-by-side.ts'
import { eventMicros, planView, type ViewPlan } from './channels.ts'
import { vectorColumns } from './current-vectors.ts'
import { featureColumns, featureTable, type FeatureTable } from './offline.ts'
import { partCondition, withFolds, withParts } from './parts.ts'
import type { Spans } from './spans.ts'
import { truthOf } from './truth.ts'

/** What is known of a frame: where a dataset has event times also the spans, if it is split by them. */
export interface FrameSummary extends Partial<Spans> {
  readonly train: number
  readonly test: number
  /** Rows whose label is missing or was not known at the end: they are in neither part. */
  readonly unlabelled: number
  /** Names of the classes, in the order of their numbers; of `multiclass` models. */
  readonly classes?: readonly string[]
  /** Classes of the training rows, in no order; of tasks with classes. */
  readonly trained?: readonly string[]
}

/** SELECT of a snapshot's rows with `millrace_seq`. */
export async function snapshotSql(engine: DataEngine, path: string): Promise<string> {
  const relation = await engine.scan({ kind: 'parquet', path, rowNumber: 'millrace_seq' }, '/')
  return `SELECT * FROM ${relation.sql}`
}

/** Microseconds of a row's event; undefined where the dataset has no event time. */
function eventSql(model: Model, dialect: Dialect): string | undefined {
  const { eventTime } = model.from
  return eventTime === undefined ? undefined : dialect.epochMicros(dialect.identifier(eventTime))
}

/**
 * Of a split by time: the newest `test` before `until` (default: after the newest event) is the test span, `train` before it
 * the training span. Of others everything that there is, and undefined where there are no event times.
 */
export async function spansOf(engine: DataEngine, model: Model, events: string): Promise<Spans | undefined> {
  const event = eventSql(model, engine.dialect)
  if (event === undefined) return undefined
  const [row] = await engine.rows(`SELECT min(${event}) AS oldest, max(${event}) AS newest FROM (${events})`)
  if (row?.newest === null || row?.newest === undefined)
    throw fail('emptyDataset', { dataset: model.from.name, source: 'its snapshot', where: '' })
  const { split } = model
  if (split.by !== 'time')
    return { from: Number(row.oldest), testFrom: Number(row.newest) + 1, until: Number(row.newest) + 1 }
  const until = split.until ? parseTime(split.until) : Number(row.newest) + 1
  if (until === undefined)
    throw fail('invalidDefinition', {
      kind: 'model',
      name: model.name,
      reason: `split.until '${split.until}' is not a time such as 2026-03-31T00:00:00Z`,
    })
  const testFrom = until - split.test
  return { from: testFrom - split.train, testFrom, until }
}

/** Which condition rows of the frame meet: they are within the spans, and their label is there and known at the end. */
function rowConditions(
  model: Model,
  dialect: Dialect,
  spans: Spans | undefined,
): { readonly inSpans: string; readonly labelled: string } {
  const known = columnsOf(model.label).flatMap(column => model.from.knownAt[column] ?? [])
  const event = eventSql(model, dialect)
  const inSpans = spans && event ? `${event} >= ${spans.from} AND ${event} < ${spans.until}` : 'true'
  const labelled = [
    ...(spans
      ? known.map(node => `coalesce(${dialect.epochMicros(toSql(node, dialect))}, 9e18) <= ${spans.until}`)
      : []),
    `(${toSql(model.label, dialect)}) IS NOT NULL`,
  ]
  return { inSpans, labelled: labelled.join(' AND ') }
}

/** What a person would not think of: that the rows of each class are parted by themselves, and one row cannot be. */
function whyEmpty({ split }: Model, total: number): string {
  const rows = `${total.toLocaleString('en-US')} row${total === 1 ? ' has' : 's have'} a label`
  if (total < 2) return ` (${rows})`
  const stratified = split.by === 'random' && split.stratify
  return stratified ? ` (${rows}, each class of which is parted by itself: no class has enough of them)` : ''
}

/** Where rows of one part or the other are missing: what was looked for, in words. */
function nothingIn(model: Model, spans: Spans | undefined, total: number): Error {
  const of =
    model.split.by === 'time' && spans
      ? ` for training (${formatTime(spans.from)} to ${formatTime(spans.testFrom)}) or for testing (to ${formatTime(spans.until)})`
      : ` for training or for testing: its split by ${model.split.by} leaves one of them empty${whyEmpty(model, total)}`
  return fail('emptyDataset', { dataset: model.from.name, source: 'its snapshot', where: of })
}

/** Refuses folds of which one has nothing to be judged on, or nothing to learn from before it. */
async function checkFolds(engine: DataEngine, model: Model, folds: Folds): Promise<void> {
  const { count } = folds
  const alongTime = folds.by === 'time'
  for (let fold = 1; fold <= count; fold++) {
    const part = { fold, alongTime, ...(alongTime && folds.gap ? { gap: folds.gap } : {}) }
    const rowsOf = (name: 'train' | 'test'): string =>
      `(SELECT count(*) FROM frame_rows WHERE ${partCondition(engine.dialect, 'frame_rows', name, part)})`
    const [row] = await engine.rows(`SELECT ${rowsOf('train')} AS train, ${rowsOf('test')} AS test`)
    const empty = Number(row?.test) === 0 ? 'no row to be judged on' : 'no row to learn from'
    if (Number(row?.test) === 0 || Number(row?.train) === 0)
      throw fail('foldEmpty', { model: model.name, reason: `fold ${fold} of ${count} by ${folds.by} has ${empty}` })
  }
}

/** Writes the frame; a number that has no float32 is named with its input. */
async function writeFrame(
  engine: DataEngine,
  model: Model,
  selected: readonly { readonly name: string; readonly sql: string; readonly float32: boolean }[],
  { from, isInOrder }: { readonly from: string; readonly isInOrder: boolean },
  path: string,
): Promise<void> {
  const { dialect } = engine
  const expressions = selected.map(
    ({ name, sql, float32 }) => `${float32 ? `CAST(${sql} AS FLOAT)` : sql} AS ${dialect.identifier(name)}`,
  )
  try {
    await engine.writeParquet(
      `SELECT ${expressions.join(', ')} ${from}${isInOrder ? '' : ' ORDER BY millrace_ordinal'}`,
      path,
    )
  } catch (error) {
    const numbers = selected.filter(one => one.float32)
    for (let start = 0; start < numbers.length; start += columnsAtOnce) {
      const some = numbers.slice(start, start + columnsAtOnce)
      const beyond = some.map(({ sql }, i) => {
        const far = `${dialect.isFinite(`(${dialect.cast(sql, 'float')})`)} AND abs(${sql}) > 3.4028235677973366e38`
        return `count(CASE WHEN ${far} THEN 1 END) AS n${i}, max(abs(${sql})) AS most${i}`
      })
      const [row] = await engine.rows(`SELECT ${beyond.join(', ')} ${from}`)
      const at = some.findIndex((_, i) => Number(row?.[`n${i}`]) > 0)
      if (at < 0) continue
      const name = some[at]?.name === 'millrace_label' ? 'its label' : `its input ${some[at]?.name}`
      throw fail(
        'numberTooLarge',
        { model: model.name, input: name, rows: Number(row?.[`n${at}`]), value: String(row?.[`most${at}`]) },
        error,
      )
    }
    throw error
  }
}

/** Columns in lists for a table each: all in one where there are few, else `first` in the first. */
function columnGroups(
  dialect: Dialect,
  first: ReadonlySet<string>,
  all: ReadonlySet<string>,
): readonly (readonly string[])[] {
  if (all.size <= columnsAtOnce || !dialect.sideBySide) return [[...all]]
  const others = [...all].filter(name => !first.has(name))
  return [
    [...first],
    ...Array.from({ length: Math.ceil(others.length / columnsAtOnce) }, (_, i) =>
      others.slice(i * columnsAtOnce, (i + 1) * columnsAtOnce),
    ),
  ]
}

/** Only rows of which that is true. Of a row with several versions all stay: one may say that it is another row's time now. */
export function within({ sql, versions }: DatasetRows, condition: string): DatasetRows {
  return {
    sql: `SELECT * FROM (${sql}) WHERE ${condition}`,
    ...(versions === undefined
      ? {}
      : { versions: `SELECT * FROM (${versions}) WHERE (${condition}) OR ${versionColumns.row} IS NOT NULL` }),
  }
}

/** After everything that is known: the moment of rows that have none, whose features are those of dimensions. */
const afterAll = 2 ** 53 - 1

/** SELECT of the moments of a view, with its keys under their own names, of rows that have them where its role says. */
export function momentsSql(
  { asks }: Pick<ViewPlan, 'asks'>,
  from: string,
  dialect: Dialect,
  at = 'millrace_at',
): string {
  const keys = asks.map(({ key, column }) => `${dialect.identifier(column)} AS ${dialect.identifier(key)}`)
  return `SELECT ${[...keys, 'millrace_ordinal', `${at} AS millrace_at`].join(', ')} FROM ${from}`
}

/**
 * Builds the training frame of a model from the snapshots of its datasets (SELECTs by dataset name) and writes it as
 * Parquet: `millrace_at` (where there are event times), `millrace_split` ('train' | 'test'), `millrace_label`, for several
 * classes `millrace_class`, where rows have weights `millrace_weight`, and the inputs as float32 or text, in order of time, or
 * of arrival. A row sees only what was known at its event; a label counts only if it was known at the end of the span. `judge` gets the
 * vectors of each view: a SELECT of its key columns and features, a row each of the frame.
 */
export async function buildFrame(
  engine: DataEngine,
  model: Model,
  snapshots: ReadonlyMap<string, string | DatasetRows>,
  path: string,
  given?: Spans,
  judge?: (view: FeatureView, vectors: string) => Promise<void>,
): Promise<FrameSummary> {
  const { dialect } = engine
  const { sql: events } = datasetRows(snapshots.get(model.from.name) as string | DatasetRows)
  const spans = given ?? (await spansOf(engine, model, events))
  const event = eventSql(model, dialect)
  const plans = model.views.map(planView)
  const { conditions, values } = testColumns(model.tests)
  const nodes = [
    ...model.inputs.map(input => input.node),
    ...conditions.map(one => one.where),
    ...values.map(one => one.node),
    model.label,
    ...(model.weight ? [model.weight] : []),
  ]
  const columnsIn = (some: readonly Node[]) => some.flatMap(columnsOf).filter(name => !name.includes('.'))
  const keyColumns = plans.flatMap(plan => plan.asks.map(({ column }) => column))
  // what is asked of the rows before the frame is written stands in one table
  const first = new Set([...keyColumns, ...columnsIn([model.label, ...(model.weight ? [model.weight] : [])])])
  const groups = columnGroups(dialect, first, new Set([...columnsIn(nodes), ...keyColumns]))
  const { inSpans, labelled } = rowConditions(model, dialect, spans)
  const rows = `SELECT *${event === undefined ? '' : `, CAST(${event} AS DOUBLE) AS millrace_at`} FROM (${events}) WHERE ${inSpans} AND ${labelled}`
  const order = event === undefined ? 'millrace_seq' : 'millrace_at, millrace_seq'
  const kept = [
    ...(event === undefined ? [] : ['millrace_at']),
    'millrace_split',
    ...(model.folds ? ['millrace_fold'] : []),
    ...(groups[0] as readonly string[]).map(dialect.identifier),
  ]
  const truthSql = toSql(model.label, dialect)
  const parted = withParts(model.split, rows, truthSql, dialect, spans)
  await engine.execute(
    `CREATE OR REPLACE TABLE frame_rows AS SELECT row_number() OVER (ORDER BY ${order}) - 1 AS millrace_ordinal, ${kept.join(', ')}
     FROM (${model.folds ? withFolds(model.folds, parted, truthSql, dialect) : parted}) WHERE millrace_split IS NOT NULL${
       // others stand beside it by their place alone
       groups.length > 1 ? ' ORDER BY millrace_ordinal' : ''
     }`,
  )
  const beside = groups.slice(1).map((columns, i) => ({ table: `frame_columns_${i}`, columns }))
  for (const { table, columns } of beside)
    await engine.execute(
      `CREATE OR REPLACE TABLE ${table} AS SELECT ${columns.map(dialect.identifier).join(', ')}
       FROM (${parted}) WHERE millrace_split IS NOT NULL ORDER BY ${order}`,
    )
  const [counts] = await engine.rows(
    `SELECT (SELECT count(*) FROM frame_rows) AS rows, (SELECT count(*) FROM (${events}) WHERE ${inSpans} AND NOT coalesce(${labelled}, false)) AS unlabelled, (SELECT count(*) FROM frame_rows WHERE millrace_split = 'test') AS test`,
  )
  const total = Number(counts?.rows)
  const test = Number(counts?.test)
  if (total === 0 || test === 0 || test === total) throw nothingIn(model, spans, total)
  if (model.folds) await checkFolds(engine, model, model.folds)
  const truth = await truthOf(engine, model, 'frame_rows')

  const tables: FeatureTable[] = []
  for (const plan of plans) {
    const source = snapshots.get(plan.view.from.name) as string | DatasetRows
    const reach = Math.max(plan.horizon, plan.view.ttl ?? 0)
    const viewEvent = eventMicros(plan, dialect)
    const near =
      spans && Number.isFinite(reach)
        ? within(datasetRows(source), `${viewEvent} >= ${spans.from - reach} AND ${viewEvent} < ${spans.until}`)
        : source
    const labels = momentsSql(plan, 'frame_rows', dialect, event === undefined ? `${afterAll}` : undefined)
    const table = await featureTable(engine, plan, near, labels)
    tables.push(table)
    const keys = plan.asks.map(({ key }) => dialect.identifier(key))
    const columns = [...keys, ...vectorColumns(plan, dialect)].join(', ')
    await judge?.(plan.view, `SELECT ${columns} FROM (${labels}) JOIN (${table.sql}) USING (millrace_ordinal)`)
  }
  const reach = featureColumns(plans, dialect)
  const plain = (name: string, sql: string) => ({ name, sql, float32: false })
  const input = (name: string, node: Node) => {
    const sql = toSql(node, dialect, reach)
    return { name, sql: node.type === 'bool' ? dialect.cast(sql, 'int') : sql, float32: node.type !== 'text' }
  }
  await writeFrame(
    engine,
    model,
    [
      ...(event === undefined ? [] : [plain('millrace_at', 'millrace_at')]),
      plain('millrace_split', 'millrace_split'),
      ...(model.folds ? [plain('millrace_fold', 'millrace_fold')] : []),
      { name: 'millrace_label', sql: truth.label, float32: true },
      ...(truth.className === undefined ? [] : [plain('millrace_class', toSql(model.label, dialect))]),
      ...(truth.weight === undefined ? [] : [plain('millrace_weight', dialect.cast(truth.weight, 'float'))]),
      ...model.inputs.map(({ name, node }) => input(name, node)),
      ...conditions.map(({ name, where }) =>
        plain(`slice:${name}`, `coalesce(${toSql(where, dialect, reach)}, false)`),
      ),
      ...values.map(({ name, node }) => input(`slice:${name}`, node)),
    ],
    {
      from: `FROM ${sideBySide(dialect, ['frame_rows', ...beside.map(one => one.table)])} ${tables.map(({ sql }, i) => `JOIN (${sql}) features${i} USING (millrace_ordinal)`).join(' ')}`,
      // tables that nothing is joined to come in their order: to sort ten thousand columns takes as much memory again
      isInOrder: beside.length > 0 && tables.length === 0,
    },
    path,
  )
  for (const table of tables) await table.drop()
  for (const { table } of beside) await engine.execute(`DROP TABLE ${table}`)
  await engine.execute('DROP TABLE frame_rows; DROP TABLE IF EXISTS frame_classes')
  return {
    ...(model.split.by === 'time' ? spans : {}),
    train: total - test,
    test,
    unlabelled: Number(counts?.unlabelled),
    ...(truth.classes.length > 0 ? { classes: truth.classes } : {}),
    ...(truth.trained ? { trained: truth.trained } : {}),
  }
}
