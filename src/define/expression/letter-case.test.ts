import { describe, expect, it } from 'vitest'
import { lower, upper } from './letter-case.ts'

describe('letters in other cases', () => {
  // simple mappings of UnicodeData.txt 15.0
  it.each([
    ['a', 'A'],
    ['é', 'É'],
    ['ß', 'ẞ'],
    ['ö', 'Ö'],
    ['ᾀ', 'ᾈ'],
    ['ᾇ', 'ᾏ'],
    ['ᾐ', 'ᾘ'],
    ['ᾗ', 'ᾟ'],
    ['ᾠ', 'ᾨ'],
    ['ᾧ', 'ᾯ'],
    ['ᾳ', 'ᾼ'],
    ['ῃ', 'ῌ'],
    ['ῳ', 'ῼ'],
    ['𐐨', '𐐀'],
    ['ǆ', 'Ǆ'],
    ['ჰ', 'Ჰ'],
    ['ა', 'Ა'],
  ])('%s and %s are a pair', (small, large) => {
    expect([upper(small), lower(large)]).toEqual([large, small])
    expect([upper(`x${small}1`), lower(`X${large}1`)]).toEqual([`X${large}1`, `x${small}1`])
  })

  it.each([
    // no single letter is their other case
    ['ŉ', 'ŉ'],
    ['ﬁ', 'ﬁ'],
    ['ΐ', 'ΐ'],
    ['ᾶ', 'ᾶ'],
    ['ὒ', 'ὒ'],
    ['և', 'և'],
    ['1', '1'],
    ['', ''],
    // several small letters have one large one
    ['ς', 'Σ'],
    ['ſ', 'S'],
    ['ı', 'I'],
    ['µ', 'Μ'],
    ['ǅ', 'Ǆ'],
  ])('the large one of %j is %j', (text, wanted) => {
    expect(upper(text)).toBe(wanted)
  })

  it.each([
    ['İ', 'i'],
    ['ΣΑΣ', 'σασ'],
    ['K', 'k'],
    ['Å', 'å'],
    ['ẞ', 'ß'],
    ['ǅ', 'ǆ'],
    ['Ⴀ', 'ⴀ'],
    ['😀A', '😀a'],
  ])('the small one of %j is %j', (text, wanted) => {
    expect(lower(text)).toBe(wanted)
  })

  it('pairs that came after Unicode 15 stay as they are, whatever the runtime knows', () => {
    const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i)
    const large = [
      0x1c89,
      0xa7cb,
      0xa7cc,
      0xa7ce,
      0xa7d2,
      0xa7d4,
      0xa7da,
      0xa7dc,
      ...range(0x10d50, 0x10d65),
      ...range(0x16ea0, 0x16eb8),
    ]
    const small = [
      0x19b,
      0x264,
      0x1c8a,
      0xa7cd,
      0xa7cf,
      0xa7d3,
      0xa7d5,
      0xa7db,
      ...range(0x10d70, 0x10d85),
      ...range(0x16ebb, 0x16ed3),
    ]
    for (const point of large) expect(lower(String.fromCodePoint(point))).toBe(String.fromCodePoint(point))
    for (const point of small) expect(upper(String.fromCodePoint(point))).toBe(String.fromCodePoint(point))
  })

  it('each letter alone, and none is lost: every code point gives one', () => {
    for (let point = 0; point < 0x1ffff; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue
      const letter = String.fromCodePoint(point)
      const [small, large] = [lower(letter), upper(letter)]
      if ([...small].length !== 1 || [...large].length !== 1) expect([letter, small, large]).toBe('one letter each')
      // what JavaScript maps to one letter is mapped so, or left alone (letters of a later Unicode, ß and the iotas)
      if (large !== letter && [...letter.toUpperCase()].length === 1) expect(large).toBe(letter.toUpperCase())
      if (small !== letter && point !== 0x130) expect(small).toBe(letter.toLowerCase())
    }
  })
})
