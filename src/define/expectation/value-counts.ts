import type { Value } from '../expression/dialect.ts'

export function total(counts: readonly number[]): number {
  let sum = 0
  for (const one of counts) sum += one
  return sum
}

/** A value as text, for messages and figures. */
export function valueInWords(value: Value): string {
  return value === null ? 'null' : String(value)
}

/** A value as a key that tells 1 from '1' and is alike for equal numbers, NaN and -0 included. */
export function keyOf(value: Value): string {
  if (typeof value === 'number') return `n${Object.is(value, -0) ? 0 : value}`
  return typeof value === 'bigint' ? `n${value}` : `${typeof value}:${String(value)}`
}
