import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import { echoDeployment } from '../../../test/support/echo-serving.ts'
import type { LiveDeployment } from '../../stages/serve/deployment.ts'
import { Batcher } from './batcher.ts'

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

const row = (km: number) => ({ row: { at: trained.clock.now(), zone: 'north', km } })
const turn = (): Promise<void> => new Promise(resolve => setImmediate(resolve))

/** A deployment whose calls wait until a test lets them go. */
function held() {
  const calls: number[] = []
  const gates: (() => void)[] = []
  const echo = echoDeployment({ name: 'api', columns: [], score: 'p' })
  const deployment = {
    ...echo,
    predict: async (rows: Parameters<typeof echo.predict>[0]) => {
      calls.push(rows.length)
      await new Promise<void>(resolve => gates.push(resolve))
      return echo.predict(rows)
    },
  }
  const letGo = async (): Promise<void> => {
    for (const gate of gates.splice(0)) gate()
    await turn()
  }
  return { batcher: new Batcher(deployment), calls, letGo }
}
const half = (count: number) => Array.from({ length: count }, () => ({ row: { p: 0.5 } }))

describe('the batcher', () => {
  it('answers twenty thousand rows one by one with the real model, the bad ones among them refused alone', async () => {
    const live = await trained.live('served')
    const batcher = new Batcher(live)
    const [short, long] = await live.predict([row(1), row(39)])
    let refused = 0
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.allSettled(
        Array.from({ length: 1000 }, (_, i) => {
          if (i % 100 === 99) return batcher.predict([{ row: { zone: 'north', km: 1 } }])
          return batcher.predict([row(i % 2 === 0 ? 1 : 39)])
        }),
      )
      answers.forEach((answer, i) => {
        if (answer.status === 'rejected') {
          refused++
          expect(answer.reason).toMatchObject({ code: 'MR4105', details: { row: 0, column: 'at' } })
        } else expect(answer.value[0]?.score).toBe((i % 2 === 0 ? short : long)?.score)
      })
    }
    expect(refused).toBe(200)
    expect(live.status().requests.stable).toBe(2 + 20 * 990)
  })

  it('stays open after twenty thousand failures of the model', async () => {
    const { runtime, faults } = faultyRuntime(trained.workspace.runtime)
    const live: LiveDeployment = await trained.live('failing', {}, { runtime })
    const batcher = new Batcher(live)
    const { digest } = live.status().stable as { digest: string }
    faults.set(digest, () => Promise.reject(new Error('no memory')))
    for (let round = 0; round < 20; round++) {
      const answers = await Promise.allSettled([
        ...Array.from({ length: 500 }, () => batcher.predict([row(1)])),
        batcher.predict(Array.from({ length: 500 }, () => row(1))),
      ])
      for (const answer of answers) expect(answer).toMatchObject({ reason: { message: 'no memory' } })
    }
    faults.clear()
    expect(await batcher.predict([row(1)])).toHaveLength(1)
    expect(await batcher.predict(Array.from({ length: 8192 }, () => row(1)))).toHaveLength(8192)
  })

  it('puts what arrives in one turn into one call, 256 rows at most', async () => {
    const { batcher, calls, letGo } = held()
    const all = half(600).map(one => batcher.predict([one]))
    expect(calls).toEqual([256, 256])
    await turn()
    expect(calls).toEqual([256, 256, 88])
    await letGo()
    await Promise.all(all)
    const next = batcher.predict(half(1))
    expect(calls).toHaveLength(3)
    await turn()
    expect(calls.at(-1)).toBe(1)
    await letGo()
    await next
  })

  it('lets calls of several rows through as they are, and of none', async () => {
    const { batcher, calls, letGo } = held()
    const some = batcher.predict(half(1000))
    expect(calls).toEqual([1000])
    const none = batcher.predict([])
    expect(calls).toEqual([1000, 0])
    await letGo()
    expect([(await some).length, (await none).length]).toEqual([1000, 0])
  })

  it('sends callers away beyond 8,192 rows in flight, not at them, and lets one large call in when it is idle', async () => {
    const { batcher, letGo } = held()
    const first = batcher.predict(half(8191))
    const last = batcher.predict(half(1))
    await expect(batcher.predict(half(1))).rejects.toMatchObject({
      code: 'MR5027',
      details: { rows: 8192, deployment: 'api' },
    })
    await turn()
    await letGo()
    await Promise.all([first, last])
    const large = batcher.predict(half(20_000))
    await expect(batcher.predict(half(1))).rejects.toMatchObject({ code: 'MR5027' })
    await letGo()
    expect(await large).toHaveLength(20_000)
    const again = batcher.predict(half(1))
    await turn()
    await letGo()
    expect(await again).toHaveLength(1)
  })

  it('asks rows alone only where the caller is to blame: a broken model is asked once', async () => {
    const calls: number[] = []
    const echo = echoDeployment({ name: 'api', columns: [], score: 'p' })
    const broken = new Batcher({
      ...echo,
      predict: async rows => {
        calls.push(rows.length)
        throw new Error('broken')
      },
    })
    const answers = await Promise.allSettled(half(5).map(one => broken.predict([one])))
    expect(answers.map(one => one.status)).toEqual(Array.from({ length: 5 }, () => 'rejected'))
    expect(calls).toEqual([5])
    const short = new Batcher({ ...echo, predict: async rows => (await echo.predict(rows)).slice(1) })
    const some = await Promise.allSettled(half(3).map(one => short.predict([one])))
    expect(some.map(one => one.status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(some[2]).toMatchObject({ reason: { message: '2 predictions for 3 rows' } })
  })
})
