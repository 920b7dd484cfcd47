import { RegExpParser } from '@eslint-community/regexpp'
import fc from 'fast-check'
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import {
  characterText,
  charactersOf,
  classText,
  complement,
  holds,
  united,
  type CharacterNode,
  type Ranges,
} from './character-set.ts'

const last = 0x10ffff
const point = fc.oneof(fc.nat(12), fc.integer({ min: last - 12, max: last }))
const anyRanges = fc
  .array(fc.tuple(point, point), { maxLength: 6 })
  .map((list): Ranges => list.map(([a, b]) => [Math.min(a, b), Math.max(a, b)]))
const probes = [...Array.from({ length: 16 }, (_, i) => i), 5000, ...Array.from({ length: 16 }, (_, i) => last - i)]

describe('ranges of characters', () => {
  it('united hold what one of them holds, in order and apart; the complement holds all the rest', () => {
    fc.assert(
      fc.property(anyRanges, ranges => {
        const all = united(ranges)
        const rest = complement(all)
        for (const at of probes) {
          const inside = ranges.some(([from, to]) => from <= at && at <= to)
          expect([at, holds(all, at), holds(rest, at)]).toEqual([at, inside, !inside])
        }
        for (const list of [all, rest])
          list.forEach(([from, to], i) => {
            expect(from).toBeLessThanOrEqual(to)
            expect(from).toBeGreaterThanOrEqual(0)
            expect(to).toBeLessThanOrEqual(last)
            if (i > 0) expect(from).toBeGreaterThan((list[i - 1]?.[1] ?? 0) + 1)
          })
        expect(complement(rest)).toEqual(all)
      }),
    )
  })

  it('written as a class of a pattern hold just what they hold', () => {
    fc.assert(
      fc.property(anyRanges, ranges => {
        const set = united(ranges)
        const pattern = RE2JS.compile(`\\A${classText(set)}\\z`)
        for (const at of probes)
          expect([at, pattern.matcher(String.fromCodePoint(at)).find()]).toEqual([at, holds(set, at)])
      }),
    )
    expect(classText([[0x61, 0x61]])).toBe('a')
    expect(classText([[0x2e, 0x2e]])).toBe('\\x{2e}')
    // the shorter of both ways to write it
    expect(classText(complement([[0x61, 0x7a]]))).toBe('[^a-z]')
    expect(classText([[0x61, 0x7a]])).toBe('[a-z]')
    expect(
      classText([
        [0x30, 0x39],
        [0x61, 0x61],
      ]),
    ).toBe('[0-9a]')
    expect(classText([[0, last]])).toBe('[\\x{0}-\\x{10ffff}]')
  })

  it('letters and digits stand for themselves, all else by its number', () => {
    for (let at = 0; at < 0x180; at++) {
      const letter = String.fromCodePoint(at)
      const plain = /^[A-Za-z0-9]$/.test(letter)
      expect(characterText(at)).toBe(plain ? letter : `\\x{${at.toString(16)}}`)
    }
  })
})

/** Parts of patterns that stand for one character, by what can be written. */
const written: readonly (readonly [flags: string, ...raws: string[]])[] = [
  ['', 'a', 'é', '\\s', '\\S', '\\d', '\\D', '\\w', '\\W', '.', '[a-c]', '[^a-c]', '[\\s\\d_]', '[^\\W]', '[^]', '[]'],
  ['i', 'k', 'K', 'ß', 's', 'ſ', 'é', '\\w', '\\W', '[a-k]', '[^k]', '[^a-z]', 'Å', 'µ', 'ǅ'],
  ['s', '.', '[^x]'],
  ['m', '.', 'a'],
  ['u', '.', '\\p{L}', '\\P{L}', '\\p{Lu}', '\\p{sc=Greek}', '[^\\p{Nd}a]', '\\w', '\\u{1F600}', '[a-\\u{1F600}]'],
  ['iu', 'k', '\\u212a', 's', 'ß', '\\w', '\\W', '[^k]', '[^ſ]', '\\P{Lu}', 'σ', '\\u{10400}'],
  ['v', '[^\\p{L}--[a-z]]', '\\p{Zs}', '[a-z]'],
  ['iv', '[\\p{Lu}--[A-M]]', '[a-k]'],
]

describe('the characters for which a part of a pattern stands', () => {
  it.each(written)('are those that RegExp finds, with flags "%s"', (flags, ...raws) => {
    for (const raw of raws) {
      const pattern = new RegExpParser({ ecmaVersion: 2025 }).parsePattern(raw, 0, raw.length, {
        unicode: flags.includes('u'),
        unicodeSets: flags.includes('v'),
      })
      const node = pattern.alternatives[0]?.elements[0] as CharacterNode
      const ranges = charactersOf(node, flags)
      const search = new RegExp(`^(?:${raw})$`, flags)
      const byUnit = !/[uv]/.test(flags)
      const wrong: number[] = []
      for (let at = 0; at <= (byUnit ? 0xffff : 0x1ffff); at += at < 0x600 || (at > 0xd7f0 && at < 0x10010) ? 1 : 11)
        if (search.test(String.fromCodePoint(at)) !== holds(ranges, at)) wrong.push(at)
      expect([raw, flags, wrong.slice(0, 5)]).toEqual([raw, flags, []])
      // asked again, it is the same
      expect(charactersOf(node, flags)).toEqual(ranges)
    }
  })

  it('the same part under other flags is another set', () => {
    const node = new RegExpParser().parsePattern('k', 0, 1).alternatives[0]?.elements[0] as CharacterNode
    expect(charactersOf(node, '')).toEqual([[0x6b, 0x6b]])
    expect(charactersOf(node, 'i')).toEqual([
      [0x4b, 0x4b],
      [0x6b, 0x6b],
    ])
    expect(charactersOf(node, 'iu')).toEqual([
      [0x4b, 0x4b],
      [0x6b, 0x6b],
      [0x212a, 0x212a],
    ])
  })
})
