import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { rowColumn, type ColumnType } from '../../../ports/data-engine.ts'
import { fail } from '../../../errors/index.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, numberedIn, scopeOf, type RuleContext, type RuleOutcome, isMissing, withNulls } from './context.ts'

type OrderRule = Extract<RowRule, { by: 'order' }>

/** SQL that is true where a value does not follow on from the one before. */
function breaks(
  rule: OrderRule,
  value: string,
  before: string,
  epoch: (sql: string) => string,
  subtract: (a: string, b: string) => string,
): string {
  const { min, max, strict } = rule.step
  // comparing the values themselves keeps int64 and times exact; only gaps need a difference
  if (min === 0) return `${value} ${strict ? '<=' : '<'} ${before}`
  if (max === 0) return `${value} ${strict ? '>=' : '>'} ${before}`
  // a gap beyond 64 bits is wider than any step
  const gap = subtract(epoch(value), epoch(before))
  return [min === undefined ? [] : [`${gap} < ${min}`], max === undefined ? [] : [`coalesce(${gap} > ${max}, true)`]]
    .flat()
    .join(' OR ')
}

/**
 * What is known of a column in the order of its own values: nothing can break the rule (`holds`), or equal values cannot,
 * so that the first row of each different value speaks for all. Undefined where that is not so. Infinite floats have no step.
 */
function ofItself(rule: OrderRule, type: ColumnType | undefined): 'holds' | 'different' | undefined {
  if (rule.of !== rule.orderBy || type === 'float') return undefined
  const { min, max, strict } = rule.step
  const equalBreak = min === 0 || max === 0 ? strict === true : (min ?? 0) > 0 || (max ?? 0) < 0
  if (equalBreak) return undefined
  return min === 0 || (max === undefined && (min ?? 0) <= 0) ? 'holds' : 'different'
}

/**
 * Rows that are equal in what they are ordered by follow on in the order in which they arrived. Where the engine does not tell
 * that, their values have to be the same, and their order tells nothing. Throws `engineCannot`.
 */
async function requireNoTies({ engine }: RuleContext, rule: OrderRule, rows: string): Promise<void> {
  const { dialect } = engine
  const of = dialect.identifier(rule.of)
  const by = [...rule.within, rule.orderBy].map(dialect.identifier).join(', ')
  const ties = await engine.rows(`SELECT 1 AS tie FROM ${rows} GROUP BY ${by} HAVING min(${of}) <> max(${of}) LIMIT 1`)
  if (ties.length > 0)
    throw fail('engineCannot', {
      engine: dialect.name,
      what: `an order by ${rule.orderBy}`,
      reason: `rows with the same ${rule.orderBy} differ in ${rule.of}, and this server does not tell which of them came first`,
    })
}

/** Rows whose value does not follow on from that of the row before; nulls are skipped over. */
export async function orderRule(context: RuleContext, spec: ExpectationSpec, rule: OrderRule): Promise<RuleOutcome> {
  const { engine, found, dataset } = context
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const of = dialect.identifier(rule.of)
  const orderBy = dialect.identifier(rule.orderBy)
  const isTime = dataset.columns[rule.of]?.type === 'timestamp'
  const when = isTrue(spec.when, dialect)
  const within = rule.within.length === 0 ? '' : `PARTITION BY ${rule.within.map(dialect.identifier).join(', ')} `
  const known = `${of} IS NOT NULL AND ${orderBy} IS NOT NULL`
  const nonFinite = dataset.columns[rule.of]?.type === 'float' ? (spec.nonFinite ?? 'bad') : 'allow'
  // NaN and infinities stand in no order: they are bad or left out, and the rows beside them are compared
  const ordered = nonFinite === 'allow' ? known : `${known} AND ${dialect.isFinite(of)}`
  const judged = nonFinite === 'null' ? ordered : known
  const applies = when ? `${when} AND ` : ''
  const byItself = ofItself(rule, dataset.columns[rule.of]?.type)
  const rows = `(${found.numbered}) WHERE ${applies}${ordered}`
  const different = [...rule.within.map(dialect.identifier), of].join(', ')
  const from = byItself ? `(SELECT ${different}, min(${row}) AS ${row} FROM ${rows} GROUP BY ${different})` : rows
  const before = `lag(${of}) OVER (${within}ORDER BY ${orderBy}, ${row})`
  const chain = `SELECT ${row}, ${of}, ${before} AS millrace_before FROM ${from}${byItself === 'holds' ? ' LIMIT 0' : ''}`
  const broken = breaks(
    rule,
    of,
    'millrace_before',
    sql => (isTime ? dialect.epochMicros(sql) : sql),
    dialect.whole.subtract,
  )
  if (found.source.unplaced && !byItself) await requireNoTies(context, rule, rows)
  const table = badTable()
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT ${row} FROM (${chain}) WHERE millrace_before IS NOT NULL AND (${broken})`,
  )
  if (nonFinite === 'bad')
    await engine.execute(
      `INSERT INTO ${table} SELECT ${row} FROM (${found.numbered}) WHERE ${applies}${known} AND NOT ${dialect.isFinite(of)}`,
    )
  const [counted] = await engine.rows(
    `SELECT (SELECT count(*) FROM ${table}) AS bad, (SELECT count(*) FROM (${found.sql}) WHERE ${applies}${judged}) AS evaluated`,
  )
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const bad = Number(counted?.bad)
  const evaluated = Number(counted?.evaluated)
  const missing = [isMissing(of), isMissing(orderBy), ...(nonFinite === 'null' ? [`NOT ${dialect.isFinite(of)}`] : [])]
  const outcome: RuleOutcome = {
    counts: { bad, evaluated, excludedNull: inside - evaluated, excludedFilter },
    bad: bad === 0 ? undefined : numberedIn(engine, table),
    numbers: table,
    tables: [table],
  }
  return withNulls(context, spec, outcome, missing)
}
