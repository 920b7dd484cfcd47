import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqlite } from '../../adapters/metadata/sqlite/open.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ownIdentity } from '../../internal/process-identity.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { instances, leadingInstance, leaseMs, Membership, releaseLead, seizeLead } from './leadership.ts'

let store: MetadataStore
let clock: ReturnType<typeof manualClock>
beforeEach(async () => {
  store = await openSqlite(join(await mkdtemp(join(tmpdir(), 'millrace-lead-')), 'store.db'))
  clock = manualClock()
})
afterEach(() => store.close())

const member = (): Membership => new Membership({ store, clock }, 'folder')
const pass = (ms: number): Promise<void> => clock.advance(ms)
/** As a machine that is gone without a word has left it: nobody here can tell whether its process lives. */
async function elsewhere(id: string): Promise<void> {
  const document = await store.getDocument<Record<string, Json>>('instance', id)
  const value = { ...document?.value, process: { ...ownIdentity(), host: 'another' } }
  await store.putDocument('instance', id, value, clock.now())
}

describe('the lead', () => {
  it('is taken by one of those who begin together, and the others know where', async () => {
    const all = [member(), member(), member()]
    all.forEach((one, i) => one.reachedAt(`http://10.0.0.${i}:8790`))
    await Promise.all(all.map(one => one.beat()))
    await Promise.all(all.map(one => one.beat()))
    const [leader, ...more] = all.filter(one => one.leads)
    expect(more).toEqual([])
    const url = `http://10.0.0.${all.indexOf(leader as Membership)}:8790`
    for (const one of all.filter(other => other !== leader)) expect(one.leader).toMatchObject({ id: leader?.id, url })
    expect(await leadingInstance({ store, clock })).toMatchObject({ id: leader?.id, url })
    expect((await instances({ store, clock })).map(one => one.id).toSorted()).toEqual(all.map(one => one.id).toSorted())
  })

  it('stays with who gives signs of life, however long', async () => {
    const [first, second] = [member(), member()]
    await first.beat()
    for (let i = 0; i < 30; i++) {
      await second.beat()
      await pass(leaseMs - 1)
      await first.beat()
      expect([first.leads, second.leads]).toEqual([true, false])
    }
  })

  it('is nobody’s sure lead once no sign could be given for the length of a lease, and another’s a moment later', async () => {
    const [first, second] = [member(), member()]
    await first.beat()
    await elsewhere(first.id)
    await second.beat()
    await pass(leaseMs - 1)
    await second.beat()
    expect([first.leads, second.leads]).toEqual([true, false])
    await pass(1)
    expect(first.leads).toBe(false)
    await second.beat()
    expect(second.leads).toBe(false)
    await pass(1)
    await second.beat()
    expect([first.leads, second.leads]).toEqual([false, true])
    // It wakes up: what it would write is refused, and it follows
    const fence = first.fence as NonNullable<typeof first.fence>
    await expect(store.fenced(fence).putDocument('rollout', 'api', 1, clock.now())).rejects.toMatchObject({
      code: 'MR3049',
    })
    await first.beat()
    expect([first.leads, first.leader?.id, second.leads]).toEqual([false, second.id, true])
  })

  it('is sure from before the sign of life was written, however long that took', async () => {
    // The others count from when they see it, which may be just after the clock was read here
    const slow: MetadataStore = {
      ...store,
      putDocument: (...given) => {
        clock.work(2_000)
        return store.putDocument(...given)
      },
    }
    const one = new Membership({ store: slow, clock }, 'folder')
    await one.beat()
    await one.beat()
    await pass(leaseMs - 2_000 - 1)
    expect(one.leads).toBe(true)
    await pass(1)
    expect(one.leads).toBe(false)
  })

  it('is taken at once from a process of this machine that is gone', async () => {
    const [first, second] = [member(), member()]
    await first.beat()
    const document = await store.getDocument<Record<string, Json>>('instance', first.id)
    const gone = { ...document?.value, process: { ...ownIdentity(), startTime: '1' } }
    await store.putDocument('instance', first.id, gone, clock.now())
    await second.beat()
    expect(second.leads).toBe(true)
    await second.beat()
    expect((await instances({ store, clock })).map(one => one.id)).toEqual([second.id])
  })

  it('is let go by who leaves, and by nobody else', async () => {
    const [first, second] = [member(), member()]
    await first.beat()
    await second.beat()
    await second.leave()
    await first.beat()
    expect(first.leads).toBe(true)
    const third = member()
    await first.leave()
    await third.beat()
    expect(third.leads).toBe(true)
    await first.leave()
    await third.beat()
    expect(third.leads).toBe(true)
    expect((await instances({ store, clock })).map(one => one.id)).toEqual([third.id])
  })

  it('is taken back by who could not reach the store while nobody else could', async () => {
    const [first] = [member()]
    await first.beat()
    await pass(3 * leaseMs)
    expect(first.leads).toBe(false)
    const { fence } = first
    await first.beat()
    expect([first.leads, first.fence]).toEqual([true, fence])
  })

  it('is seized by the only process that may serve, whoever had it', async () => {
    const first = member()
    await first.beat()
    const fence = await seizeLead(store, clock.now())
    await first.beat()
    await pass(leaseMs)
    await first.beat()
    expect(first.leads).toBe(false)
    await store.fenced(fence).putDocument('rollout', 'api', 1, clock.now())
    await releaseLead(store, fence)
    await first.beat()
    expect(first.leads).toBe(true)
    expect(await store.getDocument('leader', 'serving')).toMatchObject({ value: { instance: first.id } })
    // One that died with it is waited for as long as any other
    await seizeLead(store, clock.now())
    await first.beat()
    await pass(leaseMs + 1)
    expect(first.leads).toBe(false)
    await first.beat()
    expect(first.leads).toBe(true)
  })

  it('forgets who has given no sign for a minute', async () => {
    const [first, second] = [member(), member()]
    await second.beat()
    await elsewhere(second.id)
    await first.beat()
    for (let i = 0; i < 13; i++) {
      await pass(leaseMs - 1)
      await first.beat()
    }
    expect([...first.alive]).toEqual([first.id])
    await second.beat()
    await first.beat()
    expect(first.alive.has(second.id)).toBe(true)
  })
})
