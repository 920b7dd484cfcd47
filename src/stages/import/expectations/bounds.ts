import { LeftOut, type RuleSettings } from './given.ts'

/** Lower and upper bound, and whether each is itself outside. */
export interface Range {
  readonly min: number | undefined
  readonly max: number | undefined
  readonly minExclusive: boolean
  readonly maxExclusive: boolean
}

const bits = new DataView(new ArrayBuffer(8))

/** The next float above a number. */
export function nextAbove(value: number): number {
  if (value === 0) return Number.MIN_VALUE
  bits.setFloat64(0, value)
  bits.setBigInt64(0, bits.getBigInt64(0) + (value > 0 ? 1n : -1n))
  return bits.getFloat64(0)
}

/** The next float below a number. */
export const nextBelow = (value: number): number => -nextAbove(-value)

/**
 * The bounds as ones that are themselves inside, as figures have them: of whole figures the next whole number, of others
 * the next float, so that the meaning stays exactly the same.
 */
export function closed(
  { min, max, minExclusive, maxExclusive }: Range,
  whole: boolean,
): { min?: number; max?: number } {
  const low = min === undefined ? undefined : minExclusive ? (whole ? Math.floor(min) + 1 : nextAbove(min)) : min
  const high = max === undefined ? undefined : maxExclusive ? (whole ? Math.ceil(max) - 1 : nextBelow(max)) : max
  return inOrder({ ...(low === undefined ? {} : { min: low }), ...(high === undefined ? {} : { max: high }) })
}

/** The same of a figure that can be any float, with a word about bounds that are themselves outside. */
export function floatBounds(rule: { note(text: string): void }, range: Range): { min?: number; max?: number } {
  if (range.minExclusive || range.maxExclusive)
    rule.note('The bound itself is out: the number is the next one that a float can be')
  return closed(range, false)
}

/** Bounds that leave something between them; left out where they are none. */
export function inOrder<B extends { readonly min?: number; readonly max?: number }>(bounds: B): B {
  const { min, max } = bounds
  if (min === undefined && max === undefined) throw new LeftOut('it has no bound')
  if (min !== undefined && max !== undefined && min > max) throw new LeftOut(`nothing lies between ${min} and ${max}`)
  return bounds
}

/** Bounds of something that is never below 0: there a lower bound below 0 says nothing. */
export function ofCount(bounds: { readonly min?: number; readonly max?: number }): { min?: number; max?: number } {
  const { min, max } = bounds
  if (max !== undefined && max < 0) throw new LeftOut(`nothing is below 0, and it may be at most ${max}`)
  return { ...(min === undefined ? {} : { min: Math.max(0, min) }), ...(max === undefined ? {} : { max }) }
}

export function inside(value: number, { min, max }: { readonly min?: number; readonly max?: number }): boolean {
  return (min === undefined || value >= min) && (max === undefined || value <= max)
}

/** The four settings of a range as Great Expectations names them. */
export function rangeOf(given: RuleSettings): Range {
  return {
    min: given.number('min_value'),
    max: given.number('max_value'),
    minExclusive: given.flag('strict_min') ?? false,
    maxExclusive: given.flag('strict_max') ?? false,
  }
}
