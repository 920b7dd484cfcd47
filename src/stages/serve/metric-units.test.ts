import { expect, it } from 'vitest'
import { Played } from '../../../test/support/played-rollout.ts'
import { MetricUnits } from './metric-units.ts'

const metrics = {
  revenue: { better: 'higher', margin: 0.01, required: false, missing: 0 },
  minutes: { better: 'lower', margin: 0.01, required: false, missing: null },
} as const
const { state } = new Played({ metrics })
let now = 0
const units = (): MetricUnits =>
  new MetricUnits(
    () => state,
    () => 10,
    () => now,
  )
const served = (id: string, at: number, caller?: string) => ({
  id,
  at,
  canary: id > 'm',
  chance: 0.2,
  ...(caller === undefined ? {} : { caller }),
})

it('counts each unit once its horizon is over, in the order of serving, with what was told by then', () => {
  now = 2
  const all = units()
  // a value may come before its prediction
  expect(all.told([{ id: 'a', metric: 'revenue', value: 3 }])).toBe(0)
  all.served([served('a', 0), served('z', 1), served('late', 2)], state.salt)
  expect(all.told([{ id: 'a', metric: 'revenue', value: 9 }])).toBe(0)
  expect(all.told([{ id: 'z', metric: 'minutes', value: 7 }])).toBe(1)
  now = 9
  expect(all.release()).toBeUndefined()
  now = 11
  expect(all.release()).toEqual({
    type: 'metrics',
    at: 11,
    first: 0,
    canary: [0, 1],
    chance: [0.2, 0.2],
    values: { revenue: [3, 0], minutes: [null, 7] },
  })
  // what comes after the horizon comes too late
  expect(all.told([{ id: 'a', metric: 'minutes', value: 1 }])).toBe(0)
  now = 12
  expect(all.release()).toMatchObject({ first: 2, canary: [0], values: { revenue: [0] } })
  expect([all.waiting, all.release()]).toEqual([0, undefined])
})

it('takes of callers that stay on one arm the first prediction, and one of the future as one of now', () => {
  now = 5
  const all = units()
  all.served([served('a', 5, 'ann'), served('b', 5, 'bob'), served('c', 5, 'ann'), served('d', 1e9)], state.salt)
  expect(all.waiting).toBe(3)
  all.served([served('e', 5)], 'another rollout')
  expect(all.waiting).toBe(3)
  now = 15
  expect(all.release()?.canary).toHaveLength(3)
  all.served([served('f', 15, 'bob')], state.salt)
  expect(all.waiting).toBe(0)
})

it('is the same after a restart, from a whole and the changes since', () => {
  now = 0
  const [first, second] = [units(), units()]
  first.served([served('a', 0, 'ann'), served('b', 0)], state.salt)
  first.told([{ id: 'a', metric: 'revenue', value: 3 }])
  const whole = first.capture(true)
  now = 1
  first.served([served('c', 1)], state.salt)
  now = 10
  expect(first.release()?.first).toBe(0)
  first.told([{ id: 'c', metric: 'minutes', value: 4 }])
  const change = first.capture(false)
  expect(first.capture(false)).toBeUndefined()
  for (const kept of [whole, change]) second.takeBack(JSON.parse(JSON.stringify(kept)))
  second.served([served('x', 5, 'ann')], state.salt)
  first.served([served('x', 5, 'ann')], state.salt)
  now = 11
  const [one, other] = [first.release(), second.release()]
  expect(other).toEqual(one)
  expect(one).toMatchObject({ first: 2, values: { revenue: [0], minutes: [4] } })
})

it('units that a rollout has counted count no more when a journal knows less', () => {
  const values = (of: number) => ({ revenue: [of, of], minutes: [null, null] })
  const played = new Played({ metrics })
  const event = { type: 'metrics', at: 1, canary: [0, 1], chance: [0.2, 0.2] } as const
  played.send({ ...event, first: 0, values: values(1) })
  const { state: before } = played
  expect(before).toMatchObject({ units: 2, metrics: { revenue: { stable: { n: 1 }, canary: { n: 1 } } } })
  expect(played.send({ ...event, first: 0, values: values(1) }).state).toEqual(before)
  played.send({ ...event, first: 1, values: values(5) })
  expect(played.state).toMatchObject({
    units: 3,
    metrics: { revenue: { stable: { n: 1 }, canary: { n: 2, mean: 3 } } },
  })
  expect(() => played.send({ ...event, first: 3, values: { revenue: [1] } })).toThrow(/unequal/)
  expect(() => played.send({ ...event, first: 3, values: { revenue: [1, Number.NaN] } })).toThrow(/not finite/)
})

it('counts after the label horizon where no other is declared', async () => {
  const { trainedProject } = await import('../../../test/support/trained-project.ts')
  const trained = await trainedProject()
  try {
    const live = await trained.live('horizon', {
      canary: { steps: ['50%'], shadowRows: 0, metrics: { revenue: { better: 'higher' } } },
    })
    await live.rollOut(trained.versions.other, 'ada')
    await live.predict([{ id: 'a', row: { at: trained.clock.now(), zone: 'north', km: 3 } }])
    await live.observe([{ id: 'a', metric: 'revenue', value: 2 }])
    await trained.clock.advance(2 * 86_400_000 - 1)
    live.tick()
    expect(live.rollout?.units).toBe(0)
    await trained.clock.advance(1)
    live.tick()
    expect(live.rollout?.units).toBe(1)
  } finally {
    await trained.close()
  }
})
