import type { Dataset } from '../../../define/dataset.ts'
import type { Metric, MetricResults } from '../../../define/expectation/metric.ts'
import type { Reference } from '../../../define/expectation/rule.ts'
import type { RowCounts } from '../../../define/expectation/kind.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import { where } from '../../../define/expectation/where.ts'
import type { Node } from '../../../define/expression/node.ts'
import { ulid } from '../../../internal/ids.ts'
import { rowColumn, type DataEngine } from '../../../ports/data-engine.ts'
import { isTrue } from '../metric-sql.ts'
import type { FoundDataset } from '../relation.ts'
import type { RuleMemory } from './remembered.ts'
import type { SharedKeys } from './shared-keys.ts'

/** What a rule is evaluated with. */
export interface RuleContext {
  readonly engine: DataEngine
  readonly dataset: Dataset
  readonly found: FoundDataset
  /** SELECT of a reference's rows; undefined where it does not exist. */
  reference(reference: Reference): Promise<string | undefined>
  /** One measure of the dataset. Throws what could not be measured as a `queryFailed`. */
  measure<M extends Metric>(metric: M): Promise<MetricResults[M['fn']]>
  /** What rules found before; undefined where nothing is remembered. */
  readonly memory: RuleMemory | undefined
  /** What rules about keys share; each looks for itself without. */
  readonly keys?: SharedKeys
  /** The script that runs a user's function, and the project folder that it is loaded from. */
  readonly userCode: { readonly script: string; readonly root: string } | undefined
}

/** How the rows fared, and where the bad ones are. */
export interface RuleOutcome {
  readonly counts: RowCounts
  /** SQL that is true for bad rows, false or null for others, over the numbered rows of the dataset. */
  readonly bad: string | undefined
  /** The same as an expression, where it is one. */
  readonly condition?: Node
  /** Table with the numbers of just the bad rows, where they are known by these alone. */
  readonly numbers?: string
  /** Tables that the condition reads; dropped with the validation. */
  readonly tables?: readonly string[]
  /** Finds the bad rows that were only counted: to be called once, before the condition is asked. */
  readonly locate?: () => Promise<void>
  /** It was known from before. */
  readonly remembered?: boolean
}

/** What cannot be evaluated for a reason that lies in the world, not in the data. */
export class Unavailable extends Error {}

/** Name of a fresh table for bad rows; it needs no quotes in any engine. */
export const badTable = (): string => `bad_${ulid()}`

/** SQL that is true for the rows whose numbers a table holds. */
export function numberedIn({ dialect }: DataEngine, table: string): string {
  const row = dialect.identifier(rowColumn)
  return `${row} IN (SELECT ${row} FROM ${table})`
}

/** Rows that meet the expectation's `when`, and those that it leaves out. */
export interface Scope {
  readonly inside: number
  readonly excludedFilter: number
}

export const isMissing = (column: string): string => `${column} IS NULL`

/** Both counts are in the plan of every row-level rule: asking for them here looks at nothing. */
export async function scopeOf(context: RuleContext, { when }: ExpectationSpec): Promise<Scope> {
  const inside = await context.measure({ fn: 'rows', ...where(when) })
  const all = await context.measure({ fn: 'rows' })
  return { inside, excludedFilter: all - inside }
}

/**
 * What the declaration makes of rows that a rule left out for want of a value, those that meet one of some conditions:
 * nothing (`ignore`), rows that hold, or bad ones.
 */
export function withNulls(
  { engine, found }: RuleContext,
  spec: ExpectationSpec,
  outcome: RuleOutcome,
  missing: readonly string[],
): RuleOutcome {
  const { counts, bad } = outcome
  const left = counts.excludedNull
  if (left === 0 || (spec.nulls ?? 'ignore') === 'ignore') return outcome
  const judged = { ...counts, evaluated: counts.evaluated + left, excludedNull: 0 }
  if (spec.nulls === 'good') return { ...outcome, counts: judged }
  const { numbers: _alone, ...others } = outcome
  const row = engine.dialect.identifier(rowColumn)
  const when = isTrue(spec.when, engine.dialect) ?? 'true'
  const nulls = `${row} IN (SELECT ${row} FROM (${found.numbered}) WHERE ${when} AND (${missing.join(' OR ')}))`
  return {
    ...others,
    counts: { ...judged, bad: counts.bad + left },
    bad: bad === undefined ? nulls : `(${bad} OR ${nulls})`,
  }
}
