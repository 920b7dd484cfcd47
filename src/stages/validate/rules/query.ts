import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { toSql } from '../../../define/expression/index.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, numberedIn, scopeOf, type RuleContext, type RuleOutcome } from './context.ts'

type QueryRule = Extract<RowRule, { by: 'query' }>

/**
 * Runs a user's query over `rows`. Each row that it gives is a failure; where the result keeps the rows' numbers (as
 * `SELECT *` does) the failing rows themselves are known, otherwise only how many there are.
 */
export async function queryRule(context: RuleContext, spec: ExpectationSpec, rule: QueryRule): Promise<RuleOutcome> {
  const { engine, found } = context
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const when = isTrue(spec.when, dialect)
  const text = rule.parts.map(part => (typeof part === 'string' ? part : toSql(part, dialect))).join('')
  const table = badTable(engine)
  const rows = `SELECT * FROM (${found.numbered})${when ? ` WHERE ${when}` : ''}`
  await engine.execute(
    `CREATE TABLE ${table} AS WITH rows AS (${rows}) SELECT * FROM (${text.trim().replace(/;$/, '')})`,
  )
  const columns = await engine.describe({ sql: table, label: 'failures' })
  const places = columns.some(column => column.name === rowColumn)
  const [counted] = await engine.rows(`SELECT ${places ? `count(DISTINCT ${row})` : 'count(*)'} AS bad FROM ${table}`)
  const bad = Number(counted?.bad)
  const { inside, excludedFilter } = await scopeOf(context, spec)
  return {
    counts: { bad, evaluated: inside, excludedNull: 0, excludedFilter },
    bad: bad === 0 || !places ? undefined : numberedIn(engine, table),
    table,
  }
}
