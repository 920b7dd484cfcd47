import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { times } from '../../../test/fuzz/edges.ts'
import { type WaitingPrediction, WaitingPredictions } from './waiting-predictions.ts'

const folderOf = (): Promise<string> => mkdtemp(join(tmpdir(), 'millrace-waiting-'))
const failed = (error: unknown): never => {
  throw error
}
const waitingOf = (at: number, more: Partial<WaitingPrediction> = {}): WaitingPrediction => ({
  at,
  epoch: 3,
  stable: at / 7,
  canary: Number.NaN,
  isOpen: at % 2 === 0,
  label: Number.NaN,
  ...more,
})
const limits = { maxRows: 1_000_000, maxBytes: 1e9, window: 64 }

describe('predictions that wait', () => {
  it('are found on disk as they were put, each once, of any width', async () => {
    const all = new WaitingPredictions(limits)
    const folder = await folderOf()
    all.spill(folder, failed)
    const wide = waitingOf(5, { stable: [0.1, 0.2, 0.7], canary: [1, 0, 0], label: 2, isOpen: true })
    all.put('wide', wide)
    for (let i = 0; i < 1_000; i++) {
      all.put(`id${i}`, waitingOf(i))
      if (i % 50 === 0) await all.settled()
    }
    await all.settled()
    expect([all.size, all.stored > 800]).toEqual([1_001, true])
    expect(await readdir(folder)).toEqual([])
    expect(all.get('wide')).toEqual(wide)
    expect(all.get('nobody')).toBeUndefined()
    for (let i = 0; i < 1_000; i += 3) {
      expect(all.get(`id${i}`)).toEqual(waitingOf(i))
      expect(all.get(`id${i}`)).toEqual(waitingOf(i))
      all.remove(`id${i}`)
      expect(all.get(`id${i}`)).toBeUndefined()
    }
    await all.settled()
    expect(all.size).toBe(1_001 - 334)
    // the newest of an id counts, and what it took the place of is never found again
    all.put('id1', waitingOf(7))
    all.remove('id1')
    expect(all.get('id1')).toBeUndefined()
    await all.close()
    expect(all.size).toBe(0)
  })

  it('are what a plain map has, whenever they are written', async () => {
    const id = fc.integer({ min: 0, max: 8 }).map(String)
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ put: id, at: fc.nat(1_000) }) },
      { weight: 2, arbitrary: fc.record({ get: id }) },
      { weight: 2, arbitrary: fc.record({ remove: id }) },
      { weight: 4, arbitrary: fc.constant('settle' as const) },
      { weight: 1, arbitrary: fc.constant('turn' as const) },
    )
    const folder = await folderOf()
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 60, maxLength: 120 }), async steps => {
        const all = new WaitingPredictions({ ...limits, window: 4 })
        all.spill(folder, failed)
        const plain = new Map<string, WaitingPrediction>()
        for (const one of steps) {
          if (one === 'settle') await all.settled()
          else if (one === 'turn') await new Promise(done => setImmediate(done))
          else if ('put' in one) {
            all.put(one.put, waitingOf(one.at))
            plain.set(one.put, waitingOf(one.at))
          } else if ('get' in one) expect(all.get(one.get)).toEqual(plain.get(one.get))
          else {
            all.remove(one.remove)
            plain.delete(one.remove)
          }
          expect(all.size).toBe(plain.size)
        }
        for (const [name, waiting] of plain) expect(all.get(name)).toEqual(waiting)
        await all.close()
      }),
      { numRuns: 60 * times },
    )
  })

  it('forget the oldest beyond their limit', async () => {
    const all = new WaitingPredictions({ ...limits, maxRows: 300 })
    all.spill(await folderOf(), failed)
    for (let i = 0; i < 1_000; i++) {
      all.put(`id${i}`, waitingOf(i))
      await all.settled()
    }
    expect(all.size).toBeLessThanOrEqual(300 + limits.window)
    expect(all.get('id0')).toBeUndefined()
    for (let i = 760; i < 1_000; i++) expect(all.get(`id${i}`)).toEqual(waitingOf(i))
    await all.close()
  })

  it('stay in memory where nothing can be written, which is told once, and are written when it can', async () => {
    const folder = await folderOf()
    await rm(folder, { recursive: true })
    await writeFile(folder, 'in the way')
    const told: unknown[] = []
    const all = new WaitingPredictions({ ...limits, maxRows: 400 })
    all.spill(folder, error => told.push(error))
    const put = async (from: number, until: number) => {
      for (let i = from; i < until; i++) {
        all.put(`id${i}`, waitingOf(i))
        await all.settled()
      }
    }
    await put(0, 300)
    expect([told.length, all.stored, all.size]).toEqual([1, 0, 300])
    expect(all.get('id3')).toEqual(waitingOf(3))
    await rm(folder)
    await put(300, 420)
    expect(all.stored).toBeGreaterThan(50)
    expect(all.get('id100')).toEqual(waitingOf(100))
    await all.close()
    // for good: no more than their limit, and the newest of them
    await writeFile(folder, 'in the way').catch(() => undefined)
    const never = new WaitingPredictions({ ...limits, maxRows: 400 })
    never.spill(join(folder, 'x', '\0'), () => undefined)
    for (let i = 0; i < 2_000; i++) {
      never.put(`id${i}`, waitingOf(i))
      await never.settled()
    }
    expect(never.size).toBeLessThanOrEqual(400)
    expect(never.get('id1999')).toEqual(waitingOf(1_999))
  })

  it('without a folder are kept in memory up to the limit', () => {
    const all = new WaitingPredictions({ ...limits, maxRows: 100 })
    for (let i = 0; i < 200; i++) all.put(`id${i}`, waitingOf(i))
    expect([all.size, all.stored, all.get('id99'), all.get('id100')]).toEqual([100, 0, undefined, waitingOf(100)])
  })
})
