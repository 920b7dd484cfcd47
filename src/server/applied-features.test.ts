import { afterAll, beforeAll, expect, it } from 'vitest'
import {
  afterRides,
  hour,
  madeRides,
  recent,
  trainedProject,
  type Trained,
} from '../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../test/support/trained-server.ts'
import { times } from '../../test/fuzz/edges.ts'
import { features, type FeatureView } from '../index.ts'
import { appliedHistory, serveViews, viewsOfSet } from '../stages/features/applied.ts'

// What was applied is what is answered, all of it or none: names are switched under readers, 250 times here, 1,000 and more with MILLRACE_FUZZ_RUNS=4.

let trained: Trained
let server: TrainedServer
beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'applied')
})
afterAll(async () => {
  await server.close()
  await trained.close()
})

/** The same two names, with windows of one length or another. */
const setOf = (window: '6h' | '48h'): FeatureView[] => [
  features('recent', {
    entity: recent.entity as never,
    from: recent.from as never,
    compute: f => ({ rides_6h: f.count(window), km_6h: f.mean('km' as never, window) }),
  }) as FeatureView,
  features('other', {
    entity: recent.entity as never,
    from: recent.from as never,
    compute: f => ({ rides: f.count(window) }),
  }) as FeatureView,
]

const truth = (hours: number): readonly [number, number, number] => {
  const seen = madeRides.filter(ride => ride.zone === 'north' && ride.at >= afterRides - hours * hour)
  const mean = seen.reduce((sum, ride) => sum + ride.km, 0) / seen.length
  return [seen.length, Number(mean.toPrecision(6)), seen.length]
}

async function vector(): Promise<readonly number[]> {
  const { status, body } = await server.ask('POST', '/get-online-features', {
    features: ['recent:rides_6h', 'recent:km_6h', 'other:rides'],
    entities: { zone: ['north'] },
  })
  expect(status, JSON.stringify(body)).toBe(200)
  const { results } = body as { readonly results: readonly { readonly values: readonly number[] }[] }
  return results.slice(1).map(one => Number((one.values[0] as number).toPrecision(6)))
}

it('switches under readers mix no vector, and what was applied is seen at once', async () => {
  const { store, clock } = trained.workspace
  const { serving } = server
  const sets = [setOf('6h'), setOf('48h')] as const
  const expected = [truth(6).join(), truth(48).join()]
  expect(expected[0]).not.toBe(expected[1])
  const apply = async (n: number): Promise<void> => {
    const { revision } = await appliedHistory(store, 'dev')
    const set = sets[n % 2] as FeatureView[]
    const change = { action: 'apply', from: `flip ${n}`, actor: 'test', at: clock.now() } as const
    if (!(await serveViews(store, 'dev', set, change, revision))) throw new Error('somebody else was quicker')
    await serving.followApplied()
  }
  await apply(0)
  expect((await vector()).join()).toBe(expected[0])
  const seen = new Map<string, number>()
  let over = false
  const reader = async (): Promise<void> => {
    while (!over) {
      const found = (await vector()).join()
      seen.set(found, (seen.get(found) ?? 0) + 1)
    }
  }
  const readers = Array.from({ length: 3 }, reader)
  const switches = Math.round(250 * times)
  for (let n = 1; n <= switches; n++) {
    await apply(n)
    // by whoever asks from now on
    if (n % 9 === 8) expect((await vector()).join()).toBe(expected[n % 2])
  }
  over = true
  await Promise.all(readers)
  expect([...seen.keys()].toSorted()).toEqual(expected.toSorted())

  const { history } = await appliedHistory(store, 'dev')
  expect([history.length, history.at(-1)?.number]).toEqual([200, switches + 1])
  const kept = await viewsOfSet(store, history.at(-1)?.set as never)
  expect([...kept.keys()]).toEqual(['recent', 'other'])
})

it('a set that is lost is told, and applied again', async () => {
  const { store } = trained.workspace
  await expect(viewsOfSet(store, `sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'MR2074', exit: 3 })
})

it('of two who apply at once one is told', async () => {
  const { store, clock } = trained.workspace
  const { revision } = await appliedHistory(store, 'two')
  const change = { action: 'apply', from: 'x', actor: 'test', at: clock.now() } as const
  const made = await Promise.all([
    serveViews(store, 'two', setOf('6h'), change, revision),
    serveViews(store, 'two', setOf('48h'), change, revision),
  ])
  expect(made.filter(one => one === undefined)).toHaveLength(1)
  expect((await appliedHistory(store, 'two')).history).toHaveLength(1)
})
