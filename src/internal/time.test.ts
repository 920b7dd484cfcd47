import fc from 'fast-check'
import { expect, it } from 'vitest'
import { exactMicros, formatTime, micros, parseTime, spanInWords } from './time.ts'

it.each([
  ['2d', '2 days'],
  ['76.5h', '3 days 4 h'],
  ['24h', '1 day'],
  ['90m', '1 h 30 min'],
  ['36500d', '36,500 days'],
  ['61.25s', '1 min 1 s'],
  ['0s', 'less than 1 ms'],
] as const)('%s is %s', (duration, words) => {
  expect(spanInWords(micros(duration))).toBe(words)
  expect(spanInWords(-micros(duration))).toBe(words)
})

it('a little more than a limit is not told as the limit', () => {
  expect(spanInWords(micros('2d') + micros('3s'))).toBe('2 days 3 s')
})

it('every microsecond is read as it is written', () => {
  const at = fc.integer({ min: Date.UTC(1900, 0) * 1000, max: Date.UTC(2200, 0) * 1000 })
  fc.assert(fc.property(at, micros => parseTime(formatTime(micros)) === micros))
  // 0.000249 * 1e6 is 248.99999999999997
  expect(parseTime('2024-01-01T00:00:00.000249Z')).toBe(Date.UTC(2024, 0) * 1000 + 249)
  expect(parseTime('1969-12-31T23:59:59.999999999Z')).toBe(-1)
})

it('days that are not in the calendar and offsets that no clock has are no times', () => {
  for (const text of ['2024-02-30', '2023-02-29', '2024-13-01', '2024-01-01T24:00:00Z', '2024-01-01T00:00:60Z'])
    expect(parseTime(text), text).toBeUndefined()
  for (const offset of ['+16:00', '-99:00', '+02:60']) expect(parseTime(`2024-01-01T00:00:00${offset}`)).toBeUndefined()
  expect(parseTime('2024-01-01T00:00:00+05:45')).toBe(Date.UTC(2023, 11, 31, 18, 15) * 1000)
  expect(parseTime('0050-01-01')).toBe(new Date('0050-01-01T00:00:00Z').getTime() * 1000)
})

it('times beyond what a number holds exactly are told to the microsecond', () => {
  // 9999-12-31T23:59:59.999999 as databases count it; the nearest number lies in the year 10000
  expect(formatTime(exactMicros(253_402_300_799_999_999n))).toBe('9999-12-31T23:59:59.999999Z')
  expect(formatTime(exactMicros(-62_135_596_799_999_999n))).toBe('0001-01-01T00:00:00.000001Z')
  expect(formatTime(exactMicros(1_000_001n))).toBe(formatTime(1_000_001))
  const at = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n })
  fc.assert(
    fc.property(at, micros => {
      const text = formatTime(exactMicros(micros))
      const fraction = /\.(\d+)/.exec(text)?.[1]?.padEnd(6, '0') ?? '0'
      return BigInt(Date.parse(text.replace(/\.\d+/, ''))) * 1000n + BigInt(fraction) === micros
    }),
  )
})
