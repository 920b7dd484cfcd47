import fc from 'fast-check'
import { expect, it } from 'vitest'
import { anyPattern, anySearched } from '../../../test/support/patterns.ts'
import { linearSearch, patternText } from './pattern.ts'
import { times } from '../../../test/fuzz/edges.ts'

const search = (pattern: RegExp) => linearSearch(patternText(pattern))

it('takes no longer than the text is long, whatever the pattern', () => {
  const finds = search(/^(a+)+$/)
  const begun = performance.now()
  expect(finds(`${'a'.repeat(100_000)}b`)).toBe(false)
  // a backtracking search would not end in the age of the universe
  expect(performance.now() - begun).toBeLessThan(5000)
  expect(finds('aaa')).toBe(true)
})

it('finds what RegExp finds, in random texts by random patterns', () => {
  fc.assert(
    fc.property(anyPattern, fc.array(anySearched, { minLength: 8, maxLength: 8 }), (pattern, texts) => {
      let finds: (text: string) => boolean
      try {
        finds = search(pattern)
      } catch {
        return
      }
      for (const text of ['', ...texts]) expect([text, finds(text)]).toEqual([text, pattern.test(text)])
    }),
    { numRuns: 40 * times },
  )
})

it('finds most of what can be written', () => {
  // a share is a figure of one fixed sample: of another hundred it may be anything near
  const patterns = fc.sample(anyPattern, { numRuns: 200, seed: 5 })
  const taken = patterns.filter(pattern => {
    try {
      return patternText(pattern) !== ''
    } catch {
      return false
    }
  })
  expect(taken.length / patterns.length).toBeGreaterThan(0.7)
})

it.each([
  [/(?=a)/, 'look-around at 0'],
  [/(?<!a)b/, 'look-around at 0'],
  [/(a)\1/, 'back-reference at 3'],
  [/(?<x>a)\k<x>/, 'back-reference at 7'],
  [/a/g, 'flag "g"'],
  [/a/y, 'flag "y"'],
  [new RegExp(String.raw`\p{L}`), 'add flag u'],
  [new RegExp(String.raw`\u{1F600}`), 'add flag u'],
  [new RegExp(`[${'😀😁'}]`), 'add flag u'],
  [/😀+/, 'add flag u'],
  [/\bk/iu, 'leave one of the flags out'],
  [/a^b/m, 'with flag m'],
  [/x|\B/, 'which character stands beside'],
  [/(?:a{100}){100}/, 'repeat less'],
  [/\p{L}{900}/u, 'too large'],
  [new RegExp(String.raw`[\q{ab|c}]`, 'v'), 'several characters'],
])('refuses %s at its declaration, with what to write instead', (pattern, reason) => {
  expect(() => patternText(pattern)).toThrow(reason)
})

it.each<[RegExp, string, boolean]>([
  [/\s/, '\u00a0', true],
  [/\s/, '\u3000', true],
  [/\s/, '\u2028', true],
  [/\s/, '\ufeff', true],
  [/\s/, '\u200b', false],
  [/^.*$/, 'line\r', false],
  [/^.*$/, 'line\n', false],
  [/^.*$/, 'line\u2029', false],
  [/^.*$/s, 'a\nb', true],
  [/^b$/m, 'a\rb\u2028c', true],
  [/^b$/, 'a\nb\n', false],
  [/^.$/, '😀', false],
  [/^..$/, '😀', true],
  [/^.$/u, '😀', true],
  [/^[^,]{2}$/, '😀', true],
  [/^\u{1F600}$/u, '😀', true],
  [/\ud83d\ude00/, 'a😀', true],
  [/a\/b/, 'a/b', true],
  [/^\\u0041$/, '\\u0041', true],
  [/^k$/i, '\u212a', false],
  [/^k$/iu, '\u212a', true],
  [/^ß$/i, 'ẞ', false],
  [/^ß$/iu, 'ẞ', true],
  [/^[^k]$/iu, '\u212a', false],
  [/^\w$/iu, 'ſ', true],
  [/^\p{Lu}+$/u, 'ÄÖΩ', true],
  [/^\P{L}$/u, '1', true],
  [new RegExp(String.raw`^[\p{L}--[a-z]]$`, 'v'), 'b', false],
  [/^a{1,2000}$/, 'a'.repeat(1500), true],
  [/^a{1200}$/, 'a'.repeat(1199), false],
  [/^\cJ$/, '\n', true],
  [new RegExp('^[]|x$'), 'x', true],
  [/^[^]$/, '\n', true],
])('%s on %j is %s, as in JavaScript', (pattern, text, found) => {
  expect(pattern.test(text)).toBe(found)
  expect(search(pattern)(text)).toBe(found)
})
