import { expect, test } from 'vitest'
import { dataset, expect as must, parquet, t } from '../index.ts'
import { checkRows } from './check-rows.ts'

const shops = dataset('shops', {
  source: parquet('nowhere.parquet'),
  columns: { name: t.text(), since: t.timestamp('Europe/Berlin') },
})
const sales = dataset('sales', {
  source: parquet('nowhere/*.parquet'),
  columns: {
    id: t.int(),
    shop: t.text(),
    amount: t.float(),
    paid: t.bool(),
    at: t.timestamp('America/New_York'),
  },
  expect: c => [
    c.amount.between(0, 100, { id: 'fair', when: c.paid.expr }),
    must.unique([c.id], { id: 'key' }),
    c.shop.inSetFrom(shops, 'name', { id: 'known' }),
    c.at.freshness('2d', { id: 'fresh' }),
  ],
})
const now = new Date('2026-03-02T00:00:00Z')
const good = { id: 1, shop: 'north', amount: 3, paid: true, at: '2026-03-01T12:00:00Z' }
const related = { shops: [{ name: 'north', since: '2020-01-01T00:00:00Z' }] }

test('tells which row breaks which expectation', async () => {
  const { broken, failed, check } = await checkRows(
    sales,
    [
      good,
      { ...good, id: 2, amount: -1 },
      { ...good, id: 2n, amount: -1, paid: false },
      { ...good, id: 3, shop: 'south' },
      { id: 4 },
    ],
    { now, related },
  )
  expect(broken.slice(0, 4)).toEqual([[], ['fair', 'key'], ['key'], ['known']])
  expect(broken[4]).toEqual(['shop-not-null', 'amount-not-null', 'paid-not-null', 'at-not-null'])
  expect(new Set(failed)).toEqual(new Set(broken.flat()))
  expect(check('fair')).toMatchObject({ status: 'fail', evaluated: 3, bad: 1 })
  expect(check('fresh').status).toBe('pass')
})

test('time stands where the test says', async () => {
  const { failed } = await checkRows(sales, [good], { now: new Date('2026-03-04T00:00:00Z'), related })
  expect(failed).toEqual(['fresh'])
})

test('refuses what is no row of the dataset', async () => {
  const wrong = [{ amount: '3' }, { id: 1.5 }, { at: 'yesterday' }, { at: new Date(Number.NaN) }, { price: 3 }]
  for (const row of wrong)
    await expect(checkRows(sales, [{ ...good, ...row } as never], { related })).rejects.toMatchObject({
      code: 'MR1005',
    })
  const { check } = await checkRows(sales, [good], { related })
  expect(() => check('unknown')).toThrow('fair')
})
