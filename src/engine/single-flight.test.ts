import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { openArtifacts } from '../adapters/artifacts/fs/open.ts'
import { systemClock } from '../adapters/clock/system.ts'
import { openSqlite } from '../adapters/metadata/sqlite/open.ts'
import { inProcessExecutor } from '../../test/support/in-process-executor.ts'
import { digestBytes, type Digest } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import type { ProcessIdentity } from '../ports/executor.ts'
import type { ArtifactRef } from '../ports/metadata-store.ts'
import type { Drive } from './options.ts'
import { claimKey } from './single-flight.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-flight-'))
const store = await openSqlite(join(root, 'state.db'))
const artifacts = await openArtifacts(root)
afterAll(async () => {
  await store.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const who = (startTime: string): ProcessIdentity => ({ host: 'h', bootId: 'b', pid: 1, startTime })
const [me, living, gone] = [who('me'), who('living'), who('gone')]
const executor = inProcessExecutor({ alive: ({ startTime }) => startTime !== 'gone' })

let key: Digest
beforeEach(() => {
  key = digestBytes(ulid())
})

async function driveOf(owner: ProcessIdentity, stop = new AbortController()): Promise<Drive> {
  const runId = ulid()
  const run = { kind: 'pipeline', name: 'n', status: 'running', trigger: 'manual', startedAt: 1 } as const
  await store.createRun({ ...run, id: runId, environment: {}, parameters: {}, lease: { owner, until: 2 ** 52 } })
  const options = { store, artifacts, executor, clock: systemClock(), work: root }
  return {
    options,
    runId,
    owner,
    signal: stop.signal,
    emit: () => undefined,
    journal: undefined as never,
    runBelow: undefined as never,
  }
}
async function result(content: string | undefined): Promise<Readonly<Record<string, ArtifactRef>>> {
  const stored = content === undefined ? { digest: digestBytes(ulid()), size: 3 } : await artifacts.put(content)
  return { out: { type: 'json', ...stored } }
}
const finish = async (drive: Drive, content?: string) =>
  store.putCache({ key, step: 's', runId: drive.runId, outputs: await result(content), keyParts: {}, at: 1 })
/** What a claim came to within a while: `waits` where it is still open. */
const within = (claim: Promise<unknown>) =>
  Promise.race([
    claim.then(made => Object.keys(made as object)[0]),
    new Promise(resolve => setTimeout(() => resolve('waits'), 250)),
  ])

test('a key that nobody computes is locked by whoever asks', async () => {
  const drive = await driveOf(me)
  const claim = await claimKey(drive, key, 's')
  expect(claim).toMatchObject({ lock: { kind: 'step-lock', id: key } })
  expect(await store.getDocument('step-lock', key)).toMatchObject({
    value: { owner: me, runId: drive.runId, step: 's' },
    revision: (claim as { lock: { revision: number } }).lock.revision,
  })
  // the same step of the same run, once more: after a crash of its driver
  expect(await within(claimKey(drive, key, 's'))).toBe('lock')
})

test('while another run computes it, one waits, and then takes its result or its place', async () => {
  const other = await driveOf(living)
  for (const finished of [true, false]) {
    key = digestBytes(ulid())
    await claimKey(other, key, 's')
    const mine = claimKey(await driveOf(me), key, 's')
    expect(await within(mine)).toBe('waits')
    if (finished) await finish(other, 'made')
    await store.removeDocument('step-lock', key)
    expect(await within(mine)).toBe(finished ? 'found' : 'lock')
    expect((await store.getDocument('step-lock', key)) === undefined).toBe(finished)
  }
})

test('a result that is there already is taken, and no lock stays; one whose artifact is gone is made again', async () => {
  const drive = await driveOf(me)
  await finish(drive, 'there')
  expect(await claimKey(drive, key, 's')).toMatchObject({ found: { key, runId: drive.runId } })
  expect(await store.getDocument('step-lock', key)).toBeUndefined()
  await finish(drive)
  expect(await within(claimKey(drive, key, 's'))).toBe('lock')
})

test('a result that comes while another holds the lock is taken at once', async () => {
  const other = await driveOf(living)
  await claimKey(other, key, 's')
  await finish(other, 'early')
  expect(await within(claimKey(await driveOf(me), key, 's'))).toBe('found')
  // it is still the other's lock
  expect(await store.getDocument('step-lock', key)).toMatchObject({ value: { owner: living } })
})

test.each<[string, boolean, (lost: Drive) => Promise<void>]>([
  ['whose driver died before its step began', true, async () => undefined],
  ['whose run has ended', true, ({ runId }) => store.updateRun(runId, { status: 'failed' })],
  [
    'whose step ended',
    true,
    async ({ runId }) => store.putStep({ runId, step: 's', status: 'failed', attempt: 1, process: living }),
  ],
  [
    'whose step’s process died too',
    true,
    async ({ runId }) => store.putStep({ runId, step: 's', status: 'running', attempt: 1, process: gone }),
  ],
  [
    'whose step runs in no process',
    true,
    async ({ runId }) => store.putStep({ runId, step: 's', status: 'running', attempt: 1 }),
  ],
  [
    'of which another step’s process lives',
    true,
    async ({ runId }) => store.putStep({ runId, step: 't', status: 'running', attempt: 1, process: living }),
  ],
  [
    'whose step’s own process goes on',
    false,
    async ({ runId }) => store.putStep({ runId, step: 's', status: 'running', attempt: 1, process: living }),
  ],
])('the lock of a run %s is taken over: %s', async (_, taken, leave) => {
  const lost = await driveOf(gone)
  await claimKey(lost, key, 's')
  await leave(lost)
  const stop = new AbortController()
  const mine = claimKey(await driveOf(me, stop), key, 's')
  expect(await within(mine)).toBe(taken ? 'lock' : 'waits')
  stop.abort(new Error('enough'))
  if (!taken) await expect(mine).rejects.toThrow()
})

test('another step of the same run is another’s lock', async () => {
  const drive = await driveOf(me)
  await claimKey(drive, key, 's')
  const stop = new AbortController()
  const second = claimKey({ ...drive, signal: stop.signal }, key, 't')
  expect(await within(second)).toBe('waits')
  stop.abort(new Error('enough'))
  await expect(second).rejects.toThrow()
})

test('of many who ask at once, one computes', async () => {
  const drives = await Promise.all(Array.from({ length: 6 }, () => driveOf(me)))
  const lost = await driveOf(gone)
  await claimKey(lost, key, 's')
  let locks = 0
  await Promise.all(
    drives.map(async drive => {
      const claim = await claimKey(drive, key, 's')
      if ('found' in claim) return
      locks++
      await finish(drive, 'by one')
      await store.removeDocument('step-lock', key, claim.lock.revision)
    }),
  )
  expect(locks).toBe(1)
})
