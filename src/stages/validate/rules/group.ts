import type { Dataset } from '../../../define/dataset.ts'
import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import type { RowsMetric } from '../../../define/expectation/metric.ts'
import { conjunction, inPairs } from '../../../define/expectation/where.ts'
import type { Node } from '../../../define/expression/node.ts'
import { rowColumn, type DataEngine } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, numberedIn, scopeOf, type RuleContext, type RuleOutcome } from './context.ts'
import { maxSuspects, mayRepeat } from './repeats.ts'
import { keyOf } from './shared-keys.ts'

type GroupRule = Extract<RowRule, { by: 'group' }>

const and = (conditions: readonly (string | undefined)[]): string =>
  conditions.filter(one => one !== undefined && one !== '').join(' AND ') || 'true'

/** Where more of the rows than this may be alike, taking them out first costs more than it saves. */
export const fewSuspects = 1 / 4

/** Rows to look for groups among. */
interface Among {
  /** SELECT or table of them, and of them with their numbers. */
  readonly sql: string
  readonly numbered: string
  readonly rows: number
}

/** Rows to look for groups among: a SELECT or table of them, and of them with their numbers. */
interface Among {
  readonly sql: string
  readonly numbered: string
  readonly rows: number
  /** All of them share their values of the key with others, as far as hashes tell. */
  readonly alike: boolean
}

/** What makes rows of a group alike. */
interface GroupColumns {
  /** Columns to keep of a row, the key among them. */
  readonly columns: string
  readonly hash: string
  /** The rows that are grouped at all. */
  readonly where: string
}

/**
 * SELECT or table of the rows of which several may be alike, among them all that are; undefined where there are none. Few
 * of them are taken out into `table`; `fewSuspects` says how few.
 */
async function suspectRows(
  engine: DataEngine,
  { sql, numbered, rows, alike }: Among,
  { columns, hash, where }: GroupColumns,
  table: string,
): Promise<string | undefined> {
  const row = engine.dialect.identifier(rowColumn)
  const most = Math.min(maxSuspects, Math.ceil(rows * fewSuspects))
  // to have every hash sent here would cost more than to have them grouped there
  const suspects =
    alike || engine.remote
      ? undefined
      : await mayRepeat(engine, `SELECT ${hash} AS h FROM ${sql} WHERE ${where}`, rows, most)
  if (suspects === undefined) return `(SELECT ${row}, ${columns} FROM ${numbered} WHERE ${where})`
  if (suspects.length === 0) return undefined
  const hashes = badTable()
  try {
    await engine.load(hashes, [{ name: 'h', type: 'int', values: suspects }])
    await engine.execute(
      `CREATE TABLE ${table} AS SELECT ${row}, ${columns} FROM ${numbered} WHERE ${and([where, `${hash} IN (SELECT h FROM ${hashes})`])}`,
    )
  } finally {
    await engine.execute(`DROP TABLE IF EXISTS ${hashes}`)
  }
  return table
}

/** Where the rows of a rule are looked for: among those that are alike in a part of its key, where these were found. */
async function amongOf(context: RuleContext, spec: ExpectationSpec, key: readonly string[]): Promise<Among> {
  const { found, keys } = context
  const rows = await context.measure({ fn: 'rows' })
  const alike = await keys?.rowsOf(spec, rows)
  return alike
    ? { sql: alike.table, numbered: alike.table, rows: alike.rows, alike: alike.columns.length === key.length }
    : { sql: `(${found.sql})`, numbered: `(${found.numbered})`, rows, alike: false }
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
  const label = rule.conflicting ? [dialect.identifier(rule.conflicting)] : []
  const taken = badTable()
  const groups = badTable()
  const table = badTable()
  const suspects = await suspectRows(
    engine,
    await amongOf(context, spec, over),
    {
      columns: [...new Set([...over, ...label])].join(', '),
      hash: dialect.rowHash(over),
      where: grouped,
    },
    taken,
  )
  let bad = 0
  let shared = 0
  if (suspects !== undefined) {
    const several = label.length > 0 ? `count(DISTINCT ${label[0]}) > 1` : 'count(*) > 1'
    await engine.execute(
      `CREATE TABLE ${groups} AS SELECT ${over.join(', ')}, count(*) AS millrace_n, min(${row}) AS millrace_first FROM ${suspects} GROUP BY ${over.join(', ')} HAVING ${several}`,
    )
    const spared = rule.spare === 'first' ? 'millrace_n - 1' : 'millrace_n'
    const [counted] = await engine.rows(
      `SELECT count(*) AS shared, CAST(coalesce(sum(${spared}), 0) AS BIGINT) AS bad FROM ${groups}`,
    )
    bad = Number(counted?.bad)
    shared = Number(counted?.shared)
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
