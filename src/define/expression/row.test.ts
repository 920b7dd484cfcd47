import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Value } from './dialect.ts'
import type { FunctionName, Node } from './node.ts'
import { compareValues, toEvaluator } from './row.ts'

const min = -(2n ** 63n)
const max = 2n ** 63n - 1n
const whole = fc.oneof(
  fc.bigInt({ min: -20n, max: 20n }),
  fc.bigInt({ min, max }),
  fc.constantFrom(min, min + 1n, max, max - 1n, 2n ** 53n, -(2n ** 53n), 3_037_000_500n, -3_037_000_500n, 2n ** 32n),
)
/** As a source gives it: a number as long as that is exact. */
const carried = (value: bigint): Value => (Number.isSafeInteger(Number(value)) ? Number(value) : value)
const of = (fn: FunctionName, type: 'int' | 'float', ...args: Value[]): Value => {
  const node: Node = { op: 'call', fn, type, args: args.map((_, i): Node => ({ op: 'column', name: String(i), type })) }
  return toEvaluator(node)(name => args[Number(name)] as Value)
}

describe('whole numbers of 64 bits', () => {
  const exact: Readonly<Record<string, (a: bigint, b: bigint) => bigint | null>> = {
    add: (a, b) => a + b,
    sub: (a, b) => a - b,
    mul: (a, b) => a * b,
    mod: (a, b) => (b === 0n ? null : a % b),
  }
  it.each(Object.keys(exact))('%s is exact, and null beyond 64 bits', fn => {
    fc.assert(
      fc.property(whole, whole, (a, b) => {
        const wanted = exact[fn]?.(a, b) ?? null
        const found = of(fn as FunctionName, 'int', carried(a), carried(b))
        expect(found).toBe(wanted === null || wanted < min || wanted > max ? null : carried(wanted))
        // there is one nought
        expect(Object.is(found, -0)).toBe(false)
      }),
      { numRuns: 400 },
    )
  })

  it('neg and abs are too', () => {
    fc.assert(
      fc.property(whole, a => {
        const inside = (value: bigint) => (value > max ? null : carried(value))
        expect(of('neg', 'int', carried(a))).toBe(inside(-a))
        expect(of('abs', 'int', carried(a))).toBe(inside(a < 0n ? -a : a))
        expect(of('floor', 'int', carried(a))).toBe(carried(a))
        expect(of('toFloat', 'float', carried(a))).toBe(Number(a))
      }),
    )
  })
})

describe('the order of values', () => {
  const number = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, 0, -0), whole.map(carried) as fc.Arbitrary<number>)
  it('is total: of two values one comes first, or they are equal; NaN is the greatest, and equals itself', () => {
    fc.assert(
      fc.property(number, number, number, (a, b, c) => {
        const order = Math.sign(compareValues(a, b))
        expect(order + Math.sign(compareValues(b, a))).toBe(0)
        expect(compareValues(a, a)).toBe(0)
        expect(compareValues(a, Number.NaN)).toBe(Number.isNaN(a) ? 0 : -1)
        if (!Number.isNaN(a) && !Number.isNaN(b)) expect(order).toBe(a < b ? -1 : a > b ? 1 : 0)
        if (order <= 0 && compareValues(b, c) <= 0) expect(compareValues(a, c)).toBeLessThanOrEqual(0)
      }),
    )
    expect(compareValues(0, -0)).toBe(0)
    expect(compareValues(2n ** 53n, 2 ** 53)).toBe(0)
    expect(compareValues(2n ** 53n + 1n, 2 ** 53)).toBe(1)
    expect([compareValues(false, true), compareValues(true, true), compareValues(true, false)]).toEqual([-1, 0, 1])
  })

  it('of texts is that of their code points', () => {
    const character = fc.constantFrom(
      'a',
      'b',
      'é',
      '\ud7ff',
      '\ue000',
      '\uffee',
      '😀',
      '😁',
      '\u{10ffff}',
      '\u{10000}',
    )
    const text = fc.array(character, { maxLength: 5 }).map(list => list.join(''))
    const points = (of: string) => Array.from(of, one => one.codePointAt(0) as number)
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [x, y] = [points(a), points(b)]
        const differs = x.findIndex((point, i) => point !== y[i])
        const wanted = differs < 0 ? x.length - y.length : (x[differs] ?? 0) - (y[differs] ?? -1)
        expect(Math.sign(compareValues(a, b))).toBe(Math.sign(wanted))
      }),
      { numRuns: 500 },
    )
  })
})

describe('moments', () => {
  it('are moved by whole microseconds; a fraction is rounded, half upwards; out of all bounds is null', () => {
    for (const [by, wanted] of [
      [0.4, 10],
      [0.5, 11],
      [-0.5, 10],
      [-0.6, 9],
      [2.5, 13],
      [-2.5, 8],
      [3n, 13],
      [3, 13],
      [Infinity, null],
      [Number.NaN, null],
      [null, null],
    ] as const)
      expect([by, of('addMicros', 'int', 10, by)]).toEqual([by, wanted])
  })
})
