import type { Dataset } from '../../../define/dataset.ts'
import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import type { RowsMetric } from '../../../define/expectation/metric.ts'
import { conjunction, inPairs } from '../../../define/expectation/where.ts'
import type { Node } from '../../../define/expression/node.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, numberedIn, scopeOf, type RuleContext, type RuleOutcome } from './context.ts'
import { maxSuspects, mayRepeat } from './repeats.ts'
import { keyOf } from './shared-keys.ts'

type GroupRule = Extract<RowRule, { by: 'group' }>

const and = (conditions: readonly (string | undefined)[]): string =>
  conditions.filter(one => one !== undefined && one !== '').join(' AND ') || 'true'

/** Where more of the rows than this may be alike, taking them out first costs more than it saves. */
export const fewSuspects = 1 / 4

/**
 * Makes a table of the hashes that several rows may have, among them all that several have. Gives how many; undefined, and no
 * table, where they are many.
 */
async function suspectHashes(
  context: RuleContext,
  hash: string,
  where: string,
  table: string,
): Promise<number | undefined> {
  const { engine, found } = context
  const hashes = `SELECT ${hash} AS h FROM (${found.sql}) WHERE ${where}`
  const rows = await context.measure({ fn: 'rows' })
  // to have every hash sent here would cost more than to have them grouped there
  if (engine.remote) return undefined
  const suspects = await mayRepeat(engine, hashes, rows, Math.min(maxSuspects, Math.ceil(rows * fewSuspects)))
  if (suspects !== undefined && suspects.length > 0)
    await engine.load(table, [{ name: 'h', type: 'int', values: suspects }])
  return suspects?.length
}

/**
 * Rows that are not alone in their group. One pass finds the 64-bit hashes that several rows may share; only where there are
 * some, a second takes out those rows, which are then compared by value. So the verdict is exact and the passes are narrow.
 * Which rows they are is found when it is asked for: a check that passes needs their number alone. Where several rules ask for
 * much the same columns, the two passes are made for all of them at once.
 */
export async function groupRule(context: RuleContext, spec: ExpectationSpec, rule: GroupRule): Promise<RuleOutcome> {
  const { engine, found } = context
  const { dialect } = engine
  const over = keyOf(rule, found).map(dialect.identifier)
  const row = dialect.identifier(rowColumn)
  const when = isTrue(spec.when, dialect)
  const known = over.map(column => `${column} IS NOT NULL`).join(' AND ')
  const unknown = `(${over.map(column => `${column} IS NULL`).join(' OR ')})`
  const grouped = and([when, rule.nulls === 'equal' && !rule.nullsBad ? undefined : known])
  const hash = dialect.rowHash(over)
  const narrowed = await context.keys?.rowsOf(spec, await context.measure({ fn: 'rows' }))
  const hashes = badTable()
  const taken = badTable()
  let suspects = narrowed === undefined ? taken : `(SELECT * FROM ${narrowed} WHERE ${grouped})`
  const groups = badTable()
  const table = badTable()
  let bad = 0
  let shared = 0
  try {
    const many = narrowed === undefined ? await suspectHashes(context, hash, grouped, hashes) : undefined
    if (many !== 0) {
      const label = rule.conflicting ? [dialect.identifier(rule.conflicting)] : []
      const columns = [...new Set([...over, ...label])].join(', ')
      if (narrowed === undefined && many === undefined)
        suspects = `(SELECT ${row}, ${columns} FROM (${found.numbered}) WHERE ${grouped})`
      else if (narrowed === undefined)
        await engine.execute(
          `CREATE TABLE ${taken} AS SELECT ${row}, ${columns} FROM (${found.numbered}) WHERE ${and([grouped, `${hash} IN (SELECT h FROM ${hashes})`])}`,
        )
      const alike = label.length > 0 ? `count(DISTINCT ${label[0]}) > 1` : 'count(*) > 1'
      await engine.execute(
        `CREATE TABLE ${groups} AS SELECT ${over.join(', ')}, count(*) AS millrace_n, min(${row}) AS millrace_first FROM ${suspects} GROUP BY ${over.join(', ')} HAVING ${alike}`,
      )
      const spared = rule.spare === 'first' ? 'millrace_n - 1' : 'millrace_n'
      const [counted] = await engine.rows(
        `SELECT count(*) AS shared, CAST(coalesce(sum(${spared}), 0) AS BIGINT) AS bad FROM ${groups}`,
      )
      bad = Number(counted?.bad)
      shared = Number(counted?.shared)
    }
  } finally {
    await engine.execute(`DROP TABLE IF EXISTS ${hashes}`)
  }
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const missing = await rowsWithNull(context, spec, rule)
  if (rule.nullsBad) bad += missing
  const left = rule.nulls === 'ignore' ? missing : 0
  const evaluated = inside - left
  const different = rule.spare === 'first' ? evaluated - bad : evaluated - bad + shared
  const locate = async () => {
    await engine.execute(`CREATE TABLE ${table} (${row} BIGINT)`)
    const same = over.map(column => `r.${column} IS NOT DISTINCT FROM g.${column}`).join(' AND ')
    const spare = rule.spare === 'first' ? ` AND r.${row} <> g.millrace_first` : ''
    if (shared > 0)
      await engine.execute(
        `INSERT INTO ${table} SELECT r.${row} FROM ${suspects} r JOIN ${groups} g ON ${same}${spare}`,
      )
    if (rule.nullsBad && missing > 0)
      await engine.execute(`INSERT INTO ${table} SELECT ${row} FROM (${found.numbered}) WHERE ${and([when, unknown])}`)
  }
  return {
    counts: {
      bad,
      evaluated,
      excludedNull: left,
      excludedFilter,
      observed: rule.conflicting ? { groups: shared } : { distinctKeys: different, groups: shared },
    },
    bad: bad === 0 ? undefined : numberedIn(engine, table),
    numbers: table,
    tables: [table, taken, groups],
    locate,
  }
}

const isNull = (column: Node): Node => ({ op: 'call', fn: 'isNull', args: [column], type: 'bool' })

/** What tells of each column of a rule whether it has nulls, where those matter. */
export function nullsOf(rule: GroupRule, columns: Dataset['columns']): RowsMetric[] {
  if (rule.nulls !== 'ignore' && !rule.nullsBad) return []
  return rule.over.map(name => {
    const type = columns[name]?.type ?? 'text'
    return { fn: 'rows', where: isNull({ op: 'column', name, type }) }
  })
}

/** Rows within `when` with a null among the columns of a rule. Most have none, which is in the plan. */
async function rowsWithNull(context: RuleContext, { when }: ExpectationSpec, rule: GroupRule): Promise<number> {
  const some: Node[] = []
  for (const metric of nullsOf(rule, context.dataset.columns))
    if (metric.where && (await context.measure(metric)) > 0) some.push(metric.where)
  const any = inPairs<Node>(some, (one, other) => ({ op: 'call', fn: 'or', args: [one, other], type: 'bool' }))
  return any ? context.measure({ fn: 'rows', where: conjunction(any, when) }) : 0
}
