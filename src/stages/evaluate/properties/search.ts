import type { Case, Ground, Scorer, Value } from './cases.ts'
import { rowOf } from './cases.ts'
import type { Rule } from './rules.ts'

/** A case with the scores that it got. */
export interface TriedCase {
  readonly case: Case
  readonly before: Float32Array
  readonly after: Float32Array
  /** By how much it breaks the rule; 0 where it does not. */
  readonly by: number
}

/** Scores both sides of cases in one call. */
export async function tryAll(rule: Rule, scorer: Scorer, cases: readonly Case[]): Promise<TriedCase[]> {
  const scores = await scorer.score([
    ...cases.map(one => rowOf(one, 'before')),
    ...cases.map(one => rowOf(one, 'after')),
  ])
  return cases.map((one, i) => {
    const [before, after] = [scores[i] as Float32Array, scores[cases.length + i] as Float32Array]
    return { case: one, before, after, by: rule.breaks(one, before, after) }
  })
}

/** A thousand cases, drawn: what share of them breaks the rule is an estimate of how often it is broken. */
export function drawCases(rule: Rule, ground: Ground, count = 1_000): Case[] {
  const cases: Case[] = []
  for (let attempt = 0; cases.length < count && attempt < 4 * count; attempt++) {
    const row = ground.rows[ground.random.below(ground.rows.length)]
    const made = row && rule.draw(row)
    if (made) cases.push(made)
  }
  return cases
}

/** Scores that the first look takes: eight rows along some two hundred and fifty values each. */
const closeScores = 2_000
const closeRows = 8
/** Scores that the second look takes: many rows along a few values each, others in each row. */
const wideScores = 8_000

/**
 * Looks along each input that moves, in real rows, at every value that might matter: quantiles, even steps, both sides of
 * the thresholds that the model asks for. Gives the worst case that it finds.
 */
export async function searchAlong(rule: Rule, ground: Ground, scorer: Scorer): Promise<TriedCase | undefined> {
  let worst: TriedCase | undefined
  for (const { input, values, kind } of rule.along ?? []) {
    if (values.length === 0) continue
    const ordinary = [ground.ordinary, ...spread(ground, closeRows - 1)]
    const few = Math.max(2, Math.floor(closeScores / ordinary.length))
    const looks = [
      ordinary.map(row => ({ row, values: thinned(values, few, ground) })),
      spread(ground, Math.floor(wideScores / 24)).map(row => ({ row, values: thinned(values, 24, ground) })),
    ]
    for (const look of looks) {
      const found = await lookAlong(rule, scorer, input, look, kind)
      if (found && found.by > (worst?.by ?? 0)) worst = found
      if (worst) break
    }
  }
  return worst
}

/** Rows from all over the ground. */
function spread({ rows, random }: Ground, count: number): (readonly Value[])[] {
  if (rows.length <= count) return [...rows]
  return Array.from({ length: count }, (_, i) => {
    const at = Math.floor(((i + random.next()) * rows.length) / count)
    return rows[Math.min(rows.length - 1, at)] as readonly Value[]
  })
}

/** As many values in their order, the first and the last among them, the others drawn evenly. */
function thinned(values: readonly Value[], most: number, { random }: Ground): readonly Value[] {
  if (values.length <= most) return values
  const step = (values.length - 2) / (most - 2)
  const inner = Array.from({ length: most - 2 }, (_, i) => values[1 + Math.floor((i + random.next()) * step)] as Value)
  return [values[0] as Value, ...inner, values.at(-1) as Value]
}

type Look = readonly { readonly row: readonly Value[]; readonly values: readonly Value[] }[]
type AlongKind = NonNullable<Rule['along']>[number]['kind']

async function lookAlong(
  rule: Rule,
  scorer: Scorer,
  input: number,
  look: Look,
  kind: AlongKind,
): Promise<TriedCase | undefined> {
  const set = (row: readonly Value[], value: Value): Value[] => {
    const made = [...row]
    made[input] = value
    return made
  }
  const befores = await scorer.score(look.flatMap(({ row, values }) => values.map(value => set(row, value))))
  const afters =
    typeof kind === 'function'
      ? await scorer.score(look.flatMap(({ row, values }) => values.map(value => set(row, kind(value)))))
      : befores
  let worst: TriedCase | undefined
  let at = 0
  for (const { row, values } of look) {
    const own = befores.slice(at, at + values.length)
    const others = afters.slice(at, at + values.length)
    at += values.length
    const consider = (i: number, j: number): void => {
      const [before, after] = [own[i] as Float32Array, others[j] as Float32Array]
      const to = typeof kind === 'function' ? kind(values[j] as Value) : (values[j] as Value)
      const made = { row, moved: [input], before: [values[i] as Value], after: [to] }
      const by = rule.breaks(made, before, after)
      if (by > (worst?.by ?? 0)) worst = { case: made, before, after, by }
    }
    if (typeof kind === 'function') own.forEach((_, i) => consider(i, i))
    else if (kind === 'ordered') extremes(own, (i, j) => i <= j, consider)
    else extremes(own, () => true, consider)
  }
  return worst
}

/** The pairs that may be worst: of each output its highest before each value, and its lowest. */
function extremes(
  scores: readonly Float32Array[],
  may: (i: number, j: number) => boolean,
  consider: (i: number, j: number) => void,
): void {
  const outputs = scores[0]?.length ?? 0
  for (let k = 0; k < outputs; k++) {
    let [high, low] = [0, 0]
    const value = (i: number): number => scores[i]?.[k] as number
    const whole = !may(1, 0)
    scores.forEach((_, j) => {
      if (Number.isNaN(value(j))) consider(j, j)
      if (whole) {
        consider(high, j)
        consider(low, j)
      }
      if (value(j) > value(high)) high = j
      if (value(j) < value(low)) low = j
    })
    if (!whole) consider(low, high)
  }
}
