import { expect, it } from 'vitest'
import { micros, spanInWords } from './time.ts'

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
