import { expect, it } from 'vitest'
import { ulid } from './ids.ts'

it('ids sort in the order of their making although the clock is set back', () => {
  const now = Date.now() + 1000
  const ids = [now, now, now - 60_000, 5, now + 1, now].map(at => ulid(at))
  expect([...ids].sort()).toEqual(ids)
  expect(new Set(ids.map(id => id.length))).toEqual(new Set([26]))
})
