import { expect as check, it } from 'vitest'
import { dataset } from '../dataset.ts'
import { csv } from '../source.ts'
import { t } from '../column.ts'
import { expect, restsOnMore, sql } from './index.ts'
import type { Expectation } from './spec.ts'

const columns = { id: t.int(), at: t.timestamp('UTC'), now: t.float() }
const other = dataset('other', { source: csv('b.csv'), columns })
type Given = Parameters<NonNullable<Parameters<typeof dataset<'x', typeof columns>>[1]['expect']>>[0]

it.each<[string, boolean, (c: Given) => Expectation]>([
  ['bounds', false, c => c.id.between(0, 9)],
  ['freshness', true, c => c.at.freshness('1d')],
  ['growth from earlier counts', true, () => expect.rowCount({ min: 1 })],
  ['a key of another dataset', true, c => expect.foreignKey([c.id], other, ['id'])],
  ['code that may call other code', true, c => expect.batches([c.id], ({ id }) => id.map(Boolean), { says: 'set' })],
  ['plain SQL', false, c => expect.sql(sql`SELECT * FROM rows WHERE ${c.now} > 3`)],
  ['SQL that asks the clock', true, c => expect.sql(sql`SELECT * FROM rows WHERE ${c.at} > now()`)],
  ['SQL that asks the date', true, c => expect.sql(sql`SELECT * FROM rows WHERE ${c.at} > current_date`)],
  ['SQL that rolls dice', true, () => expect.sql(sql`SELECT * FROM rows WHERE random() < 0.1`)],
])('a verdict rests on more than rows: %s is %s', (_name, rests, make) => {
  const given = dataset('given', { source: csv('a.csv'), columns, expect: c => [make(c)] })
  check(given.expectations.filter(one => one.kind !== 'schema').filter(restsOnMore).length > 0).toBe(rests)
})
