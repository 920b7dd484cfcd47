import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { recent, trainedProject, type Trained } from '../../test/support/trained-project.ts'
import type { Workspace } from '../config/workspace.ts'
import { entity, features, t, type FeatureView } from '../index.ts'
import type { OnlineStore } from '../ports/online-store.ts'
import { recordsOf } from '../stages/features/channels.ts'
import { materialisationOf } from '../stages/features/materialisations.ts'
import { memoryOnlineStore } from '../testing/memory-online-store.ts'
import { materialiseView } from './materialise-view.ts'
import { newestSnapshot, type Snapshot } from './snapshots.ts'

// Written part by part, cut off wherever it may be, and gone on with: the records are those of one run, to the byte.

let trained: Trained
let snapshot: Snapshot
const view = features('lengths', {
  entity: entity('length', { km: t.float() }),
  from: recent.from as never,
  compute: f => ({ rides: f.count('40d'), late: f.share(c => (c as never as { late: never }).late, '40d') }),
}) as FeatureView
beforeAll(async () => {
  trained = await trainedProject()
  snapshot = await newestSnapshot(trained.workspace, view.from)
})
afterAll(() => trained.close())

const hex = (store: ReturnType<typeof memoryOnlineStore>): Record<string, string> =>
  Object.fromEntries(
    [...store.records(recordsOf(view))]
      .map(([key, bytes]) => [key, Buffer.from(bytes).toString('hex')] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )

const over = (store: OnlineStore): Workspace => ({ ...trained.workspace, online: async () => store })

/** Counts what is written, and dies at the write of that number. */
function mortal(store: OnlineStore, diesAt = Infinity): { readonly store: OnlineStore; readonly writes: () => number } {
  let writes = 0
  const made: OnlineStore = Object.assign(Object.create(store) as OnlineStore, {
    writeMany: async (name: string, changes: Parameters<OnlineStore['writeMany']>[1]) => {
      writes += changes.length
      if (writes >= diesAt) throw new Error('killed')
      return store.writeMany(name, changes)
    },
  })
  return { store: made, writes: () => writes }
}

describe('records of a view', () => {
  it('are the same in one part or in many, cut off anywhere and gone on with', async () => {
    const whole = memoryOnlineStore()
    const entities = await materialiseView(over(whole), view, snapshot, snapshot.newest)
    const expected = hex(whole)
    expect(entities).toBe(Object.keys(expected).length)
    expect(entities).toBeGreaterThan(300)
    for (const diesAt of [1, 200, entities - 5]) {
      const store = memoryOnlineStore()
      const first = mortal(store, diesAt)
      await expect(
        materialiseView(over(first.store), view, snapshot, snapshot.newest, { maxPartRows: 400 }),
      ).rejects.toThrow('killed')
      const said: string[] = []
      const second = mortal(store)
      const again = await materialiseView(over(second.store), view, snapshot, snapshot.newest, {
        maxPartRows: 400,
        listener: { say: text => said.push(text), warn: text => said.push(text) },
      })
      expect(again, `died at ${diesAt}`).toBe(entities)
      expect(hex(store), `died at ${diesAt}`).toEqual(expected)
      // two thousand rows with the log: five parts, of which none that was whole is written again
      if (diesAt === 1) expect(said.at(-1)).toMatch(/part 4 of 5 is written, about .* left/)
      else {
        expect(said[0]).toMatch(/goes on with part \d+ of 5/)
        expect(second.writes()).toBeLessThanOrEqual(entities - diesAt + Math.ceil(entities / 5) + 25)
      }
    }
    // and again: nothing changes, records that are of nobody go
    const store = memoryOnlineStore()
    await store.writeMany(recordsOf(view), [{ key: '-1', bytes: new Uint8Array(hexToBytes(expected)), after: 0 }])
    for (let i = 0; i < 2; i++)
      await materialiseView(over(store), view, snapshot, snapshot.newest, { maxPartRows: 500 })
    expect(hex(store)).toEqual(expected)
  })

  it('begin anew where data or moment are others, and are noted with what they took', async () => {
    const store = memoryOnlineStore()
    const cut = mortal(store, 250)
    const work = materialiseView(over(cut.store), view, snapshot, snapshot.newest, { maxPartRows: 400 })
    await expect(work).rejects.toThrow('killed')
    const said: string[] = []
    const earlier = snapshot.newest - 100 * 3_600_000_000
    const fresh = mortal(store)
    const entities = await materialiseView(over(fresh.store), view, snapshot, earlier, {
      maxPartRows: 400,
      listener: { say: text => said.push(text), warn: text => said.push(text) },
    })
    expect(said[0]).toMatch(/part 1 of 5 is written/)
    expect(await materialisationOf(trained.workspace, view)).toMatchObject({
      entities,
      until: earlier,
      snapshot: snapshot.digest,
      newest: snapshot.newest,
      rows: 1_000,
      seconds: expect.any(Number) as number,
    })
  })
})

const hexToBytes = (records: Record<string, string>): Buffer => Buffer.from(Object.values(records)[0] ?? '', 'hex')
