import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test, vi } from 'vitest'
import { openSqlite } from '../adapters/metadata/sqlite/open.ts'
import { fail } from '../errors/index.ts'
import { ulid } from '../internal/ids.ts'
import { ownIdentity } from '../internal/process-identity.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { Journal } from './journal.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-journal-'))
const store = await openSqlite(join(root, 'state.db'))
afterAll(async () => {
  await store.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const owner = ownIdentity()
let runId = ''
let journal: Journal
const clock = manualClock()
const step = (name: string, status: 'running' | 'succeeded' = 'running') =>
  ({ runId, step: name, status, attempt: 1 }) as const
const stored = async () => (await store.listSteps(runId)).map(one => `${one.step} ${one.status}`).sort()
beforeEach(async () => {
  runId = ulid()
  const run = { kind: 'pipeline', name: 'n', status: 'running', trigger: 'manual', startedAt: 1 } as const
  await store.createRun({ ...run, id: runId, environment: {}, parameters: {}, lease: { owner, until: 1 } })
  journal = new Journal(store, runId, owner, clock, 5_000)
  return () => vi.restoreAllMocks()
})
const edge = (from: string) => ({ from, to: runId, relation: 'r' })

test('what is noted is written soon, in one go; what is written is on the disk, with all that was noted before', async () => {
  const commits = vi.spyOn(store, 'commitRun')
  journal.note(step('a'), { edges: [edge('one')] })
  journal.note(step('b'))
  journal.note(step('a', 'succeeded'), { edges: [edge('two')] })
  expect(await stored()).toEqual([])
  await vi.waitFor(async () => expect(await stored()).toEqual(['a succeeded', 'b running']), { timeout: 20_000 })
  expect(commits).toHaveBeenCalledTimes(1)
  journal.note(step('c'))
  await journal.write(step('d'), { edges: [edge('three')] })
  expect(await stored()).toEqual(['a succeeded', 'b running', 'c running', 'd running'])
  expect((await store.edgesTo([runId])).map(({ from }) => from).sort()).toEqual(['one', 'three', 'two'])
  await new Promise(resolve => setTimeout(resolve, 80))
  expect(commits).toHaveBeenCalledTimes(2)
  await journal.flush()
  expect(commits).toHaveBeenCalledTimes(2)
})

test('those who write while one transaction is on its way share the next', async () => {
  const commits = vi.spyOn(store, 'commitRun')
  const writes = ['a', 'b', 'c', 'd'].map(name => journal.write(step(name)))
  await Promise.all(writes)
  expect(await stored()).toHaveLength(4)
  expect(commits.mock.calls.length).toBeLessThanOrEqual(2)
})

test('every transaction renews the lease from now; the end of the run gives it up', async () => {
  await journal.write(step('a'))
  expect((await store.getRun(runId))?.lease).toEqual({ owner, until: clock.now() + 5_000_000 })
  journal.note(step('b'))
  await journal.flush({ status: 'failed', endedAt: 9, error: { reason: 'no' } })
  expect(await store.getRun(runId)).toMatchObject({ status: 'failed', endedAt: 9, error: { reason: 'no' } })
  expect((await store.getRun(runId))?.lease).toBeUndefined()
  expect(await stored()).toEqual(['a running', 'b running'])
})

test('once the run is another’s, nothing is written and whoever waits hears of it', async () => {
  await store.updateRun(runId, { lease: { owner: { ...owner, startTime: 'other' }, until: 2 ** 52 } })
  await expect(journal.write(step('a'))).rejects.toMatchObject({ code: fail('leaseLost').code })
  expect(await stored()).toEqual([])
})

test('a lazy write that failed is told to the next who waits; a failed write does not stop the one after it', async () => {
  const commit = vi.spyOn(store, 'commitRun').mockRejectedValueOnce(new Error('database is locked'))
  const first = journal.write(step('a'))
  await expect(first).rejects.toThrow('locked')
  await journal.write(step('b'))
  expect(await stored()).toEqual(['b running'])
  commit.mockRejectedValueOnce(new Error('disk is full'))
  journal.note(step('c'))
  await vi.waitFor(() => expect(commit).toHaveBeenCalledTimes(3), { timeout: 20_000 })
  await expect(journal.write(step('d'))).rejects.toThrow('disk is full')
})

test('stopped, it gives up what was only noted', async () => {
  journal.note(step('a'))
  journal.stop()
  await new Promise(resolve => setTimeout(resolve, 90))
  expect(await stored()).toEqual([])
})
