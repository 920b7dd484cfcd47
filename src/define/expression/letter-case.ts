/**
 * `lower` and `upper` of expressions: each code point by its simple case mapping in Unicode 15, alone and in no language,
 * so that SQL engines and this reader agree whatever the versions of their tables. No final sigma, no ß to SS: length
 * never changes, but ß and ẞ are a pair, and İ becomes i.
 */
type Mapping = (text: string) => string

/** Pairs that Unicode 16 and 17 added; they stay as they are. */
const laterUpper = /[\u1c89\ua7cb\ua7cc\ua7ce\ua7d2\ua7d4\ua7da\ua7dc\u{10d50}-\u{10d65}\u{16ea0}-\u{16eb8}]/u
const laterLower = /[\u019b\u0264\u1c8a\ua7cd\ua7cf\ua7d3\ua7d5\ua7db\u{10d70}-\u{10d85}\u{16ebb}-\u{16ed3}]/u

/** Their full mapping is several letters; the simple one is the capital with the small iota beside it. */
const iota: readonly (readonly [from: number, to: number, by: number])[] = [
  [0x1f80, 0x1f87, 8],
  [0x1f90, 0x1f97, 8],
  [0x1fa0, 0x1fa7, 8],
  [0x1fb3, 0x1fb3, 9],
  [0x1fc3, 0x1fc3, 9],
  [0x1ff3, 0x1ff3, 9],
]

/** The mapping of JavaScript where it gives one letter for one. */
function simple(letter: string, mapped: string): string {
  return mapped.length === letter.length || [...mapped].length === 1 ? mapped : letter
}

function upperLetter(letter: string): string {
  if (letter === 'ß') return 'ẞ'
  if (laterLower.test(letter)) return letter
  const point = letter.codePointAt(0) as number
  const found = iota.find(([from, to]) => point >= from && point <= to)
  return found ? String.fromCodePoint(point + found[2]) : simple(letter, letter.toUpperCase())
}

function lowerLetter(letter: string): string {
  if (letter === 'İ') return 'i'
  return laterUpper.test(letter) ? letter : simple(letter, letter.toLowerCase())
}

const isAscii = /^[\0-\x7f]*$/

export const lower: Mapping = text => (isAscii.test(text) ? text.toLowerCase() : Array.from(text, lowerLetter).join(''))

export const upper: Mapping = text => (isAscii.test(text) ? text.toUpperCase() : Array.from(text, upperLetter).join(''))
