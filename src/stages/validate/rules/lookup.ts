import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import {
  badTable,
  numberedIn,
  Unavailable,
  scopeOf,
  type RuleContext,
  type RuleOutcome,
  isMissing,
  withNulls,
} from './context.ts'

type LookupRule = Extract<RowRule, { by: 'lookup' }>

/** Rows whose values are absent from, or present in, another relation. */
export async function lookupRule(context: RuleContext, spec: ExpectationSpec, rule: LookupRule): Promise<RuleOutcome> {
  const { engine, found } = context
  const { dialect } = engine
  const other = await context.reference(rule.in)
  if (other === undefined) throw new Unavailable('there is nothing to look its values up in')
  const row = dialect.identifier(rowColumn)
  const columns = rule.columns.map(dialect.identifier)
  const theirs = rule.inColumns.map(dialect.identifier)
  const when = isTrue(spec.when, dialect)
  const known = columns.map(column => `${column} IS NOT NULL`).join(' AND ')
  const where = `${when ? `${when} AND ` : ''}${known}`
  const same = columns.map((column, i) => `mine.${column} = theirs.k${i}`).join(' AND ')
  const keys = `SELECT DISTINCT ${theirs.map((column, i) => `${column} AS k${i}`).join(', ')} FROM (${other})`
  const join = rule.bad === 'absent' ? 'NOT EXISTS' : 'EXISTS'
  const table = badTable()
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT mine.${row} FROM (SELECT ${row}, ${columns.join(', ')} FROM (${found.numbered}) WHERE ${where}) mine WHERE ${join} (SELECT 1 FROM (${keys}) theirs WHERE ${same})`,
  )
  const [counted] = await engine.rows(
    `SELECT (SELECT count(*) FROM ${table}) AS bad, (SELECT count(*) FROM (${found.sql}) WHERE ${where}) AS evaluated`,
  )
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const evaluated = Number(counted?.evaluated)
  const bad = Number(counted?.bad)
  const outcome: RuleOutcome = {
    counts: { bad, evaluated, excludedNull: inside - evaluated, excludedFilter },
    bad: bad === 0 ? undefined : numberedIn(engine, table),
    numbers: table,
    tables: [table],
  }
  return withNulls(context, spec, outcome, columns.map(isMissing))
}
