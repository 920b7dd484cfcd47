import type { Ground, Scorer, Value } from './cases.ts'
import type { Rule } from './rules.ts'
import { tryAll, type TriedCase } from './search.ts'

/** Most halvings of a pair of values: float32 has no more between two numbers of one size. */
const maxHalvings = 60

/**
 * Makes a case that breaks the rule plainer while it still does: other inputs become those of the ordinary row, and the
 * distance of the two values is halved as long as one half breaks the rule, too.
 */
export async function shrink(rule: Rule, ground: Ground, scorer: Scorer, found: TriedCase): Promise<TriedCase> {
  const plain = await towardsOrdinary(rule, ground, scorer, found)
  return rule.along?.some(one => typeof one.kind === 'string') ? narrowed(rule, ground, scorer, plain) : plain
}

async function towardsOrdinary(rule: Rule, ground: Ground, scorer: Scorer, found: TriedCase): Promise<TriedCase> {
  let best = found
  const others = found.case.row.flatMap((value, i) =>
    found.case.moved.includes(i) || Object.is(value, ground.ordinary[i]) ? [] : [i],
  )
  // All at once is the common case; else one after another
  for (const inputs of others.length > 1 ? [others, ...others.map(one => [one])] : [others]) {
    if (inputs.every(i => Object.is(best.case.row[i], ground.ordinary[i]))) continue
    const row = best.case.row.map((value, i) => (inputs.includes(i) ? (ground.ordinary[i] as Value) : value))
    const made = rule.redraw ? rule.draw(row) : { ...best.case, row }
    const [tried] = made ? await tryAll(rule, scorer, [made]) : []
    if (tried && tried.by > 0) best = tried
  }
  return best
}

async function narrowed(rule: Rule, ground: Ground, scorer: Scorer, found: TriedCase): Promise<TriedCase> {
  let best = found
  for (let step = 0; step < maxHalvings; step++) {
    const { before, after, moved } = best.case
    const middle = before.map((value, i) => {
      const other = after[i] as Value
      const number = ground.profiles[moved[i] as number]?.kind === 'number'
      return number ? Math.fround(((value as number) + (other as number)) / 2) : value
    })
    const same = (a: readonly Value[], b: readonly Value[]): boolean => a.every((value, i) => Object.is(value, b[i]))
    if (middle.some(Number.isNaN) || same(middle, before) || same(middle, after)) return best
    const halves = await tryAll(rule, scorer, [
      { ...best.case, after: middle },
      { ...best.case, before: middle },
    ])
    const [first, second] = halves
    const larger = first && second && second.by > first.by ? second : first
    if (!larger || !(larger.by > 0)) return best
    best = larger
  }
  return best
}
