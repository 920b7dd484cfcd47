import { wilson } from '../../../math/special/proportion.ts'
import { total } from '../../../define/expectation/value-counts.ts'
import { compareValues } from '../../../define/expression/row.ts'
import { filledOf, fewestRows, type ColumnContext, type Draft } from './draft.ts'
import type { Argument } from './call.ts'
import { roundDown, roundOut, roundUp } from './round.ts'

type Rule = (context: ColumnContext) => Draft | undefined

/** Values that a list in a project file may have before nobody reads it. */
const maxListed = { text: 25, int: 10, float: 0, bool: 0, timestamp: 0, vector: 0 } as const
/** Rows that each value of a list must stand for on average, and the greatest share of values that were seen once. */
const rowsAValue = 20
const maxSingles = 0.1
/** Share of the rows that a list must cover when it covers not all. */
const leastCover = 0.9
const longestListed = 60

/** A bound on nulls below this would be about single rows. */
const leastNullShare = 0.001

const nulls: Rule = context => {
  const { column, spec, profile } = context
  if (!spec.nullable || profile.rows < fewestRows) return undefined
  const { column: on } = column
  if (column.nulls === 0) return { rule: 'complete', call: { on, method: 'notNull', args: [] } }
  const share = column.nulls / profile.rows
  if (share >= 0.8) return undefined
  // the interval of millions of rows is narrower than one week differs from the next
  const max = Math.min(
    1,
    roundUp(Math.max(wilson(column.nulls, profile.rows, 0.99).upper, 1.25 * share, leastNullShare), 2),
  )
  return { rule: 'null share', call: { on, method: 'nullShare', args: [{ max }] } }
}

/** Values of a column that has few: all of them, as they would be listed. */
function listed({ column, spec }: ColumnContext): (string | number)[] | undefined {
  const { top, distinct } = column
  if (!distinct.exact || distinct.value > Math.min(maxListed[spec.type], top.length)) return undefined
  const values = top.map(one => one.value as string | number)
  if (values.some(value => typeof value === 'bigint' || String(value).length > longestListed)) return undefined
  return spec.type === 'int' ? values.toSorted((a, b) => Number(a) - Number(b)) : values.toSorted(compareValues)
}

export const categories: Rule = context => {
  const { column } = context
  const values = listed(context)
  if (!values || values.length < 2 || filledOf(context) < rowsAValue * values.length) return undefined
  const singles = column.top.filter(one => one.rows === 1).length
  if (singles > maxSingles * values.length) return undefined
  return { rule: 'categories', call: { on: column.column, method: 'inSet', args: [values] } }
}

const mostlyCategories: Rule = context => {
  const { column } = context
  const { top, distinct } = column
  if (column.type !== 'text' || distinct.value <= top.length || distinct.value > 0.4 * filledOf(context))
    return undefined
  const common = top.slice(0, 10).filter(one => String(one.value).length <= longestListed)
  const covered = total(common.map(one => one.rows))
  const filled = filledOf(context)
  if (filled < fewestRows || covered < leastCover * filled || covered === filled) return undefined
  const mostly = roundDown(wilson(covered, filled, 0.99).lower, 2)
  const values = common.map(one => String(one.value)).toSorted()
  return {
    rule: 'mostly categories',
    call: { on: column.column, method: 'inSet', args: [values, { mostly, severity: 'warning' }] },
  }
}

const fewestTexts = 5
const rarelyOtherwise = 0.01

const format: Rule = context => {
  const { column } = context
  if (!column.text?.format || filledOf(context) < fewestRows) return undefined
  return {
    rule: 'format',
    call: { on: column.column, method: 'format', args: [column.text.format] },
    tolerates: rarelyOtherwise,
  }
}

