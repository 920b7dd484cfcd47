import { expect, it } from 'vitest'
import { backfillInWords } from './features-plan.ts'

it.each<[Parameters<typeof backfillInWords>[0], string]>([
  [{ rows: 1_200_000, entities: 40_000, seconds: 12.4 }, '1,200,000 rows, 40,000 entities, about 12 s'],
  [{ rows: 1, entities: 1, seconds: 0.01 }, '1 row, 1 entity, about 1 s'],
  [{ rows: 5, entities: null, seconds: 7_200 }, '5 rows, about 2 h'],
  [{ rows: 0, entities: 0, seconds: null }, '0 rows, 0 entities'],
  [{ rows: null, entities: null, seconds: null }, 'once there is a snapshot'],
])('what is to be written, in words: %j', (backfill, words) => {
  expect(backfillInWords(backfill)).toBe(words)
})
