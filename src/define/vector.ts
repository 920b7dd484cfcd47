import type { ScalarType } from './expression/node.ts'

/**
 * A vector is kept as one text, the JSON list of its numbers, wherever values are kept: so that one vector has one text, it is
 * written as the data engine writes a list of doubles.
 */

/** The most numbers that a vector may have. */
export const maxVectorLength = 16_384

/** Whether values of a type are kept as texts. */
export const isTextual = (type: ScalarType): type is 'text' | 'vector' => type === 'text' || type === 'vector'

/** A double as the data engine writes it: the shortest digits that read back, with an exponent below 1e-4 and from 1e16 on. */
function numberText(value: number): string {
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa = '', power = '0'] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16)
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  return Number.isInteger(value) ? `${value}.0` : String(value)
}

/** The text of a vector of finite numbers. */
export const vectorText = (numbers: readonly number[]): string => `[${numbers.map(numberText).join(', ')}]`

/** The numbers of a vector by its text. */
export const numbersOf = (text: string): readonly number[] => JSON.parse(text) as number[]

/** The text of a vector of just so many finite numbers; undefined for anything else. */
export function vectorFrom(value: unknown, length: number | undefined): string | undefined {
  const isVector =
    Array.isArray(value) &&
    value.length === length &&
    Array.from(value).every(one => typeof one === 'number' && Number.isFinite(one))
  return isVector ? vectorText(value as number[]) : undefined
}
