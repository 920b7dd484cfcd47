import { afterAll, beforeAll, expect, it } from 'vitest'
import { afterRides, hour, recent, trainedProject, type Trained } from '../../test/support/trained-project.ts'
import { features, project, type FeatureView } from '../index.ts'
import type { Json } from '../internal/canonical-json.ts'
import { planView } from '../stages/features/channels.ts'
import { keptReads, type KeptReads } from '../stages/features/kept-reads.ts'
import type { LiveServing } from '../stages/serve/serving.ts'
import { materialiseViews } from './materialise.ts'
import { verifyKeptReads } from './verify-reads.ts'

// What a server answered is kept, a sample of it, and compared with what training has; of each difference the reason.

const silent = { chapter: () => undefined, say: () => undefined, warn: () => undefined }
const aged = features('aged', {
  entity: recent.entity,
  from: recent.from as never,
  ttl: '12h',
  verify: { every: '1h', sample: 20 },
  compute: f => ({ rides: f.count('6h') }),
}) as unknown as FeatureView
const declared = project('rides', { aged })
const { records } = planView(aged)

let trained: Trained
let serving: LiveServing
beforeAll(async () => {
  trained = await trainedProject()
  await materialiseViews(workspace(), {}, silent)
  serving = await trained.serve(declared)
  await trained.clock.advance(1_000)
})
afterAll(() => trained.close())

const workspace = () => ({ ...trained.workspace, project: declared })
const verify = () => verifyKeptReads(workspace(), {}, silent)
const kept = async (): Promise<KeptReads> =>
  (await keptReads(workspace())).find(one => one.records === records) as KeptReads
const read = async (zones: readonly string[], at = afterRides): Promise<void> => {
  await serving.features(
    aged,
    zones.map(zone => ({ zone })),
    at,
  )
  await serving.views.keepReads()
}
/** Has other reads kept than there were. */
async function keepInstead(change: (one: KeptReads) => object): Promise<void> {
  const own = await kept()
  const id = records
  await trained.workspace.store.putDocument(
    'feature-reads',
    id,
    { ...own, ...change(own) } as unknown as Json,
    trained.clock.now(),
  )
}

it('says that what was answered is what training has, and how often each status was', async () => {
  await read(['north', 'south', 'nobody'])
  await read(['north'], afterRides + 40 * hour)
  const { results, proven, version } = await verify()
  expect(results).toMatchObject([{ view: 'aged', records, reads: 4, compared: 4, mismatches: 0, uncovered: 0 }])
  expect([results[0]?.reasons, proven, version]).toEqual([{ late: 0, ttl: 0, code: 0, unknown: 0 }, true, 0])
  expect(Object.values((await kept()).counts)).toEqual([{ present: 2, missing: 1, stale: 1 }])
})

it('a row that came after the read is why, and no fault', async () => {
  await trained.clock.advance(10_000)
  await serving.push(recent.from, { rows: [{ at: afterRides - 2 * hour - 1, zone: 'north', km: 5, late: false }] })
  await trained.clock.advance(10_000)
  const { results, proven } = await verify()
  expect(results[0]?.reasons).toEqual({ late: 1, ttl: 0, code: 0, unknown: 0 })
  expect([results[0]?.mismatches, proven]).toEqual([0, true])
  const [first] = results[0]?.examples ?? []
  expect(first).toMatchObject({ key: 'north', feature: 'rides', reason: 'late', at: afterRides })
  expect(Number(first?.offline)).toBe(Number(first?.online) + 1)
  // what is read from now on has it
  await read(['north'])
  expect((await verify()).results[0]?.reasons.late).toBe(1)
})

it('another value of the same rows is a fault, as is another view of what is too old', async () => {
  await keepInstead(({ reads }) => ({
    reads: reads.map(one => {
      if (one.key[0] === 'south') return { ...one, values: [99] }
      return one.at === afterRides + 40 * hour ? { ...one, values: [3], status: 'present' } : one
    }),
  }))
  const { results, proven } = await verify()
  expect(results[0]).toMatchObject({ mismatches: 2, reasons: { late: 1, ttl: 1, code: 1, unknown: 0 } })
  expect(proven).toBe(false)
  // faults are named before what came late
  expect(results[0]?.examples.map(one => one.reason)).toEqual([
    expect.stringMatching(/code|ttl/),
    expect.stringMatching(/code|ttl/),
    'late',
  ])
  expect(results[0]?.features).toMatchObject([{ feature: 'rides', mismatches: 3 }])
})

