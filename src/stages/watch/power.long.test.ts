import { describe, expect, it } from 'vitest'
import { seeded } from '../../math/random/seeded.ts'
import { watched, windowsToAlert, type World, type WorldChange } from '../../../test/support/watched-world.ts'
import type { Sensitivity } from './sensitivity.ts'
import { variationOf, varianceOfMean } from '../windows/variation.ts'

const worlds: Readonly<Record<string, World>> = {
  'i.i.d.': {},
  weekly: { weekly: 0.25 },
  wandering: { weekly: 0.25, noise: 0.25, wander: 0.8 },
}

describe('a monitor, through the windows that serving fills', () => {
  for (const [name, world] of Object.entries(worlds))
    it(`alarms at most at the stated rate where nothing changes: ${name}`, () => {
      let [windows, fired] = [0, 0]
      for (const seed of [1, 2])
        for (const { alerts } of watched({ world, seed, rows: 500 })) {
          fired += alerts.filter(one => one.state === 'firing').length
          if (++windows % 60 === 0) break
        }
      expect(fired).toBeLessThanOrEqual(windows / 30)
    })

  // 28 days of 1,000 rows; the alert needs two windows
  const found: [what: string, column: RegExp, change: WorldChange, sensitivity: Sensitivity, within: number][] = [
    ['+0.3 sd', /n1: mean \+0\.[23]\d sd/, { shift: 0.3 }, 'normal', 7],
    ['10 points of a category', /city: share of city [01] /, { share: 10 }, 'normal', 7],
    ['5 points of nulls', /n2: missing \d\.\d % → 1?\d\.\d %/, { nulls: 5 }, 'normal', 7],
    ['kilometres for miles', /km: /, { unit: 1.609344 }, 'normal', 3],
    ['+0.5 sd', /n1: mean /, { shift: 0.5 }, 'low', 4],
    ['+0.2 sd', /n1: mean /, { shift: 0.2 }, 'high', 7],
  ]
  for (const world of ['i.i.d.', 'weekly'])
    it(`alerts once, naming the column, within the windows that the guide says: ${world}`, () => {
      for (const [what, column, change, sensitivity, within] of found)
        for (const seed of [11, 12]) {
          const alert = windowsToAlert({ world: worlds[world] as World, change, sensitivity, seed }, 14)
          expect([what, seed, alert?.windows ?? 'never']).toEqual([what, seed, expect.any(Number)])
          expect(alert?.windows, `${what}, seed ${seed}`).toBeLessThanOrEqual(within)
          expect(alert?.summary).toMatch(column)
        }
    })

  it('does not alert at what is smaller than what matters', () => {
    const small: [WorldChange, Sensitivity][] = [
      [{ shift: 0.1 }, 'normal'],
      [{ share: 3 }, 'normal'],
      [{ shift: 0.2 }, 'low'],
      [{ nulls: 3 }, 'low'],
    ]
    for (const [change, sensitivity] of small)
      expect(windowsToAlert({ world: {}, change, sensitivity, seed: 21 }, 28)).toBeUndefined()
  })

  it('tells one cause once, however many columns show it, and that it is over', () => {
    let windows = 0
    const told: string[] = []
    for (const { alerts } of watched({ world: {}, change: { shift: 1, share: 20, nulls: 30 }, seed: 31 })) {
      told.push(...alerts.filter(one => one.state !== 'pending').map(one => one.summary))
      if (++windows === 14) break
    }
    expect(told).toHaveLength(1)
    for (const column of ['n1: ', 'n2: ', 'city: ', "the model's score: "]) expect(told[0]).toContain(column)
  })
})

describe('variation between windows', () => {
  const random = seeded(5)
  const windows = (count: number, mean: (index: number) => number, rows = 1_000) =>
    Array.from({ length: count }, (_, i) => ({
      index: 100 + i,
      mean: mean(100 + i) + random.normal() / Math.sqrt(rows),
      sampling: 1 / rows,
    }))

  it('is none where the rows explain it, and follows the week where there is one', () => {
    expect(
      variationOf(
        windows(28, () => 0),
        [7],
      ),
    ).toMatchObject({ between: 0, correlation: 0 })
    const weekly = variationOf(
      windows(28, i => (i % 7 === 3 ? 1 : 0)),
      [7],
    )
    expect(weekly?.means.map(x => x > 0.5)).toEqual([false, false, false, true, false, false, false])
    expect(weekly?.between).toBeLessThan(0.002)
    // hours: those of the day where days are alike, those of the week where the weekend is another
    const hour = (i: number): number => (i % 24 < 6 ? 1 : 0)
    expect(variationOf(windows(24 * 28, hour), [24, 168])?.means).toHaveLength(24)
    const weekend = (i: number): number => (i % 168 < 48 ? 0 : hour(i))
    expect(variationOf(windows(24 * 28, weekend), [24, 168])?.means).toHaveLength(168)
    // five windows of a week of seven say nothing about its days
    expect(
      variationOf(
        windows(5, i => (i % 7 === 3 ? 1 : 0)),
        [7],
      )?.means,
    ).toHaveLength(1)
    expect(
      variationOf(
        windows(3, () => 0),
        [],
      ),
    ).toBeUndefined()
  })

  it('foretells how far means of later windows lie, of windows that wander too', () => {
    for (const [wander, share] of [
      [0, 0.97],
      [0.8, 0.93],
    ] as const)
      for (const count of [1, 7]) {
        let inside = 0
        const repeats = 400
        for (let repeat = 0; repeat < repeats; repeat++) {
          let state = random.normal()
          const days = windows(60 + count, () => {
            state = wander * state + Math.sqrt(1 - wander ** 2) * random.normal()
            return 0.3 * state
          })
          const variation = variationOf(days.slice(0, 60), [])
          const mean = days.slice(60).reduce((sum, one) => sum + one.mean / count, 0)
          const { variance } = varianceOfMean(variation, count, 0.001 / count, 0.001 / 60)
          if (Math.abs(mean - (variation?.means[0] ?? 0)) < 2.6 * Math.sqrt(variance)) inside++
        }
        expect(inside / repeats, `wandering ${wander}, ${count} windows`).toBeGreaterThanOrEqual(share)
      }
  })
})