const pattern: Rule = context => {
  const { text, distinct, column: on } = context.column
  const [first] = text?.forms ?? []
  if (!text || !first?.pattern || filledOf(context) < fewestRows || distinct.value < fewestTexts) return undefined
  if (first.rows < (1 - rarelyOtherwise) * text.formsOf) return undefined
  return {
    rule: 'pattern',
    call: { on, method: 'matches', args: [new RegExp(first.pattern)] },
    tolerates: rarelyOtherwise,
  }
}

const length: Rule = context => {
  const { text, distinct, column: on } = context.column
  if (!text || filledOf(context) < fewestRows || distinct.value < fewestTexts || text.length.min < 1) return undefined
  const { min, max } = text.length
  const bounds: { readonly [name: string]: Argument } = min === max ? { min, max } : { min: 1 }
  return { rule: 'length', call: { on, method: 'length', args: [bounds] } }
}

/** Part of the range by which bounds are set wider than what was seen. */
const margin = 0.1

const range: Rule = context => {
  const { column } = context
  const { number, column: on } = column
  if (!number || number.std === 0 || filledOf(context) < fewestRows || unique(context)) return undefined
  const { min: low, max: high } = number.kept
  if (low === high) return undefined
  if (column.type === 'float' && low >= 0 && high <= 1 && high > 0.5)
    return { rule: 'share', call: { on, method: 'between', args: [0, 1] }, tolerates: 0.001 }
  const wide = roundOut(low - margin * (high - low), high + margin * (high - low))
  if (!(Math.abs(wide.low) < 2 ** 53 && Math.abs(wide.high) < 2 ** 53)) return undefined
  // what was never below zero is of a kind that never is
  const floor = low >= 0 ? 0 : wide.low
  const open: readonly Argument[] = low > 0 ? [{ minExclusive: true }] : []
  return {
    rule: low >= 0 ? 'positive range' : 'range',
    call: { on, method: 'between', args: [floor, wide.high, ...open] },
    tolerates: 0.001,
  }
}

function unique({ column, profile }: ColumnContext): boolean {
  return (
    column.distinct.exact &&
    column.distinct.value === profile.rows - column.nulls &&
    column.distinct.value >= fewestRows
  )
}

const key: Rule = context => {
  const { type, column: on } = context.column
  // that no measurement and no moment repeats is chance
  return (type === 'int' || type === 'text') && unique(context)
    ? { rule: 'unique', call: { on, method: 'unique', args: [] } }
    : undefined
}

const day = 86_400_000_000
const hour = 3_600_000_000
/** Data older than this are no feed whose age one would watch. */
const oldest = 60 * day

const freshness: Rule = ({ column, now, newest = Number.NEGATIVE_INFINITY }) => {
  const { times, column: on } = column
  if (!times || newest > now || now - newest > oldest) return undefined
  const gap = times.longestGap ? times.longestGap.to - times.longestGap.from : 0
  const wanted = 2 * Math.max(now - newest, gap, hour)
  const age = wanted > 2 * day ? `${Math.ceil(wanted / day)}d` : `${Math.ceil(wanted / hour)}h`
  return { rule: 'freshness', call: { on, method: 'freshness', args: [age] }, whole: true }
}

/** Rules by what they speak of; of those of one concern the first that fits is taken. */
export const columnRules: Readonly<Record<string, readonly Rule[]>> = {
  nulls: [nulls],
  form: [format, categories, pattern, mostlyCategories, length],
  range: [categories, range],
  key: [key],
  freshness: [freshness],
}

/** Kinds that speak of the same: a column that declares one of them needs no other. */
export const declaredBy: Readonly<Record<string, readonly string[]>> = {
  nulls: ['notNull', 'nullShare', 'isNull', 'primaryKey'],
  form: ['inSet', 'inSetFrom', 'matches', 'matchesAny', 'matchesAll', 'format', 'length', 'equalsSet', 'jsonSchema'],
  range: ['between', 'inSet', 'inSetFrom', 'equalsSet', 'noOutliers', 'min', 'max', 'quantiles'],
  key: ['unique', 'primaryKey'],
  freshness: ['freshness'],
}
