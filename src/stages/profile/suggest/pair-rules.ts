import type { ColumnProfile, Profile } from '../types.ts'
import { ColumnArgument } from './call.ts'
import { fewestRows, type Draft } from './draft.ts'

type Rule = (a: ColumnProfile, b: ColumnProfile, profile: Profile) => Draft[]

/** Rows that would break a rule if the two columns had nothing to do with each other; with fewer it may be chance. */
const fewestExpected = 20
/** Share of them, for an order: columns of different magnitude stand in an order whatever they mean. */
const leastExpected = 0.05

const compare = (a: string, sign: string, b: string): Draft['call'] => ({
  method: 'compare',
  args: [new ColumnArgument(a), sign, new ColumnArgument(b)],
})

/** The values of a column on an even grid of ranks, between the quantiles that are known. */
function grid({ number, times, min, max }: ColumnProfile): number[] | undefined {
  const known = number
    ? [{ q: 0, at: number.kept.min }, ...number.quantiles, { q: 1, at: number.kept.max }]
    : times && [
        { q: 0, at: Number(min) },
        { q: 1, at: Number(max) },
      ]
  if (!known) return undefined
  return Array.from({ length: 101 }, (_, i) => {
    const q = i / 100
    const after = Math.max(
      1,
      known.findIndex(one => one.q >= q),
    )
    const [low, high] = [known[after - 1] as { q: number; at: number }, known[after] as { q: number; at: number }]
    return high.q === low.q ? high.at : low.at + ((q - low.q) / (high.q - low.q)) * (high.at - low.at)
  })
}

/** How often a would be above b if they had nothing to do with each other. */
function aboveByChance(a: readonly number[], b: readonly number[]): number {
  let above = 0
  for (const x of a) for (const y of b) if (x > y) above++
  return above / (a.length * b.length)
}

/** One of two numbers or moments is never above the other, though their ranges are alike. */
const order: Rule = (a, b, { rows }) => {
  // a number that no two rows share is a name; that it grows past another column says nothing
  if ([a, b].some(one => one.type === 'int' && one.distinct.value === rows)) return []
  if (a.type !== b.type || (a.type !== 'int' && a.type !== 'float' && a.type !== 'timestamp') || rows < fewestRows)
    return []
  const [first, second] = [grid(a), grid(b)]
  if (!first || !second) return []
  const drafts: Draft[] = []
  for (const [low, high, above] of [
    [a, b, aboveByChance(first, second)],
    [b, a, aboveByChance(second, first)],
  ] as const) {
    if (above < leastExpected || above * rows < fewestExpected) continue
    const strict: Draft = { rule: 'order', call: compare(low.column, 'lt', high.column) }
    drafts.push(strict, {
      rule: 'order',
      call: compare(low.column, 'lte', high.column),
      tolerates: 0.001,
      unless: strict,
    })
  }
  return drafts
}

/** Two texts that share their values are never alike within a row. */
const difference: Rule = (a, b, { rows }) => {
  if (a.type !== 'text' || b.type !== 'text' || rows < fewestRows) return []
  const known = new Map(b.top.map(one => [one.value, one.rows]))
  let alike = 0
  for (const { value, rows: count } of a.top) alike += (count / rows) * (known.get(value) ?? 0)
  return alike < fewestExpected
    ? []
    : [{ rule: 'difference', call: compare(a.column, 'ne', b.column), tolerates: 0.0001 }]
}

/** Two columns are null in the same rows. */
const together: Rule = (a, b, { rows }) => {
  const share = a.nulls / rows
  if (a.nulls === 0 || a.nulls !== b.nulls || 2 * share * (1 - share) * rows < fewestExpected) return []
  const args = [[new ColumnArgument(a.column), new ColumnArgument(b.column)]]
  return [{ rule: 'null together', call: { method: 'allOrNoneNull', args } }]
}

const rules: readonly Rule[] = [order, difference, together]
/** Columns beyond these are too many to look at all of their pairs. */
const maxColumns = 40

export function pairDrafts(profile: Profile, columns: readonly ColumnProfile[]): Draft[] {
  const able = columns.filter(one => !one.personal).slice(0, maxColumns)
  return able.flatMap((a, i) => able.slice(i + 1).flatMap(b => rules.flatMap(rule => rule(a, b, profile))))
}
