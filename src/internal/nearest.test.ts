import { expect, it } from 'vitest'
import { nearestFirst } from './nearest.ts'

it('the likeliest name stands first, whatever its case', () => {
  expect(nearestFirst('Ordres', ['flights', 'orders', 'order_lines'])).toEqual(['orders', 'order_lines', 'flights'])
  expect(nearestFirst('x', [])).toEqual([])
})
