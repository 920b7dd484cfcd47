import { describe, expect, it } from 'vitest'
import type { RequestColumn } from '../../stages/serve/types.ts'
import { typedRows, typedValue } from './rows.ts'

const column = (type: RequestColumn['type'], nullable = false): RequestColumn => ({ name: 'c', type, nullable })
const refused = (type: RequestColumn['type'], value: unknown): string => {
  try {
    typedValue(column(type), value, 3)
  } catch (error) {
    return (error as Error).message
  }
  return `taken: ${String(value)}`
}

describe('a value of a request', () => {
  it.each([
    ['int', 0, 0],
    ['int', -9007199254740991, -9007199254740991],
    ['int', '9007199254740992', 9007199254740992n],
    ['int', '-9223372036854775808', -9223372036854775808n],
    ['int', '9223372036854775807', 9223372036854775807n],
    ['float', -0.5, -0.5],
    ['text', '', ''],
    ['bool', false, false],
    ['timestamp', 0, 0],
    ['timestamp', '1970-01-01T00:00:01Z', 1_000_000],
  ] as const)('as %s: %s is %s', (type, value, read) => expect(typedValue(column(type), value, 0)).toBe(read))

  it.each([
    ['int', 1.5, 'expected a whole number (beyond 2^53 as text), got 1.5'],
    ['int', 2 ** 53, 'got 9007199254740992'],
    ['int', '12', 'got the text "12"'],
    ['int', '9007199254740991', 'got the text "9007199254740991"'],
    ['int', '-9007199254740991', 'got the text'],
    ['int', '9223372036854775808', 'got the text'],
    ['int', '-9223372036854775809', 'got the text'],
    ['int', true, 'got true'],
    ['float', '1', 'expected a finite number, got the text "1"'],
    ['float', Number.NaN, 'got NaN'],
    ['float', Number.POSITIVE_INFINITY, 'got Infinity'],
    ['text', 1, 'expected a text, got 1'],
    ['text', ['a'], 'got a list'],
    ['text', {}, 'got an object'],
    ['bool', 0, 'expected true or false, got 0'],
    ['bool', 'true', 'got the text "true"'],
    ['timestamp', 0.5, 'expected a time such as 2001-04-01T12:00:00Z, or microseconds since 1970, got 0.5'],
    ['timestamp', 'x'.repeat(31), `got the text "${'x'.repeat(30)}…"`],
    ['timestamp', 'x'.repeat(30), `got the text "${'x'.repeat(30)}"`],
    ['timestamp', true, 'got true'],
    ['int', null, 'is null and may not be'],
    ['int', undefined, 'is missing'],
  ] as const)('as %s: %s is refused by row and column', (type, value, reason) => {
    expect(refused(type, value)).toContain("Row 3, column 'c'")
    expect(refused(type, value)).toContain(reason)
  })

  it('may be null or left out where its column says so', () => {
    for (const value of [null, undefined]) expect(typedValue(column('int', true), value, 0)).toBeNull()
  })
})

describe('rows of a request', () => {
  const columns = [column('int'), { ...column('text', true), name: 'd' }]
  it('have every column and no other', () => {
    expect(typedRows([{ c: 1 }, { c: 2, d: 'x' }], columns)).toEqual([
      { c: 1, d: null },
      { c: 2, d: 'x' },
    ])
    const refusal = (bad: unknown) => expect(() => typedRows([{ c: 1 }, bad], columns))
    refusal({ c: 1, e: 1 }).toThrow(/Row 1, column 'e': is no column; there are c, d/)
    refusal({ d: 'x' }).toThrow(/Row 1, column 'c': is missing/)
    for (const [bad, got] of [
      [null, 'null'],
      [[1], 'a list'],
      [7, '7'],
      ['x', 'the text "x"'],
    ] as const)
      refusal(bad).toThrow(`Row 1, column '*': expected an object with the columns c, d, got ${got}`)
  })
})
