import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, type RuleContext, type RuleOutcome } from './context.ts'

type GroupRule = Extract<RowRule, { by: 'group' }>

const and = (conditions: readonly (string | undefined)[]): string =>
  conditions.filter(one => one !== undefined && one !== '').join(' AND ') || 'true'

/**
 * Rows that are not alone in their group. Groups are found by a 64-bit hash first; only the few rows that share one are
 * compared by value, so the verdict is exact and the pass over all rows stays narrow.
 */
export async function groupRule(context: RuleContext, spec: ExpectationSpec, rule: GroupRule): Promise<RuleOutcome> {
  const { engine, found } = context
  const { dialect } = engine
  const except = new Set(rule.except ?? [])
  const names = rule.over.length > 0 ? rule.over : [...found.usable].filter(name => !except.has(name))
  const over = names.map(dialect.identifier)
  const row = dialect.identifier(rowColumn)
  const when = isTrue(spec.when, dialect)
  const known = over.map(column => `${column} IS NOT NULL`).join(' AND ')
  const unknown = `(${over.map(column => `${column} IS NULL`).join(' OR ')})`
  const grouped = and([when, rule.nulls === 'equal' && !rule.nullsBad ? undefined : known])
  const hash = dialect.rowHash(over)
  const alike = rule.conflicting ? `count(DISTINCT ${dialect.identifier(rule.conflicting)}) > 1` : 'count(*) > 1'
  const suspects = rule.conflicting
    ? undefined
    : `${hash} IN (SELECT h FROM (SELECT ${hash} AS h FROM (${found.sql}) WHERE ${grouped}) GROUP BY h HAVING count(*) > 1)`
  const groups = `SELECT ${over.join(', ')}, min(${row}) AS millrace_first FROM (${found.numbered}) WHERE ${and([grouped, suspects])} GROUP BY ${over.join(', ')} HAVING ${alike}`
  const same = over.map(column => `r.${column} IS NOT DISTINCT FROM g.${column}`).join(' AND ')
  const spare = rule.spare === 'first' ? ` AND r.${row} <> g.millrace_first` : ''
  const table = badTable(engine)
  await engine.execute(`CREATE TABLE ${table} (${row} BIGINT, millrace_group BIGINT)`)
  const numberedGroups = `SELECT *, row_number() OVER () AS millrace_group FROM (${groups})`
  await engine.execute(
    `INSERT INTO ${table} SELECT r.${row}, g.millrace_group FROM (SELECT * FROM (${found.numbered}) WHERE ${and([grouped, suspects])}) r JOIN (${numberedGroups}) g ON ${same}${spare}`,
  )
  if (rule.nullsBad)
    await engine.execute(
      `INSERT INTO ${table} SELECT ${row}, NULL FROM (${found.numbered}) WHERE ${and([when, unknown])}`,
    )
  const [counted] = await engine.rows(
    `SELECT count(*) AS bad, count(DISTINCT millrace_group) AS shared, count(*) FILTER (WHERE millrace_group IS NULL) AS unknown FROM ${table}`,
  )
  const bad = Number(counted?.bad)
  const applies = await context.measure({ fn: 'rows', ...(spec.when ? { where: spec.when } : {}) })
  const all = await context.measure({ fn: 'rows' })
  const left = rule.nulls === 'ignore' ? await nullRows(context, and([when, unknown])) : 0
  const evaluated = applies - left
  const alone = rule.spare === 'first' ? evaluated - bad : evaluated - bad + Number(counted?.shared)
  return {
    counts: {
      bad,
      evaluated,
      excludedNull: left,
      excludedFilter: all - applies,
      observed: rule.conflicting
        ? { groups: Number(counted?.shared) }
        : { distinctKeys: alone, groups: Number(counted?.shared) },
    },
    bad: bad === 0 ? undefined : `${row} IN (SELECT ${row} FROM ${table})`,
    table,
  }
}

async function nullRows({ engine, found }: RuleContext, where: string): Promise<number> {
  const [row] = await engine.rows(`SELECT count(*) AS n FROM (${found.sql}) WHERE ${where}`)
  return Number(row?.n ?? 0)
}