it('what cannot be compared is counted, and proves nothing', async () => {
  const { store } = trained.workspace
  await keepInstead(({ reads }) => ({ reads: [{ ...(reads[0] as object), status: 'uncovered' }] }))
  expect(await verify()).toMatchObject({ results: [{ reads: 0, uncovered: 1, compared: 0 }], proven: false })
  // a version of the view that nobody reads any more
  const other = { ...(await kept()), records: 'aged@000000000000' }
  await store.putDocument('feature-reads', other.records, other as unknown as Json, trained.clock.now())
  expect((await verify()).version).toBe(1)
  await store.removeDocument('feature-reads', other.records)
  // the snapshot that it was answered from is gone
  const before = await store.getDocument('materialisation', records)
  const gone = `sha256:${'f'.repeat(64)}`
  await store.putDocument('materialisation', records, { ...(before?.value as object), snapshot: gone, before: [] }, 1)
  await keepInstead(({ reads }) => ({ reads: [{ ...(reads[0] as object), status: 'present', values: [77] }] }))
  expect((await verify()).results[0]).toMatchObject({ mismatches: 0, reasons: { code: 0, unknown: 1 } })
  await store.putDocument('materialisation', records, before?.value as Json, before?.at ?? 1)
})

it('a read is held to the records that it may have been answered from, and to none that were written later', async () => {
  const { store } = trained.workspace
  const [one] = (await kept()).reads
  const own = await store.getDocument('materialisation', records)
  const done = own?.value as { readonly snapshot: string; readonly until: number }
  const gone = `sha256:${'f'.repeat(64)}`
  const at = Number(one?.read)
  await keepInstead(() => ({ reads: [{ ...(one as object), status: 'present', values: [77] }] }))
  const there = done.snapshot
  for (const [written, reason] of [
    // newest first: when they were done, and what of
    [
      [
        [at + 2, there],
        [at + 1, gone],
        [at - 1, gone],
      ],
      'unknown',
    ],
    [
      [
        [at + 1, gone],
        [at - 1, gone],
        [at - 2, there],
      ],
      'unknown',
    ],
    [
      [
        [at + 2, gone],
        [at + 1, there],
        [at - 1, gone],
      ],
      'code',
    ],
    [
      [
        [at + 2, gone],
        [at + 1, gone],
        [at - 1, there],
      ],
      'code',
    ],
    [
      [
        [at, there],
        [at - 1, gone],
      ],
      'code',
    ],
    // what is remembered begins after it
    [
      [
        [at + 2, gone],
        [at + 1, there],
      ],
      'code',
    ],
  ] as const) {
    const [[last, snapshot], ...before] = written
    const value = {
      ...done,
      snapshot,
      before: before.map(([when, of]) => ({ snapshot: of, until: done.until, at: when })),
    }
    await store.putDocument('materialisation', records, value, last)
    const { results } = await verify()
    expect(results[0]?.reasons, JSON.stringify(written)).toMatchObject({ unknown: 0, code: 0, [reason]: 1 })
  }
  await store.putDocument('materialisation', records, own?.value as Json, own?.at ?? 1)
})

it('is a bounded sample of what was read of late', async () => {
  await keepInstead(() => ({ reads: [] }))
  for (let i = 0; i < 5; i++) await read(Array.from({ length: 30 }, (_, n) => (n % 2 === 0 ? 'north' : 'south')))
  expect((await kept()).reads).toHaveLength(20)
  expect(new Set((await kept()).reads.map(one => one.key[0]))).toEqual(new Set(['north', 'south']))
  const draws = (await kept()).reads.map(one => one.draw)
  expect(draws).toEqual(draws.toSorted((a, b) => a - b))
  // twice the time between two comparisons: at it a read is there, and after it no more
  await trained.clock.advance(2 * 3_600_000)
  expect((await verify()).results[0]?.reads).toBe(20)
  await trained.clock.advance(1)
  expect(await verify()).toMatchObject({ results: [{ reads: 0 }], proven: false })
  await read(['north'])
  expect((await kept()).reads).toHaveLength(1)
})

it('is refused where no view keeps what is read, or none is called so', async () => {
  await expect(verifyKeptReads(trained.workspace, {}, silent)).rejects.toMatchObject({ code: 'MR4119' })
  await expect(verifyKeptReads(workspace(), { view: 'none' }, silent)).rejects.toMatchObject({
    code: expect.stringMatching(/^MR\d{4}$/),
    message: expect.stringContaining('none'),
  })
})
