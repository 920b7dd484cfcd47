import type { CharacterClass, CharacterClassElement, CharacterSet } from '@eslint-community/regexpp/ast'

/** Code points as ranges, ascending and apart from each other. */
export type Ranges = readonly (readonly [from: number, to: number])[]

const last = 0x10ffff
export const allCharacters: Ranges = [[0, last]]

export function united(ranges: Ranges): Ranges {
  const made: [number, number][] = []
  for (const [from, to] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = made.at(-1)
    if (before && from <= before[1] + 1) before[1] = Math.max(before[1], to)
    else made.push([from, to])
  }
  return made
}

export function complement(ranges: Ranges): Ranges {
  const made: [number, number][] = []
  let next = 0
  for (const [from, to] of ranges) {
    if (from > next) made.push([next, from - 1])
    next = to + 1
  }
  if (next <= last) made.push([next, last])
  return made
}

export function holds(ranges: Ranges, point: number): boolean {
  return ranges.some(([from, to]) => point >= from && point <= to)
}

export const lineEnds: Ranges = [
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]
const digits: Ranges = [[0x30, 0x39]]
const words: Ranges = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const spaces: Ranges = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
]

/** Whatever in a pattern stands for one character. */
export type CharacterNode = CharacterClassElement | CharacterClass | CharacterSet

/** The characters for which a part of a pattern stands, as this runtime's `RegExp` of those flags reads it. */
export function charactersOf(node: CharacterNode, flags: string): Ranges {
  const key = `${node.raw}/${flags}`
  let made = known.get(key)
  if (!made) {
    made = flags.includes('i') ? withOtherCases(node, flags) : exactly(node, flags)
    if (known.size >= 1000) known.clear()
    known.set(key, made)
  }
  return made
}
const known = new Map<string, Ranges>()

function exactly(node: CharacterNode, flags: string): Ranges {
  switch (node.type) {
    case 'Character':
      return [[node.value, node.value]]
    case 'CharacterClassRange':
      return [[node.min.value, node.max.value]]
    case 'CharacterSet':
      if (node.kind === 'any') return flags.includes('s') ? allCharacters : complement(lineEnds)
      if (node.kind === 'property') return found(node.raw, flags)
      return signed({ digit: digits, space: spaces, word: words }[node.kind], node.negate)
    case 'CharacterClass':
      // nested classes and their operators
      if (flags.includes('v')) return found(node.raw, flags)
      return signed(united(node.elements.flatMap(one => exactly(one, flags))), node.negate)
    default:
      return found(node.raw, flags)
  }
}

function signed(ranges: Ranges, negate: boolean): Ranges {
  return negate ? complement(ranges) : ranges
}

/** By asking `RegExp` for each character: Unicode's properties are those of this runtime. */
function found(raw: string, flags: string): Ranges {
  const search = new RegExp(`(?:${raw})+`, `${flags.replace('i', '')}g`)
  const made: [number, number][] = []
  for (const part of everyCharacter()) {
    for (const { 0: run } of part.matchAll(search)) {
      const end = run.codePointAt(run.length - 1) as number
      // a low half stands for itself where no high one stands before it
      const pair = run.codePointAt(run.length - 2) ?? 0
      made.push([run.codePointAt(0) as number, pair > 0xffff ? pair : end])
    }
  }
  return united(made)
}

let parts: readonly string[] | undefined

/** Characters in their order. A million texts of one each would take as long as reading three million rows. */
function textOf(from: number, to: number): string {
  const pieces: string[] = []
  for (let at = from; at <= to; at += atOnce) {
    const end = Math.min(to, at + atOnce - 1)
    const wide = end > 0xffff
    const units = new Uint16Array((end + 1 - at) * (wide ? 2 : 1))
    for (let point = at, i = 0; point <= end; point++) {
      if (wide) units[i++] = 0xd800 + ((point - 0x10000) >> 10)
      units[i++] = wide ? 0xdc00 + ((point - 0x10000) & 0x3ff) : point
    }
    pieces.push(String.fromCharCode.apply(undefined, units as unknown as number[]))
  }
  return pieces.join('')
}
/** Beginning at a multiple of it, no piece has characters of both one and two units. */
const atOnce = 4096

/** All code points, in texts in which no two halves of a pair stand side by side by chance. */
function everyCharacter(): readonly string[] {
  parts ??= [textOf(0, 0xd7ff), textOf(0xd800, 0xdbff), textOf(0xdc00, 0xdfff), textOf(0xe000, last)]
  return parts
}

/** Those that have another case, among the code units and beyond; the latter are a million characters to ask. */
const cased = new Map<boolean, readonly string[]>()

function withCase(units: boolean): readonly string[] {
  let made = cased.get(units)
  if (!made) {
    const among = units ? [textOf(0, 0xd7ff), textOf(0xe000, 0xffff)] : everyCharacter()
    made = among.flatMap(part => part.match(/[\p{CWCM}\p{CWCF}]/gu) ?? [])
    cased.set(units, made)
  }
  return made
}

/** Only a character that has another case can be found otherwise under flag `i`, and of each `RegExp` is asked. */
function withOtherCases(node: CharacterNode, flags: string): Ranges {
  const whole = new RegExp(`^(?:${node.raw})$`, flags)
  const units = !/[uv]/.test(flags)
  const [yes, no]: [number, number][][] = [[], []]
  for (const character of withCase(units)) {
    const point = character.codePointAt(0) as number
    const side = whole.test(character) ? yes : no
    side?.push([point, point])
  }
  const others = complement(united([...complement(exactly(node, flags)), ...(no ?? [])]))
  return united([...others, ...(yes ?? [])])
}

/** As a class that RE2 and its ports read alike. */
export function classText(ranges: Ranges): string {
  if (ranges.length === 0) return `[^\\x{0}-\\x{${last.toString(16)}}]`
  const only = ranges[0] as readonly [number, number]
  if (ranges.length === 1 && only[0] === only[1]) return characterText(only[0])
  const rest = complement(ranges)
  const negate = rest.length > 0 && rest.length < ranges.length
  const body = (negate ? rest : ranges).map(([from, to]) =>
    from === to ? characterText(from) : `${characterText(from)}-${characterText(to)}`,
  )
  return `[${negate ? '^' : ''}${body.join('')}]`
}

export function characterText(point: number): string {
  const character = String.fromCodePoint(point)
  return /[A-Za-z0-9]/.test(character) ? character : `\\x{${point.toString(16)}}`
}
