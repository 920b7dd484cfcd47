import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, numberedIn, scopeOf, type RuleContext, type RuleOutcome } from './context.ts'

type GroupRule = Extract<RowRule, { by: 'group' }>

const and = (conditions: readonly (string | undefined)[]): string =>
  conditions.filter(one => one !== undefined && one !== '').join(' AND ') || 'true'

/** Hashes that more than one row has: few, or none. */
async function sharedHashes({ engine }: RuleContext, hash: string, rows: string, where: string, table: string) {
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT h FROM (SELECT ${hash} AS h FROM (${rows}) WHERE ${where}) GROUP BY h HAVING count(*) > 1`,
  )
  const [row] = await engine.rows(`SELECT count(*) AS n FROM ${table}`)
  return Number(row?.n)
}

/**
 * Rows that are not alone in their group. One pass finds the 64-bit hashes that several rows share; only where there are
 * some, a second takes out those rows, which are then compared by value. So the verdict is exact and the passes are narrow.
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
  const hashes = badTable(engine)
  const suspects = badTable(engine)
  const table = badTable(engine)
  try {
    await engine.execute(`CREATE TABLE ${table} (${row} BIGINT, millrace_group BIGINT)`)
    if ((await sharedHashes(context, hash, found.sql, grouped, hashes)) > 0) {
      const label = rule.conflicting ? [dialect.identifier(rule.conflicting)] : []
      const columns = [...new Set([...over, ...label])].join(', ')
      await engine.execute(
        `CREATE TABLE ${suspects} AS SELECT ${row}, ${columns} FROM (${found.numbered}) WHERE ${and([grouped, `${hash} IN (SELECT h FROM ${hashes})`])}`,
      )
      const alike = label.length > 0 ? `count(DISTINCT ${label[0]}) > 1` : 'count(*) > 1'
      const groups = `SELECT *, row_number() OVER () AS millrace_group FROM (SELECT ${over.join(', ')}, min(${row}) AS millrace_first FROM ${suspects} GROUP BY ${over.join(', ')} HAVING ${alike})`
      const same = over.map(column => `r.${column} IS NOT DISTINCT FROM g.${column}`).join(' AND ')
      const spare = rule.spare === 'first' ? ` AND r.${row} <> g.millrace_first` : ''
      await engine.execute(
        `INSERT INTO ${table} SELECT r.${row}, g.millrace_group FROM ${suspects} r JOIN (${groups}) g ON ${same}${spare}`,
      )
    }
    if (rule.nullsBad)
      await engine.execute(
        `INSERT INTO ${table} SELECT ${row}, NULL FROM (${found.numbered}) WHERE ${and([when, unknown])}`,
      )
  } finally {
    await engine.execute(`DROP TABLE IF EXISTS ${hashes}; DROP TABLE IF EXISTS ${suspects}`)
  }
  const [counted] = await engine.rows(`SELECT count(*) AS bad, count(DISTINCT millrace_group) AS shared FROM ${table}`)
  const bad = Number(counted?.bad)
  const shared = Number(counted?.shared)
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const left = rule.nulls === 'ignore' ? await nullRows(context, and([when, unknown])) : 0
  const evaluated = inside - left
  const different = rule.spare === 'first' ? evaluated - bad : evaluated - bad + shared
  return {
    counts: {
      bad,
      evaluated,
      excludedNull: left,
      excludedFilter,
      observed: rule.conflicting ? { groups: shared } : { distinctKeys: different, groups: shared },
    },
    bad: bad === 0 ? undefined : numberedIn(engine, table),
    table,
  }
}

async function nullRows({ engine, found }: RuleContext, where: string): Promise<number> {
  const [row] = await engine.rows(`SELECT count(*) AS n FROM (${found.sql}) WHERE ${where}`)
  return Number(row?.n ?? 0)
}
