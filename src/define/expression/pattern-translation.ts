import { RegExpParser } from '@eslint-community/regexpp'
import type { Alternative, Assertion, Element, QuantifiableElement, Quantifier } from '@eslint-community/regexpp/ast'
import {
  characterText,
  charactersOf,
  classText,
  holds,
  lineEnds,
  united,
  type CharacterNode,
  type Ranges,
} from './character-set.ts'

/**
 * A pattern in the syntax of RE2, with nothing in it that means one thing here and another there: characters and classes
 * written out, anchors of the whole text, groups, alternatives and counts.
 */
export interface LinearPattern {
  readonly source: string
  /**
   * A pattern without flag `u` or `v` counts code units. Where that can be told, each character beyond U+FFFF is replaced by
   * this one twice before the text is searched.
   */
  readonly standIn?: string
}

/** Why a pattern cannot be searched for in time linear in the text, and what to write instead. */
export class NotLinear extends Error {}

/** As many as RE2 repeats something, repetitions within repetitions multiplied. */
const maxRepeat = 1000
/** Parts of the program that RE2 makes of a pattern within the memory it is given; beyond, it refuses the pattern. */
const maxParts = 60_000

interface Place {
  /** Nothing of the pattern stands before, or after. */
  readonly first: boolean
  readonly last: boolean
  readonly repeat: number
}

interface Part {
  readonly text: string
  readonly size: number
  readonly mayBeEmpty: boolean
}

/** Throws `NotLinear`. */
export function translate(source: string, flags: string): LinearPattern {
  return new Translation(source, flags.replace(/[gy]/g, '')).made()
}

class Translation {
  readonly #source: string
  readonly #flags: string
  readonly #byUnit: boolean
  /** Sets that hold all halves of pairs, or none; whether one of the former does not just stand as often as one likes. */
  readonly #sets: Ranges[] = []
  #unitsTell = false
  #pairs = false
  #noBoundary = false
  /** DuckDB makes LIKE of plain texts and their anchors, and takes one within for one at the end; a group keeps it from that. */
  #anchorWithin = false

  constructor(source: string, flags: string) {
    this.#source = source
    this.#flags = flags
    this.#byUnit = !/[uv]/.test(flags)
  }

