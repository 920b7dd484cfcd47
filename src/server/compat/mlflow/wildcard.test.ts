import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wildcard } from './wildcard.ts'

/** By the definition, tried in all ways: what linear matching must agree with. */
function naive(pattern: readonly string[], text: readonly string[]): boolean {
  const [head, ...rest] = pattern
  if (head === undefined) return text.length === 0
  if (head === '%') return text.some((_, i) => naive(rest, text.slice(i))) || naive(rest, [])
  return text.length > 0 && (head === '_' || head === text[0]) && naive(rest, text.slice(1))
}

const letter = fc.constantFrom('a', 'b', '😀', '\n', '\\', '.', '*', '\ud83d', 'é')
const pattern = fc.array(fc.oneof(letter, fc.constantFrom('%', '_')), { maxLength: 9 })

test('a pattern means what its definition says', () => {
  fc.assert(
    fc.property(pattern, fc.array(letter, { maxLength: 9 }), (wanted, text) => {
      // Two halves beside each other would be one character
      const [joined, whole] = [Array.from(wanted.join('')), Array.from(text.join(''))]
      expect(wildcard(joined.join(''), false)(whole.join(''))).toBe(naive(joined, whole))
    }),
    { numRuns: 5000 },
  )
})

test('pieces longer than a machine word are found', () => {
  for (const length of [31, 32, 33, 63, 64, 65, 200]) {
    const piece = Array.from({ length }, (_, i) => 'abcdefg'[i % 7]).join('')
    expect(wildcard(`%${piece}%`, false)(`xx${piece}yy`), `${length}`).toBe(true)
    expect(wildcard(`%${piece}%`, false)(`xx${piece.slice(0, -1)}zyy`), `${length}`).toBe(false)
    expect(wildcard(`%${piece.replace('c', '_')}%`, false)(`xx${piece}yy`), `${length}`).toBe(true)
  }
})

test('case is folded where asked for, and by whole characters', () => {
  expect(wildcard('%ÄRGER%', true)('viel ärger')).toBe(true)
  expect(wildcard('%ÄRGER%', false)('viel ärger')).toBe(false)
  expect(wildcard('σ_', true)('Σ😀')).toBe(true)
  expect(wildcard('ß', true)('ß')).toBe(true)
  expect(wildcard('İ_', true)('İx')).toBe(true)
})

test.each([
  ['sixty percent signs', `${'%'.repeat(60)}x`, 'y'.repeat(60)],
  ['a letter between each two', `${'%a'.repeat(60)}%b`, 'a'.repeat(8_000)],
  ['one place of any letter between each two', `${'%_a'.repeat(1_000)}%b`, 'a'.repeat(8_000)],
  ['a long piece that nearly fits everywhere', `%${'_'.repeat(2_000)}${'a'.repeat(2_000)}b%`, 'a'.repeat(8_000)],
])('%s take no time', (_, wanted, text) => {
  const before = process.cpuUsage()
  for (let i = 0; i < 10; i++) expect(wildcard(wanted, i % 2 === 0)(text)).toBe(false)
  const { user } = process.cpuUsage(before)
  // Trying in all ways takes longer than the universe is old
  expect(user / 1000).toBeLessThan(1_000)
})
