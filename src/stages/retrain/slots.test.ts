import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { beginsAnew, handledUntil, Slots } from './slots.ts'

const minute = 60_000_000
const day = 24 * 60 * minute
/** A Wednesday of a leap year, shortly before the end of February. */
const start = Date.UTC(2028, 1, 23) * 1000

/** Expressions with the plainest way of telling their minutes, in UTC. */
const schedules: readonly (readonly [cron: string, holds: (at: Date) => boolean])[] = [
  ['0 4 * * *', at => at.getUTCHours() === 4 && at.getUTCMinutes() === 0],
  ['*/20 2-3 * * *', at => [2, 3].includes(at.getUTCHours()) && at.getUTCMinutes() % 20 === 0],
  ['30 0 * * 1', at => at.getUTCDay() === 1 && at.getUTCHours() === 0 && at.getUTCMinutes() === 30],
  ['0 0 1 * *', at => at.getUTCDate() === 1 && at.getUTCHours() === 0 && at.getUTCMinutes() === 0],
  [
    '0 12 29 2 *',
    at => at.getUTCMonth() === 1 && at.getUTCDate() === 29 && at.getUTCHours() === 12 && at.getUTCMinutes() === 0,
  ],
]

describe('the times of a schedule', () => {
  const times = schedules.map(([, holds]) => {
    const list: number[] = []
    for (let at = start; at <= start + 16 * day; at += minute) if (holds(new Date(at / 1000))) list.push(at)
    return list
  })
  const moment = fc.integer({ min: 0, max: 16 * day }).map(x => start + x)

  it('are the last one after the last look and not after this one, as going through the minutes finds', () => {
    fc.assert(
      fc.property(fc.nat(schedules.length - 1), moment, moment, (which, one, other) => {
        const [from, to] = [Math.min(one, other), Math.max(one, other)]
        const plainly = times[which]?.filter(at => at > from && at <= to).at(-1)
        expect(new Slots((schedules[which] as (typeof schedules)[number])[0]).newest(from, to)).toBe(plainly)
      }),
      { numRuns: 500 },
    )
  })

  it.each([
    ['the microsecond before', -1, undefined],
    ['the moment itself', 0, 0],
    ['three days that nobody was there: once, the last', 3 * day + minute, 3 * day],
  ])('%s', (_, after, wanted) => {
    const four = start + 4 * 60 * minute
    const found = new Slots('0 4 * * *').newest(four - minute, four + after)
    expect(found).toBe(wanted === undefined ? undefined : four + wanted)
  })

  it('no time is due twice', () => {
    const four = start + 4 * 60 * minute
    expect(new Slots('0 4 * * *').newest(four, four + day - 1)).toBeUndefined()
  })
})

describe('what is dealt with', () => {
  const kept = { cron: '0 4 * * *', until: start }
  it.each([
    ['what is kept', kept, undefined, start],
    ['a retrain that it started, which a crash kept from being written', kept, start + day, start + day],
    ['an earlier one', kept, start - day, start],
    ['one of a time to come, of a clock that was set back', kept, start + 9 * day, start + 2 * day],
    ['nothing, of another expression', { ...kept, cron: '0 5 * * *' }, start + day, undefined],
    ['nothing, the first time', undefined, start + day, undefined],
  ])('is %s', (_, had, started, wanted) => {
    expect(handledUntil(had, kept.cron, started, start + 2 * day)).toBe(wanted)
  })

  it('is forgotten when the clock was set back by more than a day', () => {
    expect([beginsAnew(start, start - day), beginsAnew(start, start - day - 1)]).toEqual([false, true])
  })
})
