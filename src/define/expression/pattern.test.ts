import { expect, it } from 'vitest'
import { linearSearch, portablePattern } from './pattern.ts'

it('takes no longer than the text is long, whatever the pattern', () => {
  const search = linearSearch(portablePattern(/^(a+)+$/))
  const begun = performance.now()
  expect(search(`${'a'.repeat(100_000)}b`)).toBe(false)
  // a backtracking search would not end in the age of the universe
  expect(performance.now() - begun).toBeLessThan(5000)
  expect(search('aaa')).toBe(true)
})

it.each([
  [/(?=a)/, 'look-around at 0'],
  [/(?<!a)b/, 'look-around at 0'],
  [/(a)\1/, 'back-reference at 3'],
  [/a/g, 'flag "g"'],
  [/\cJ/, 'invalid escape'],
  [/a{1,2000}/, 'repeat'],
])('refuses %s at its declaration', (pattern, reason) => {
  expect(() => portablePattern(pattern)).toThrow(reason)
})

it('means code points, and the spaces of ASCII', () => {
  expect(linearSearch(portablePattern(/^.$/))('😀')).toBe(true)
  expect(linearSearch(portablePattern(/^\u{1F600}$/u))('😀')).toBe(true)
  expect(linearSearch(portablePattern(/\s/))('\u00a0')).toBe(false)
  expect(linearSearch(portablePattern(/a\/b/))('a/b')).toBe(true)
  expect(linearSearch(portablePattern(/^\\u0041$/))('\\u0041')).toBe(true)
})
