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

type MatchRule = Extract<RowRule, { by: 'match' }>

/** SQL that is true where two values count as equal; nulls equal each other. */
function close(a: string, b: string, isNumber: boolean, { abs, rel }: MatchRule): string {
  const equal = `${a} IS NOT DISTINCT FROM ${b}`
  if (!isNumber || (abs === 0 && rel === 0)) return equal
  return `(${equal} OR coalesce(abs(${a} - ${b}) <= ${abs} + ${rel} * abs(${b}), false))`
}

/**
 * Compares rows with those of another relation that have the same keys. A row holds when any partner agrees with it. Rows of
 * the other relation without a partner here count as bad too, but are no rows of this dataset.
 */
export async function matchRule(context: RuleContext, spec: ExpectationSpec, rule: MatchRule): Promise<RuleOutcome> {
  const { engine, found, dataset } = context
  const { dialect } = engine
  const other = await context.reference(rule.with)
  if (other === undefined) throw new Unavailable('there is nothing to compare it with')
  const row = dialect.identifier(rowColumn)
  const on = rule.on.map(dialect.identifier)
  const compare = rule.compare.map(dialect.identifier)
  const when = isTrue(spec.when, dialect) ?? 'true'
  const known = on.map(column => `${column} IS NOT NULL`).join(' AND ')
  const columns = [...new Set([...on, ...compare])].join(', ')
  const mine = `SELECT ${row}, ${columns} FROM (${found.numbered}) WHERE ${when} AND ${known}`
  const theirs = `SELECT ${columns} FROM (${other})`
  const sameKey = on.map(column => `mine.${column} = theirs.${column}`).join(' AND ')
  const agrees = rule.compare.map((name, i) => {
    const type = dataset.columns[name]?.type
    const column = compare[i] as string
    return close(`mine.${column}`, `theirs.${column}`, type === 'int' || type === 'float', rule)
  })
  const joined = `SELECT mine.${row}, bool_or(theirs.${on[0]} IS NOT NULL) AS matched, bool_or(${['theirs.' + on[0] + ' IS NOT NULL', ...agrees].join(' AND ')}) AS agreed FROM (${mine}) mine LEFT JOIN (${theirs}) theirs ON ${sameKey} GROUP BY mine.${row}`
  const table = badTable()
  const wrong = rule.unmatched === 'bad' ? 'NOT agreed' : 'matched AND NOT agreed'
  await engine.execute(`CREATE TABLE ${table} AS SELECT * FROM (${joined}) WHERE ${wrong}`)
  const [counted] = await engine.rows(
    `SELECT (SELECT count(*) FROM ${table} WHERE matched) AS different, (SELECT count(*) FROM ${table} WHERE NOT matched) AS lonely, (SELECT count(*) FROM (${mine})) AS mine, (SELECT count(*) FROM (${theirs}) theirs WHERE ${known} AND NOT EXISTS (SELECT 1 FROM (${mine}) mine WHERE ${sameKey})) AS absent`,
  )
  const count = (name: string) => Number(counted?.[name] ?? 0)
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const both = rule.unmatched === 'bad'
  const matched = both ? 0 : await matchedRows(context, mine, theirs, sameKey)
  const outcome: RuleOutcome = {
    counts: {
      bad: count('different') + (both ? count('lonely') + count('absent') : 0),
      evaluated: both ? count('mine') + count('absent') : matched,
      excludedNull: inside - count('mine'),
      excludedFilter,
      observed: both
        ? { different: count('different'), missingThere: count('lonely'), missingHere: count('absent') }
        : { different: count('different'), unmatched: count('mine') - matched },
    },
    bad: count('different') + count('lonely') === 0 ? undefined : numberedIn(engine, table),
    numbers: table,
    tables: [table],
  }
  return withNulls(context, spec, outcome, on.map(isMissing))
}

async function matchedRows({ engine }: RuleContext, mine: string, theirs: string, sameKey: string): Promise<number> {
  const [row] = await engine.rows(
    `SELECT count(*) AS n FROM (${mine}) mine WHERE EXISTS (SELECT 1 FROM (${theirs}) theirs WHERE ${sameKey})`,
  )
  return Number(row?.n ?? 0)
}
