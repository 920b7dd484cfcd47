import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { toSql } from '../../../define/expression/index.ts'
import { fail, isMillraceError } from '../../../errors/index.ts'
import { rowColumn, type DataEngine } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, numberedIn, scopeOf, type RuleContext, type RuleOutcome } from './context.ts'

type QueryRule = Extract<RowRule, { by: 'query' }>

/** Most rows that a query may give: a join of the rows with themselves would fill the disk. */
const maxFor = (rows: number): number => 2 * rows + 1_000_000

/** What the engine says of a user's query, whatever it blames, is the query's fault: the others read the same source. */
async function asOwnFault(spec: ExpectationSpec, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!isMillraceError(error) || error.code === 'MR2003') throw error
    throw fail('userQueryRefused', { check: spec.says, reason: String(error.details.reason ?? error.message) }, error)
  }
}

/** How many failures a table holds, and whether they are rows of the dataset. */
async function countFailures(engine: DataEngine, table: string) {
  const row = engine.dialect.identifier(rowColumn)
  const columns = await engine.describe({ sql: table, label: 'failures' })
  const places = columns.some(column => column.name === rowColumn && column.type === 'int')
  // a row without a number, as an outer join gives, is a failure that is no row of the dataset
  const each = places ? `count(DISTINCT ${row}) + count(*) - count(${row})` : 'count(*)'
  const [counted] = await engine.rows(`SELECT ${each} AS bad, count(*) AS given FROM ${table}`)
  return { bad: Number(counted?.bad), given: Number(counted?.given), places }
}

/**
 * Runs a user's query over `rows`. Each row that it gives is a failure; where the result keeps the rows' numbers (as
 * `SELECT *` does) the failing rows themselves are known, otherwise only how many there are.
 */
export async function queryRule(context: RuleContext, spec: ExpectationSpec, rule: QueryRule): Promise<RuleOutcome> {
  const { engine, found } = context
  const { dialect } = engine
  const when = isTrue(spec.when, dialect)
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const text = rule.parts.map(part => (typeof part === 'string' ? part : toSql(part, dialect))).join('')
  const refused = await engine.refusal(text, 'rows')
  if (refused !== undefined) throw fail('userQueryRefused', { check: spec.says, reason: refused })
  const table = badTable()
  const rows = `SELECT * FROM (${found.numbered})${when ? ` WHERE ${when}` : ''}`
  const most = maxFor(inside)
  // a comment at its end goes no further than its line
  const query = `(${text.trim().replace(/;$/, '')}\n)`
  await asOwnFault(spec, () =>
    engine.execute(`CREATE TABLE ${table} AS WITH rows AS (${rows}) SELECT * FROM ${query} LIMIT ${most + 1}`, rule),
  )
  const { bad, given, places } = await countFailures(engine, table)
  if (given > most) {
    await engine.execute(`DROP TABLE ${table}`)
    throw fail('userQueryRefused', {
      check: spec.says,
      reason: `it gives more than ${most.toLocaleString('en-US')} rows for the ${inside.toLocaleString('en-US')} it looks at`,
    })
  }
  return {
    counts: { bad, evaluated: inside, excludedNull: 0, excludedFilter },
    bad: bad === 0 || !places ? undefined : numberedIn(engine, table),
    tables: [table],
  }
}