  made(): LinearPattern {
    const pattern = new RegExpParser({ ecmaVersion: 2025 }).parsePattern(this.#source, 0, this.#source.length, {
      unicode: this.#flags.includes('u'),
      unicodeSets: this.#flags.includes('v'),
    })
    const part = this.#either(pattern.alternatives, { first: true, last: true, repeat: maxRepeat })
    if (part.size > maxParts) throw new NotLinear('is too large when its repetitions are written out; repeat less')
    if (this.#noBoundary && part.mayBeEmpty)
      throw new NotLinear('has \\B and may match no character at all; say which character stands beside \\B')
    const text = this.#anchorWithin ? `(${part.text})` : part.text
    if (!this.#byUnit || !this.#unitsTell) return { source: text }
    if (this.#pairs) throw halves()
    return { source: text, standIn: this.#standIn() }
  }

  #either(alternatives: readonly Alternative[], place: Place): Part {
    const parts = alternatives.map(one => this.#row(one.elements, place))
    return {
      text: parts.map(part => part.text).join('|'),
      size: parts.reduce((sum, part) => sum + part.size, 1),
      mayBeEmpty: parts.some(part => part.mayBeEmpty),
    }
  }

  #row(elements: readonly Element[], place: Place): Part {
    let [text, size, mayBeEmpty] = ['', 0, true]
    for (let i = 0; i < elements.length; i++) {
      const element = elements[i] as Element
      const next = elements[i + 1]
      let part: Part
      const pair = this.#byUnit && next?.type === 'Character' && element.type === 'Character'
      if (pair && isHigh(element.value) && isLow(next.value)) {
        const point = (element.value - 0xd800) * 0x400 + (next.value - 0xdc00) + 0x10000
        part = { text: characterText(point), size: 4, mayBeEmpty: false }
        this.#pairs = true
        i++
      } else {
        const first = place.first && i === 0
        part = this.#element(element, { ...place, first, last: place.last && i === elements.length - 1 })
      }
      text += part.text
      size += part.size
      mayBeEmpty &&= part.mayBeEmpty
    }
    return { text, size, mayBeEmpty }
  }

  #element(element: Element, place: Place): Part {
    switch (element.type) {
      case 'Assertion':
        return { text: this.#assertion(element, place), size: 2, mayBeEmpty: true }
      case 'Backreference':
        throw new NotLinear(
          `has a back-reference at ${element.start}, which cannot be searched for in linear time; compare columns instead, or write out what may repeat`,
        )
      case 'Quantifier':
        return this.#repeated(element, place.repeat)
      case 'Group':
      case 'CapturingGroup': {
        if (element.type === 'Group' && element.modifiers)
          throw new NotLinear(`has flags within it at ${element.start}; say them for the whole pattern`)
        const part = this.#either(element.alternatives, place)
        return { ...part, text: inGroup(part.text) }
      }
      default:
        return this.#character(element, false)
    }
  }

  #character(element: CharacterNode | Exclude<QuantifiableElement, { type: 'Group' }>, anyNumber: boolean): Part {
    if (hasTexts(element))
      throw new NotLinear('has a class that holds texts of several characters; write them as alternatives')
    const points = charactersOf(element as CharacterNode, this.#flags)
    const set = this.#byUnit ? this.#ofUnits(points, anyNumber) : points
    // measured: ranges share what the bytes of their characters share
    return { text: classText(set), size: 2 + 0.6 * set.length, mayBeEmpty: false }
  }

  /** A set of code units as one of characters: those beyond U+FFFF belong to it where all halves of pairs do. */
  #ofUnits(points: Ranges, anyNumber: boolean): Ranges {
    const inside = points.some(([from, to]) => from <= 0xd800 && to >= 0xdfff)
    if (!inside && points.some(([from, to]) => from <= 0xdfff && to >= 0xd800)) throw halves()
    if (inside && !anyNumber) this.#unitsTell = true
    const units = points.flatMap(([from, to]) => (from > 0xffff ? [] : [[from, Math.min(to, 0xffff)] as const]))
    const set = inside ? united([...units, [0x10000, 0x10ffff]]) : units
    this.#sets.push(set)
    return set
  }

  #assertion(node: Assertion, { first, last }: Place): string {
    if (node.kind === 'lookahead' || node.kind === 'lookbehind')
      throw new NotLinear(
        `has a look-around at ${node.start}, which cannot be searched for in linear time; say it as two expectations or conditions: matches(…) and notMatches(…)`,
      )
    if (node.kind === 'word') {
      if (this.#flags.includes('i') && !this.#byUnit)
        throw new NotLinear(
          `has ${node.raw} at ${node.start} with the flags i and u, by which two letters beyond ASCII make a word; leave one of the flags out`,
        )
      if (node.negate) this.#noBoundary = true
      return node.negate ? '\\B' : '\\b'
    }
    const edge = node.kind === 'start' ? '\\A' : '\\z'
    if (!(node.kind === 'start' ? first : last)) this.#anchorWithin = true
    if (!this.#flags.includes('m')) return edge
    if (!(node.kind === 'start' ? first : last))
      throw new NotLinear(
        `has ${node.raw} at ${node.start} within it with flag m; with that flag ^ may begin a pattern and $ end it`,
      )
    // the line end itself is found too, which no one asks about
    return `(?:${edge}|${classText(lineEnds)})`
  }

  #repeated(node: Quantifier, left: number): Part {
    const { min, max } = node
    const most = max === Infinity ? min : max
    const isCounted = !(min <= 1 && (max === Infinity || max === 1))
    const pieces = isCounted ? Math.min(most, maxRepeat) : 1
    const repeat = isCounted && most > 0 ? Math.floor(left / pieces) : left
    if (repeat === 0 || (most > maxRepeat && left < maxRepeat))
      throw new NotLinear(`repeats more than ${maxRepeat} times in one another at ${node.start}; repeat less`)
    const place = { first: false, last: false, repeat }
    const anyNumber = min === 0 && max === Infinity
    const { element } = node
    const part = isCharacter(element) ? this.#character(element, anyNumber) : this.#element(element, place)
    return {
      text: part.text === '' ? '' : countedText(inGroup(part.text), min, max),
      size: (part.size + 1) * Math.max(1, most),
      mayBeEmpty: min === 0 || part.mayBeEmpty,
    }
  }

  /** A character that every set of the pattern holds or holds not as it does the halves of a pair, and that makes no word. */
  #standIn(): string {
    const alike = (point: number) => this.#sets.every(set => holds(set, point) === holds(set, 0xd800))
    for (const point of [0xfdd0, 0xfffe, 0xfffd, 0xe000]) if (alike(point)) return String.fromCharCode(point)
    const borders = united(this.#sets.flat()).flatMap(([from, to]) => [from - 1, from, to, to + 1])
    for (const point of [...borders, ...this.#sets.flat(2).flatMap(at => [at - 1, at, at + 1])]) {
      const isUnit = point >= 0 && point <= 0xffff && !isHigh(point) && !isLow(point)
      if (isUnit && alike(point) && !/\w/.test(String.fromCharCode(point))) return String.fromCharCode(point)
    }
    throw halves()
  }
}

function halves(): NotLinear {
  return new NotLinear('tells halves of characters beyond U+FFFF apart; add flag u, by which they are whole')
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

function isCharacter(element: Element): element is Extract<Element, CharacterNode> {
  return ['Character', 'CharacterSet', 'CharacterClass', 'ExpressionCharacterClass'].includes(element.type)
}

/** Whether a class of flag `v` holds texts of more than one character. */
function hasTexts(node: object): boolean {
  if (!('type' in node)) return false
  if (node.type === 'ClassStringDisjunction') return true
  if ('strings' in node && node.strings === true) return true
  const { elements, expression, left, right } = node as Readonly<Record<string, unknown>>
  const within = [...(Array.isArray(elements) ? elements : []), expression, left, right]
  return within.some(one => typeof one === 'object' && one !== null && hasTexts(one))
}

/** An empty group after \A makes some builds of RE2 find nothing. */
function inGroup(text: string): string {
  return text === '' ? '' : `(?:${text})`
}

function countedText(one: string, min: number, max: number): string {
  if (max === 0) return ''
  if (max === Infinity) return min === 0 ? `${one}*` : min === 1 ? `${one}+` : `${exactlyText(one, min)}${one}*`
  if (min === max) return exactlyText(one, min)
  return `${exactlyText(one, min)}${optionalText(one, max - min)}`
}

function exactlyText(one: string, count: number): string {
  return inPieces(count, piece => (piece === 1 ? one : `${one}{${piece}}`))
}

function optionalText(one: string, count: number): string {
  return inPieces(count, piece => (piece === 1 ? `${one}?` : `${one}{0,${piece}}`))
}

function inPieces(count: number, text: (piece: number) => string): string {
  let made = ''
  for (let rest = count; rest > 0; rest -= maxRepeat) made += text(Math.min(rest, maxRepeat))
  return made
}
