import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, numberedIn, scopeOf, type RuleContext, type RuleOutcome } from './context.ts'

type OrderRule = Extract<RowRule, { by: 'order' }>

/** SQL that is true where a value does not follow on from the one before. */
function breaks(rule: OrderRule, value: string, before: string, epoch: (sql: string) => string): string {
  const { min, max, strict } = rule.step
  // comparing the values themselves keeps int64 and times exact; only gaps need a difference
  if (min === 0) return `${value} ${strict ? '<=' : '<'} ${before}`
  if (max === 0) return `${value} ${strict ? '>=' : '>'} ${before}`
  const gap = `(${epoch(value)} - ${epoch(before)})`
  return [min === undefined ? [] : [`${gap} < ${min}`], max === undefined ? [] : [`${gap} > ${max}`]]
    .flat()
    .join(' OR ')
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
  const applies = when ? `${when} AND ` : ''
  const before = `lag(${of}) OVER (${within}ORDER BY ${orderBy}, ${row})`
  const chain = `SELECT ${row}, ${of}, ${before} AS millrace_before FROM (${found.numbered}) WHERE ${applies}${known}`
  const broken = breaks(rule, of, 'millrace_before', sql => (isTime ? dialect.epochMicros(sql) : sql))
  const table = badTable(engine)
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT ${row} FROM (${chain}) WHERE millrace_before IS NOT NULL AND (${broken})`,
  )
  const [counted] = await engine.rows(
    `SELECT (SELECT count(*) FROM ${table}) AS bad, (SELECT count(*) FROM (${found.sql}) WHERE ${applies}${known}) AS evaluated`,
  )
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const bad = Number(counted?.bad)
  const evaluated = Number(counted?.evaluated)
  return {
    counts: { bad, evaluated, excludedNull: inside - evaluated, excludedFilter },
    bad: bad === 0 ? undefined : numberedIn(engine, table),
    table,
  }
}
