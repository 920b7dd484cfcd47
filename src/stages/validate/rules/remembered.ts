import type { RowRule } from '../../../define/expectation/rule.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { columnsOf } from '../../../define/expression/node.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { digestJson } from '../../../internal/digest.ts'
import { rowColumn } from '../../../ports/data-engine.ts'
import { badTable, numberedIn, type RuleContext, type RuleOutcome } from './context.ts'

/** Bad rows whose numbers are kept; to find more again costs little beside writing them. */
const maxRows = 10_000

/** Rules that look at nothing but the rows of the dataset itself. */
const ownRows: ReadonlySet<RowRule['by']> = new Set(['group', 'order', 'levels'])

/**
 * What a rule found, from memory where the same rows were asked the same before. Kept are the counts and the numbers of the
 * bad rows, where these are few.
 */
export async function remembered(
  context: RuleContext,
  spec: ExpectationSpec,
  rule: RowRule,
  look: () => Promise<RuleOutcome>,
): Promise<RuleOutcome> {
  const { memory, engine } = context
  if (!memory || !ownRows.has(rule.by)) return look()
  const { when = null, nulls = null, nonFinite = null } = spec
  const key = digestJson(['rule 1', rule, when, nulls, nonFinite] as unknown as Json)
  const judged = spec.columns.length > 0 ? spec.columns : [...context.found.usable]
  const columns = spec.when ? [...judged, ...columnsOf(spec.when)] : judged
  const before = await memory.recall(key, columns)
  if (before) return recalled(context, before)
  const outcome = await look()
  const { counts, bad, numbers } = outcome
  if (bad === undefined) await memory.keep(key, columns, { found: counts, rows: [] })
  else if (numbers !== undefined && counts.bad <= maxRows) {
    const row = engine.dialect.identifier(rowColumn)
    await outcome.locate?.()
    const rows = await engine.rows(`SELECT ${row} AS n FROM ${numbers}`)
    await memory.keep(key, columns, { found: counts, rows: rows.map(one => one.n as number | bigint) })
    const { locate: _done, ...located } = outcome
    return located
  }
  return outcome
}

/** What is kept of a rule's outcome. */
export interface RuleFinding {
  readonly found: RuleOutcome['counts']
  /** Numbers of the bad rows. */
  readonly rows: readonly (number | bigint)[]
}

/** What rules found before in the same rows. Nothing of personal columns is kept. */
export interface RuleMemory {
  recall(key: string, columns: readonly string[]): Promise<RuleFinding | undefined>
  keep(key: string, columns: readonly string[], finding: RuleFinding): Promise<void>
}

async function recalled({ engine }: RuleContext, { found, rows }: RuleFinding): Promise<RuleOutcome> {
  if (rows.length === 0) return { counts: found, bad: undefined, remembered: true }
  const table = badTable()
  const row = engine.dialect.identifier(rowColumn)
  await engine.execute(`CREATE TABLE ${table} (${row} BIGINT)`)
  await engine.execute(`INSERT INTO ${table} VALUES ${rows.map(n => `(${n})`).join(', ')}`)
  return { counts: found, bad: numberedIn(engine, table), numbers: table, tables: [table], remembered: true }
}
