import { toSql } from '../../define/expression/index.ts'
import type { Model } from '../../define/model.ts'
import { fail } from '../../errors/index.ts'
import { isClassification } from '../../math/task.ts'
import type { DataEngine, Dialect, Row } from '../../ports/data-engine.ts'

/** Most classes of a label. One with more is a name of each row rather than a class. */
const maxClasses = 10_000

/** What a label is, and what a row with it counts. */
export interface Truth {
  /** Names of the classes in the order of their numbers; none where the task has no such. */
  readonly classes: readonly string[]
  /** Those of the training rows, in no order; of tasks with classes. */
  readonly trained?: readonly string[]
  /** SQL of the label as a number. */
  readonly label: string
  /** SQL of the label as the name of its class; undefined where it has none. */
  readonly className: string | undefined
  /** SQL of the row's weight; undefined where all count the same. */
  readonly weight: string | undefined
}

const numeric = (model: Model): boolean => model.label.type === 'int'

/** Names of the classes: numbers in their order, texts by their code units. */
async function classesOf(engine: DataEngine, model: Model, rows: string, name: string): Promise<readonly string[]> {
  const found = await engine.rows(`SELECT DISTINCT ${name} AS class FROM ${rows} LIMIT ${maxClasses + 1}`)
  const classes = found.map(row => String(row.class))
  if (classes.length > maxClasses)
    throw fail('labelClasses', {
      model: model.name,
      reason: `its label has more than ${maxClasses.toLocaleString('en-US')} different values, which is no class but a name of each row`,
    })
  return numeric(model)
    ? classes.sort((a, b) => Number(a) - Number(b))
    : classes.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0))
}

/** `'balanced'`: as much for each class as for each other, and 1 on average. */
function classWeightSql(
  { name, classWeights }: Model,
  counts: readonly Row[],
  className: string,
  dialect: Dialect,
): string | undefined {
  if (classWeights === undefined) return undefined
  const known = new Map(counts.map(row => [String(row.class), Number(row.train)]))
  const rows = [...known.values()].reduce((sum, one) => sum + one, 0)
  const present = [...known].filter(([, train]) => train > 0)
  const stranger = classWeights === 'balanced' ? undefined : Object.keys(classWeights).find(one => !known.has(one))
  if (stranger !== undefined)
    throw fail('labelClasses', {
      model: name,
      reason: `classWeights names the class '${stranger}', which no row has: ${[...known.keys()].sort().slice(0, 20).join(', ')}`,
    })
  const weights =
    classWeights === 'balanced'
      ? present.map(([one, train]) => [one, rows / (present.length * train)] as const)
      : Object.entries(classWeights)
  const cases = weights.map(
    ([one, weight]) => `WHEN ${dialect.literal(one, 'text')} THEN ${dialect.literal(weight, 'float')}`,
  )
  return `CASE ${className} ${cases.join(' ')} ELSE 1 END`
}

/** Refuses weights that are none: missing, below 0, not finite. */
async function checkWeights(engine: DataEngine, model: Model, rows: string, weight: string): Promise<void> {
  const bad = `(${weight}) IS NULL OR NOT ${engine.dialect.isFinite(weight)} OR (${weight}) < 0`
  const [found] = await engine.rows(
    `SELECT count(*) FILTER (WHERE ${bad}) AS bad, sum(${weight}) FILTER (WHERE NOT (${bad}) AND millrace_split = 'train') AS total FROM ${rows}`,
  )
  if (Number(found?.bad) > 0)
    throw fail('weightInvalid', {
      model: model.name,
      reason: `${Number(found?.bad).toLocaleString('en-US')} rows have none that is a number of 0 or more`,
    })
  if (!(Number(found?.total) > 0))
    throw fail('weightInvalid', { model: model.name, reason: 'the training rows count nothing: all are 0' })
}

/** What the label of the rows of `table` is; they have `millrace_split`. */
export async function truthOf(engine: DataEngine, model: Model, table: string): Promise<Truth> {
  const { dialect } = engine
  const sql = toSql(model.label, dialect)
  const own = model.weight && dialect.cast(toSql(model.weight, dialect), 'float')
  if (own !== undefined) await checkWeights(engine, model, table, own)
  if (!isClassification(model.task)) {
    if (model.task === 'count') {
      const [row] = await engine.rows(`SELECT count(*) AS n FROM ${table} WHERE (${sql}) < 0`)
      if (Number(row?.n) > 0)
        throw fail('labelClasses', {
          model: model.name,
          reason: `${Number(row?.n)} of its labels are below 0, which no count is`,
        })
    }
    return { classes: [], label: sql, className: undefined, weight: own }
  }
  const className = dialect.cast(sql, 'text')
  const names = await classesOf(engine, model, table, className)
  const counts = await engine.rows(
    `SELECT ${className} AS class, count(*) FILTER (WHERE millrace_split = 'train') AS train FROM ${table} GROUP BY 1`,
  )
  const trained = counts.flatMap(row => (Number(row.train) > 0 ? [String(row.class)] : []))
  const byClass = classWeightSql(model, counts, className, dialect)
  const weight =
    byClass === undefined ? own : `${own ?? '1.0'} * CASE WHEN millrace_split = 'train' THEN ${byClass} ELSE 1 END`
  if (model.task === 'binary')
    return { classes: [], trained, label: dialect.cast(sql, 'int'), className: undefined, weight }
  // Named so that no column of a dataset hides them
  await engine.load('frame_classes', [
    { name: 'millrace_class', type: 'text', values: names },
    { name: 'millrace_place', type: 'float', values: Float64Array.from(names, (_, i) => i) },
  ])
  return {
    classes: names,
    trained,
    label: `(SELECT millrace_place FROM frame_classes WHERE millrace_class = ${className})`,
    className,
    weight,
  }
}
