import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { levelTest, within } from '../level-tests.ts'
import { isTrue } from '../metric-sql.ts'
import { badTable, scopeOf, type RuleContext, type RuleOutcome } from './context.ts'

type LevelsRule = Extract<RowRule, { by: 'levels' }>

/** Puts a test that SQL cannot express to each different text once, batch by batch, and finds the rows of those that fail. */
export async function levelsRule(context: RuleContext, spec: ExpectationSpec, rule: LevelsRule): Promise<RuleOutcome> {
  const { engine, found } = context
  const { dialect } = engine
  const of = dialect.identifier(rule.of)
  const when = isTrue(spec.when, dialect)
  const test = within(spec.says, () => levelTest(rule.test, rule.option))
  const failing: string[] = []
  let bad = 0
  let evaluated = 0
  const where = `${when ? `${when} AND ` : ''}${of} IS NOT NULL`
  for await (const batch of engine.stream(
    `SELECT ${of} AS v, count(*) AS n FROM (${found.sql}) WHERE ${where} GROUP BY ${of}`,
  )) {
    const values = batch.get('v')?.values as readonly string[]
    const counts = batch.get('n')?.values as BigInt64Array
    const holds = within(spec.says, () => values.map(test))
    values.forEach((value, i) => {
      const rows = Number(counts[i])
      evaluated += rows
      if (holds[i]) return
      bad += rows
      failing.push(value)
    })
  }
  const { inside, excludedFilter } = await scopeOf(context, spec)
  const nulls = inside - evaluated
  const nullsBad = spec.nulls === 'bad'
  const judged = spec.nulls === 'ignore' ? evaluated : inside
  const counts = {
    bad: bad + (nullsBad ? nulls : 0),
    evaluated: judged,
    excludedNull: inside - judged,
    excludedFilter,
  }
  if (counts.bad === 0) return { counts, bad: undefined }
  const table = badTable()
  await engine.load(table, [{ name: 'v', type: 'text', values: failing }])
  const row = dialect.identifier(rowColumn)
  const broken = [`${of} IN (SELECT v FROM ${table})`, ...(nullsBad ? [`${of} IS NULL`] : [])].join(' OR ')
  return {
    counts,
    bad: `${row} IN (SELECT ${row} FROM (${found.numbered}) WHERE ${when ? `${when} AND ` : ''}(${broken}))`,
    tables: [table],
  }
}
