import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test, vi } from 'vitest'
import { openTestEngine } from '../../test/support/engine.ts'
import { inProcessExecutor } from '../../test/support/in-process-executor.ts'
import { fail } from '../errors/index.ts'
import { digestBytes } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import { ownIdentity } from '../internal/process-identity.ts'
import type { ProcessIdentity } from '../ports/executor.ts'
import type { MetadataStore, RunRecord } from '../ports/metadata-store.ts'
import type { EngineOptions } from './options.ts'
import type { StepDefinition } from './step.ts'

// Runs that this engine did not begin, or that another one takes from it.

const root = mkdtempSync(join(tmpdir(), 'millrace-recover-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const who = (startTime: string): ProcessIdentity => ({ host: 'h', bootId: 'b', pid: 7, startTime })
const [gone, living, distant] = [who('gone'), who('living'), who('distant')]
const executor = () =>
  inProcessExecutor({
    alive: ({ startTime }) => (startTime === 'gone' ? false : startTime === 'distant' ? undefined : true),
  })
const open = (over: Partial<EngineOptions> = {}) =>
  openTestEngine(mkdtempSync(join(root, 'e-')), { executor: executor(), ...over })

const step = (name: string, over: Partial<StepDefinition> = {}): StepDefinition => ({
  name,
  inputs: {},
  parameters: ulid(),
  code: digestBytes(name),
  environment: {},
  runsIn: 'inline',
  run: () => ({ outputs: {} }),
  ...over,
})
const waits = (name = 'waits') =>
  step(name, { run: ({ clock, signal }) => clock.sleep(60_000, signal).then(() => ({ outputs: {} })) })

async function begun(store: MetadataStore, over: Partial<RunRecord> = {}): Promise<string> {
  const id = ulid()
  const lease = { owner: gone, until: 2 ** 52 }
  await store.createRun({
    id,
    kind: 'pipeline',
    name: 'left',
    status: 'running',
    trigger: 'manual',
    startedAt: Date.now() * 1000,
    environment: {},
    parameters: {},
    lease,
    ...over,
  })
  return id
}

describe('a run is begun', () => {
  test('with what was asked, and is this engine’s until it ends', async () => {
    const { engine, store, events, close } = await open()
    const before = Date.now() * 1000
    const { runId, done } = await engine.start({
      name: 'asked',
      steps: [waits()],
      trigger: 'schedule',
      environment: { commit: 'c' },
      parameters: { day: 1 },
      runId: 'chosen',
    })
    expect(runId).toBe('chosen')
    const run = await store.getRun(runId)
    expect(run).toMatchObject({
      kind: 'pipeline',
      name: 'asked',
      status: 'running',
      trigger: 'schedule',
      environment: { commit: 'c' },
      parameters: { day: 1 },
      lease: { owner: ownIdentity() },
    })
    // half a minute to begin with
    expect((run?.lease?.until ?? 0) - before).toBeGreaterThanOrEqual(30_000_000)
    expect((run?.lease?.until ?? 0) - Date.now() * 1000).toBeLessThanOrEqual(30_000_000)
    expect(engine.active()).toEqual(['chosen'])
    expect(await engine.orphans()).toEqual([])
    await expect(engine.resume(runId, [waits()])).rejects.toMatchObject({ code: 'MR3041' })
    await engine.cancel(runId)
    expect((await done).status).toBe('cancelled')
    expect(engine.active()).toEqual([])
    expect((await store.getRun(runId))?.lease).toBeUndefined()
    expect(events.filter(({ type }) => type === 'run')).toMatchObject([
      { runId, name: 'asked', status: 'running' },
      { runId, name: 'asked', status: 'cancelled' },
    ])
    const { runId: other, done: end } = await engine.start({ name: 'plain', steps: [step('a')] })
    expect(await store.getRun(other)).toMatchObject({ trigger: 'manual', environment: {}, parameters: {} })
    await end
    await close()
  })

  test('its lease is renewed as long as it goes on', async () => {
    const { engine, store, close } = await open({ heartbeatMs: 10, leaseMs: 60_000 })
    const { runId, done } = await engine.start({ name: 'long', steps: [waits()] })
    const until = async () => (await store.getRun(runId))?.lease?.until ?? 0
    const first = await until()
    await vi.waitFor(async () => expect(await until()).toBeGreaterThan(first), { timeout: 20_000 })
    await engine.cancel(runId)
    await done
    await close()
  })

  test('a run that another engine took over is let go, and nothing more is written of it', async () => {
    const { engine, store, close } = await open({ heartbeatMs: 10 })
    const { runId, done } = await engine.start({ name: 'robbed', steps: [waits()] })
    await store.updateRun(runId, { lease: { owner: living, until: 2 ** 52 } })
    await expect(done).rejects.toMatchObject({ code: 'MR3044' })
    expect(await store.getRun(runId)).toMatchObject({ status: 'running', lease: { owner: living } })
    expect(engine.active()).toEqual([])
    await close()
  })

  test('a step whose run was taken over is neither begun nor tried again', async () => {
    const { engine, store, close } = await open()
    let begun = 0
    const one = step('robbed', { run: () => ({ outputs: {}, [`${begun++}`]: 1 }), cache: 'never' })
    const put = vi.spyOn(store, 'stepHistory')
    put.mockImplementationOnce(async () => {
      const [run] = await store.listRuns({ name: 'taken' })
      await store.updateRun(run?.id ?? '', { lease: { owner: living, until: 2 ** 52 } })
      return []
    })
    const other = step('gone', { runsIn: 'process', module: { file: 'x.mjs', export: 'x' } })
    const { done } = await engine.start({ name: 'taken', steps: [other] })
    await expect(done).rejects.toMatchObject({ code: 'MR3044' })
    put.mockRestore()
    expect((await engine.run({ name: 'plain', steps: [one] })).status).toBe('succeeded')
    expect(begun).toBe(1)
    await close()
  })

  test('a store that is away for less than the lease costs nothing; for longer, it ends the run', async () => {
    const { engine, store, close } = await open({ heartbeatMs: 10, leaseMs: 60 })
    let calls = 0
    const away = vi.spyOn(store, 'acquireRunLease')
    const { runId, done } = await engine.start({ name: 'away', steps: [waits()] })
    away.mockImplementation(async () => {
      calls++
      if (calls % 5 === 0) return true
      throw new Error('database is locked')
    })
    await vi.waitFor(() => expect(calls).toBeGreaterThan(12), { timeout: 20_000 })
    expect(engine.active()).toEqual([runId])
    away.mockRejectedValue(new Error('database is gone'))
    const { status } = await done
    expect(status).toBe('cancelled')
    away.mockRestore()
    await close()
  })
})

describe('resume', () => {
  test('refuses what is not there, is no pipeline, has succeeded, is driven by somebody else, or has no definition', async () => {
    const { engine, store, close } = await open()
    const steps = [step('a')]
    const refused = async (id: string, code: string, given: readonly StepDefinition[] | undefined = steps) =>
      expect(engine.resume(id, given)).rejects.toMatchObject({ code })
    await refused('none', fail('runUnknown').code)
    await refused(await begun(store, { kind: 'tracking' }), fail('runUnknown').code)
    await refused(await begun(store, { status: 'succeeded' }), fail('runFinished').code)
    const held = await begun(store, { lease: { owner: living, until: 0 } })
    await refused(held, fail('runHeld').code)
    await expect(engine.resume(held, steps)).rejects.toThrow(/process 7 on h/)
    await refused(
      await begun(store, { lease: { owner: distant, until: Date.now() * 1000 + 60_000_000 } }),
      fail('runHeld').code,
    )
    const left = await begun(store)
    await expect(engine.resume(left)).rejects.toMatchObject({ code: fail('definitionGone').code })
    await refused(left, 'MR3040', [step('a', { after: ['b'] })])
    // nothing of this took it from whoever may go on with it
    expect(await store.getRun(left)).toMatchObject({ status: 'running', lease: { owner: gone } })
    await close()
  })

  test.each<[string, Partial<RunRecord>]>([
    ['died', {}],
    ['was failed', { status: 'failed', endedAt: 1, error: { reason: 'x', exit: 3 } }],
    ['was cancelled', { status: 'cancelled', endedAt: 1 }],
    ['had begun to wait', { status: 'queued' }],
    ['is on another machine that was not heard of', { lease: { owner: distant, until: 1 } }],
  ])('goes on with a run that %s', async (_, over) => {
    const { engine, store, close } = await open()
    const left = await begun(store, over)
    const handle = await engine.resume(left, [waits(), step('a', { after: ['waits'] })])
    expect(await store.getRun(left)).toMatchObject({ status: 'running', lease: { owner: ownIdentity() } })
    await engine.cancel(left)
    expect((await handle.done).status).toBe('cancelled')
    expect((await (await engine.resume(left, [step('a')])).done).status).toBe('succeeded')
    await close()
  })

  test('of two engines that want it at once, one gets it', async () => {
    const place = mkdtempSync(join(root, 'two-'))
    const [one, two] = await Promise.all([
      openTestEngine(place, { executor: executor() }),
      openTestEngine(place, { executor: executor() }),
    ])
    const left = await begun(one.store)
    const results = await Promise.allSettled([one, two].map(({ engine }) => engine.resume(left, [step('a')])))
    // both are of this process, so the second may come before the first has written or after it has ended
    expect(results.some(({ status }) => status === 'fulfilled')).toBe(true)
    for (const result of results) if (result.status === 'fulfilled') await result.value.done.catch(() => undefined)
    expect((await one.store.getRun(left))?.status).toBe('succeeded')
    await Promise.all([one.close(), two.close()])
  })
})

describe('recover', () => {
  test('takes up what nobody drives, leaves what somebody does, and ends what has no definition, saying so', async () => {
    const known = (run: RunRecord) => run.name !== 'unknown'
    const { engine, store, events, close } = await open({
      resolve: async run => (known(run) ? [step(run.name)] : undefined),
    })
    const [dead, queued, held, without, tracked] = [
      await begun(store),
      await begun(store, { status: 'queued', name: 'queued' }),
      await begun(store, { lease: { owner: living, until: 0 } }),
      await begun(store, { name: 'unknown' }),
      await begun(store, { kind: 'tracking' }),
    ]
    expect((await engine.orphans()).map(({ id }) => id).sort()).toEqual([dead, queued, without].sort())
    const [handles, same] = await Promise.all([engine.recover(), engine.recover()])
    expect(same).toBe(handles)
    expect(handles.map(({ runId }) => runId).sort()).toEqual([dead, queued].sort())
    await Promise.all(handles.map(({ done }) => done))
    const status = async (id: string) => (await store.getRun(id))?.status
    expect([await status(dead), await status(queued), await status(held), await status(tracked)]).toEqual([
      'succeeded',
      'succeeded',
      'running',
      'running',
    ])
    const ended = await store.getRun(without)
    expect(ended).toMatchObject({
      status: 'failed',
      error: { exit: 2, reason: fail('definitionGone', { run: without, name: 'unknown' }).message },
    })
    expect(ended?.endedAt).toBeGreaterThan(0)
    expect(events.filter(event => event.runId === without)).toMatchObject([
      {
        type: 'run',
        name: 'unknown',
        status: 'failed',
        reason: fail('definitionGone', { run: without, name: 'unknown' }).message,
      },
    ])
    expect(await engine.recover()).toEqual([])
    await close()
  })

  test('one run that cannot be taken up does not keep the others from it; where there is no other, it is said', async () => {
    const { engine, store, close } = await open({
      resolve: async run => {
        if (run.name === 'unreadable') throw new Error('the project cannot be read')
        if (run.name === 'other') throw fail('definitionChanged', { run: run.id, name: run.name })
        if (run.name === 'taken') throw fail('runHeld', { run: run.id, pid: 1, host: 'h' })
        if (run.name === 'ended') throw fail('runFinished', { run: run.id, status: 'succeeded' })
        return [step('a')]
      },
    })
    const unreadable = await begun(store, { name: 'unreadable' })
    await expect(engine.recover()).rejects.toThrow('the project cannot be read')
    expect((await store.getRun(unreadable))?.status).toBe('running')
    const good = await begun(store)
    const handles = await engine.recover()
    expect(handles.map(({ runId }) => runId)).toEqual([good])
    await handles[0]?.done
    await store.updateRun(unreadable, { status: 'cancelled' })
    const other = await begun(store, { name: 'other' })
    for (const name of ['taken', 'ended']) await begun(store, { name })
    expect(await engine.recover()).toEqual([])
    expect((await store.getRun(other))?.status).toBe('failed')
    await close()
  })

  test('is done again and again while it watches, until it is closed', async () => {
    const { engine, store, close } = await open({ resolve: async () => [step('a')] })
    const errors: unknown[] = []
    const list = vi.spyOn(store, 'listRuns').mockRejectedValueOnce(new Error('busy'))
    engine.watch(error => errors.push(error), 5)
    engine.watch(() => errors.push('a second watch'), 1)
    await vi.waitFor(() => expect(errors).toEqual([new Error('busy')]), { timeout: 20_000 })
    const left = await begun(store)
    await vi.waitFor(async () => expect((await store.getRun(left))?.status).toBe('succeeded'), { timeout: 20_000 })
    await close()
    const looks = list.mock.calls.length
    await new Promise(resolve => setTimeout(resolve, 60))
    expect(list.mock.calls.length).toBe(looks)
    expect(errors).toHaveLength(1)
  })
})

describe('cancel', () => {
  test('refuses what is not there or has ended', async () => {
    const { engine, store, close } = await open()
    await expect(engine.cancel('none')).rejects.toThrow(fail('runUnknown', { run: 'none' }).message)
    for (const status of ['succeeded', 'failed', 'cancelled'] as const) {
      const run = await begun(store, { status })
      await expect(engine.cancel(run)).rejects.toThrow(fail('runFinished', { run, status }).message)
    }
    await close()
  })

  test('of a run whose driver died kills what is still at work of it, and nothing else', async () => {
    const killer = executor()
    const { engine, store, close } = await open({ executor: killer })
    const left = await begun(store)
    const record = (name: string, status: 'running' | 'succeeded', process?: ProcessIdentity) =>
      ({ runId: left, step: name, status, attempt: 1, ...(process === undefined ? {} : { process }) }) as const
    await store.putSteps([record('a', 'running', living), record('b', 'succeeded', distant), record('c', 'running')])
    await engine.cancel(left)
    expect(killer.killed).toEqual([living])
    const run = await store.getRun(left)
    expect(run).toMatchObject({ status: 'cancelled' })
    expect(run?.endedAt).toBeGreaterThan(1e15)
    // one that waits for its turn is nobody's
    const waiting = await begun(store, { status: 'queued' })
    await engine.cancel(waiting)
    expect((await store.getRun(waiting))?.status).toBe('cancelled')
    await close()
  })

  test('of another engine’s run is heard at its next heartbeat, once', async () => {
    const place = mkdtempSync(join(root, 'other-'))
    const owner = await openTestEngine(place, { executor: executor(), heartbeatMs: 10 })
    const asker = await openTestEngine(place, { executor: executor() })
    const { runId, done } = await owner.engine.start({ name: 'far', steps: [waits()] })
    await asker.engine.cancel(runId)
    expect((await done).status).toBe('cancelled')
    expect((await owner.store.getRun(runId))?.status).toBe('cancelled')
    expect(await owner.store.listDocuments('run-cancel')).toEqual([])
    await Promise.all([owner.close(), asker.close()])
  })
})

test('closing ends nothing: the run is as it was, for the next engine to take up', async () => {
  const { engine, store, close: _, ...rest } = await open()
  const { runId, done } = await engine.start({
    name: 'detached',
    steps: [waits(), step('b', { after: ['waits'] }), waits('c'), waits('d')],
  })
  await vi.waitFor(async () => expect(await store.listSteps(runId)).toHaveLength(2), { timeout: 20_000 })
  await engine.close()
  const { status, steps, error } = await done
  expect([status, steps, error]).toEqual(['running', [], undefined])
  expect(await store.getRun(runId)).toMatchObject({ status: 'running', lease: { owner: ownIdentity() } })
  expect((await store.listSteps(runId)).map(one => one.status)).toEqual(['running', 'running'])
  expect(rest.events.filter(({ type }) => type === 'run')).toHaveLength(1)
})
