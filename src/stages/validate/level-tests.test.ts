import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { levelTest, within } from './level-tests.ts'

const schema = (of: unknown) => levelTest('json-schema', of as never)
const holds = (of: unknown, value: unknown): boolean => schema(of)(JSON.stringify(value))

describe('the patterns of a JSON Schema', () => {
  it('mean what they mean in JavaScript', () => {
    const patterns = [
      '^.$',
      '^\\S+$',
      '\\s',
      '[\\s-]',
      '[^\\s]',
      '^[a.]\\.$',
      '\\d\\w',
      '\\p{L}',
      'a|b',
      '^\\/$',
      '(?=a)b|a',
      '^a{2,3}$',
    ]
    const texts = fc.string({
      unit: fc.constantFrom('a', 'b', '.', ' ', '\u00a0', '\n', '\r', '\u2028', '1', '/', '😀', '-', 'é'),
      maxLength: 4,
    })
    fc.assert(
      fc.property(fc.constantFrom(...patterns), texts, (pattern, text) => {
        expect([pattern, text, holds({ pattern }, text)]).toEqual([pattern, text, new RegExp(pattern, 'u').test(text)])
      }),
      { numRuns: 2000, seed: 7 },
    )
  })

  it('are patterns only where a schema stands', () => {
    expect(holds({ const: { pattern: 'a' } }, { pattern: 'a' })).toBe(true)
    expect(holds({ properties: { pattern: { type: 'number' } } }, { pattern: 'x' })).toBe(false)
    expect(holds({ allOf: [{ pattern: 'a' }], pattern: 'b' }, 'ac')).toBe(false)
    expect(holds({ allOf: [{ pattern: 'a' }], pattern: 'b', format: 'uuid' }, 'ab')).toBe(false)
    expect(holds({ $defs: { x: { pattern: '^a' } }, items: { $ref: '#/$defs/x' } }, ['b'])).toBe(false)
  })

  it('take time linear in the text', () => {
    const test = schema({ pattern: '^(a+)+$' })
    const time = (n: number): number => {
      const text = JSON.stringify(`${'a'.repeat(n)}!`)
      const begun = performance.now()
      expect(test(text)).toBe(false)
      return performance.now() - begun
    }
    time(10_000)
    const few = Math.max(1, time(20_000))
    expect(time(200_000) / few).toBeLessThan(60)
  })
})

it('what does not end is ended, and is an error of its check', () => {
  const test = schema({ patternProperties: { '^(a+)+$': { type: 'string' } } })
  const begun = performance.now()
  expect(() => within('the rule', () => test(`{"${'a'.repeat(50)}!":1}`), 200)).toThrow(
    /'the rule' could not be run: it took longer than 0.2 s/,
  )
  expect(performance.now() - begun).toBeLessThan(5000)
  expect(() => within('the rule', () => schema({ $ref: '#/nowhere' })('1'))).toThrow(/Unresolved/)
  expect(() =>
    within('the rule', () => schema({ items: { $ref: '#' } })('['.repeat(50_000) + ']'.repeat(50_000))),
  ).toThrow(/call stack/)
})

it('what does not end is ended, as a check of the user that could not be run', () => {
  const told = (work: () => unknown, milliseconds = 60_000): unknown => {
    try {
      return within('the rule', work, milliseconds)
    } catch (error) {
      return error
    }
  }
  expect(told(() => 7)).toBe(7)
  const endless = told(() => {
    for (;;);
  }, 50)
  expect(endless).toMatchObject({
    code: 'MR2011',
    details: { check: 'the rule', reason: 'it took longer than 0.05 s' },
  })
  const wrong = told(() => {
    throw new Error('of my own\nand more')
  })
  expect(wrong).toMatchObject({ code: 'MR2011', details: { reason: 'of my own' } })
})
