import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { predicted, ridesOf } from '../../test/support/rides-of.ts'
import { trainedServer } from '../../test/support/trained-server.ts'
import { type Trained, trainedProject } from '../../test/support/trained-project.ts'
import type { LiveDeployment } from '../stages/serve/deployment.ts'
import { quantileOf, TrafficCounter, TrafficHistory } from '../stages/serve/traffic.ts'
import type { Traffic } from './api-types.ts'
import { trafficOf } from './traffic-figures.ts'

const minute = 60_000_000

describe('traffic', () => {
  it('gives quantiles to a fifth of what sorting gives', () => {
    const milliseconds = fc.double({ min: 0.06, max: 20_000, noNaN: true })
    fc.assert(
      fc.property(
        fc.array(milliseconds, { minLength: 1, maxLength: 200 }),
        fc.constantFrom(0.5, 0.99),
        (all, share) => {
          const counter = new TrafficCounter()
          for (const one of all) counter.answered(0, { stable: 1, canary: 0 }, one)
          const found = quantileOf(counter.take()[0]?.latency ?? [], share)
          const exact = all.toSorted((a, b) => a - b)[Math.ceil(share * all.length) - 1] as number
          expect(Math.abs(Math.log((found ?? 0) / exact))).toBeLessThanOrEqual(Math.log(1.5) / 2 + 1e-9)
        },
      ),
    )
    expect(quantileOf([], 0.5)).toBe(null)
  })

  it('adds up, whoever counted it, and is the same after a restart', () => {
    const [a, b, both] = [new TrafficCounter(), new TrafficCounter(), new TrafficCounter()]
    for (const [i, counter] of [a, b, a, b, b].entries())
      for (const one of [counter, both]) {
        one.answered(i * minute, { stable: 2, canary: i }, 1 + i)
        one.failed(3 * minute, 1)
        one.judged({
          type: 'request',
          at: minute,
          rows: { stable: 1, canary: 0 },
          weight: 0.5,
          outcome: { stable: 'ok', canary: i === 0 ? 'timeout' : i === 1 ? 'invalid' : 'ok' },
          took: { stable: 1, canary: 2 },
        })
      }
    const [parts, whole, again] = [new TrafficHistory(), new TrafficHistory(), new TrafficHistory()]
    whole.add(both.take())
    parts.add(a.take())
    const kept = parts.capture(true)
    expect(parts.capture(false)).toBeUndefined()
    const others = b.take()
    expect(b.empty).toBe(true)
    parts.add(others)
    again.takeBack(JSON.parse(JSON.stringify(kept)))
    again.takeBack(JSON.parse(JSON.stringify(parts.capture(false))))
    const all = (one: TrafficHistory) => one.since(4 * minute, 5, 1)
    expect(all(parts)).toEqual(all(whole))
    expect(all(again)).toEqual(all(whole))
    const figures = trafficOf({ traffic: (count, step) => whole.since(4 * minute, count, step) }, 1)
    expect(figures.arms).toMatchObject({
      stable: { rows: 10, asked: 5, errors: 0, timeouts: 0 },
      canary: { rows: 10, asked: 5, errors: 1, timeouts: 1 },
    })
    expect(figures.points.slice(-5).map(one => [one.at / minute, one.rows, one.failed])).toEqual([
      [0, 2, 0],
      [1, 3, 0],
      [2, 4, 0],
      [3, 5, 5],
      [4, 6, 0],
    ])
  })

  it('keeps two days and no more, and coarser pieces of all of them', () => {
    const history = new TrafficHistory()
    for (let i = 0; i < 3_000; i++) {
      const counter = new TrafficCounter()
      counter.answered(i * minute, { stable: 1, canary: 0 }, 1)
      history.add(counter.take())
      history.stands(i * minute, { error: i / 3_000 })
    }
    expect(history.since(2_999 * minute, 3_000, 1).reduce((sum, one) => sum + one.minute.stable.rows, 0)).toBe(2_880)
    const figures = trafficOf({ traffic: (count, step) => history.since(2_999 * minute, count, step) }, 48)
    expect([figures.step, figures.points.length, figures.points.at(-2)?.rows]).toEqual([16, 180, 16])
    expect(figures.points.at(-1)?.evidence).toEqual({ error: 2_999 / 3_000 })
  })
})

describe('over HTTP', () => {
  let trained: Trained
  beforeAll(async () => {
    trained = await trainedProject()
  })
  afterAll(() => trained.close())
  const { many, row } = ridesOf(() => trained)

  it('requests, errors and latencies go on where they were after a restart, and the evidence with them', async () => {
    const canary = { steps: ['50%'], shadowRows: 0, minRequests: 1_000 } as const
    const server = await trainedServer(trained, 'busy-api', {}, { canary })
    const folder = await mkdtemp(join(tmpdir(), 'millrace-traffic-'))
    const open = (live: LiveDeployment): Promise<void> =>
      live.remember(folder, [], { clock: trained.clock, retention: 1e12, onError: error => expect(error).toBeNull() })
    await open(server.live)
    const of = async (): Promise<Traffic> =>
      (await server.ask('GET', '/v1/deployments/busy-api/traffic?hours=1')).body as unknown as Traffic
    expect(await of()).toMatchObject({ arms: { stable: { rows: 0, p50: null } }, points: expect.any(Array) })
    for (const one of many(30)) await server.ask('POST', '/v1/deployments/busy-api/predict', { rows: [one.row] })
    await trained.clock.advance(60_000)
    await server.live.rollOut(trained.versions.other, 'ada')
    await predicted(server.live, many(10))
    server.faults.set(
      (await trained.workspace.store.getModelVersion('late', trained.versions.other))?.digest ?? '',
      () => Promise.reject(new Error('broken')),
    )
    for (let i = 0; i < 3; i++) await predicted(server.live, [{ row: row() }])
    server.live.tick()
    const before = await of()
    expect(before.points.map(one => one.rows).slice(-2)).toEqual([30, 13])
    expect(before.arms).toMatchObject({ stable: { asked: 4, errors: 0 }, canary: { asked: 4, errors: 3 } })
    expect(before.arms.stable.rows + before.arms.canary.rows).toBe(43)
    expect(before.points.at(-1)?.evidence?.error).toBeGreaterThan(0.2)
    expect(before.points.at(-1)?.p99).toBeGreaterThan(0)
    for (const wrong of ['0', '49', 'x'])
      expect((await server.ask('GET', `/v1/deployments/busy-api/traffic?hours=${wrong}`)).status).toBe(400)
    await server.close()
    await server.live.close()
    const live = (await trained.serve(server.project)).get('busy-api') as LiveDeployment
    await open(live)
    expect(trafficOf(live, 1)).toEqual(before)
    await predicted(live, many(7))
    expect(trafficOf(live, 1).points.at(-1)?.rows).toBe(20)
  })
})
