import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { faultyRuntime } from '../../../test/support/faulty-runtime.ts'
import { predicted } from '../../../test/support/rides-of.ts'
import { hour, type Trained, trainedProject } from '../../../test/support/trained-project.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { LiveDeployment } from './deployment.ts'
import { ScalerGuard } from './scaler-guard.ts'
import { loadVersion, type ServedVersion } from './served-version.ts'

// What a deployment remembers: labels until their time has come, the rollout and its evidence over restarts, and whether what
// it serves can still be proven.

let trained: Trained
beforeAll(async () => {
  trained = await trainedProject()
})
afterAll(() => trained.close())

const canary = { steps: ['20%', '50%'], minRequests: 1000 } as const
const rows = (count: number, prefix = 'r') =>
  Array.from({ length: count }, (_, i) => ({
    id: `${prefix}${i}`,
    row: { at: trained.clock.now(), zone: 'north', km: 1 + (i % 40) },
  }))
const second = 1_000

/** In a rollout past its shadow. */
async function rolling(live: LiveDeployment): Promise<LiveDeployment> {
  await live.rollOut(trained.versions.other, 'ada')
  await predicted(live, rows(999, 'shadow'))
  await predicted(live, rows(1, 'last'))
  return live
}

describe('labels', () => {
  it.each([
    ['two days where nobody watches', undefined, 48 * hour],
    ['as long as the monitor says', { labelHorizon: '3h' }, 3 * hour],
    ["two days, which is a monitor's default", {}, 48 * hour],
  ] as const)('count after their horizon, not a moment before: %s', async (what, watched, horizon) => {
    const name = `horizon-${what.replaceAll(/\W+/g, '-')}`
    const { project } = trained.deployed(name, { canary }, watched as never)
    const live = (await trained.serve(project)).get(name) as LiveDeployment
    await live.deploy(trained.versions.good, 'ada')
    await rolling(live)
    expect(
      await live.feedback([
        { id: 'shadow0', label: 1 },
        { id: 'nobody', label: 1 },
      ]),
    ).toBe(1)
    expect(live.status().labels).toEqual({ waiting: 1, horizon })
    expect(await live.feedback([{ id: 'shadow0', label: 0 }])).toBe(0)
    await trained.clock.advance(horizon / 1000 - 1)
    live.tick()
    expect([live.rollout?.losses.n, live.status().labels.waiting]).toEqual([0, 1])
    await trained.clock.advance(1)
    live.tick()
    expect([live.rollout?.losses.n, live.status().labels.waiting]).toEqual([1, 0])
    await live.settled()
  })

  it('of before the rollout, or of no challenger, are none of it; a label that came first waits for its row', async () => {
    const live = await trained.live('epochs', { canary })
    await predicted(live, rows(3, 'early'))
    await rolling(live)
    expect(await live.feedback([{ id: 'early0', label: 1 }])).toBe(1)
    expect(live.status().labels.waiting).toBe(0)
    expect(await live.feedback([{ id: 'late0', label: 1 }])).toBe(0)
    await predicted(live, rows(2, 'late'))
    expect(live.status().labels.waiting).toBe(1)
    await live.command('abort', 'ada')
    await live.rollOut(trained.versions.other, 'ada')
    expect(live.status().labels.waiting).toBe(0)
    expect(await live.feedback([{ id: 'late1', label: 1 }])).toBe(1)
    expect(live.status().labels.waiting).toBe(0)
  })

  it('tell who reads a decision how many still wait', async () => {
    const live = await trained.live('telling', { canary: { ...canary, minRequests: 5 } })
    await rolling(live)
    await live.feedback(rows(7, 'shadow').map(({ id }) => ({ id, label: 1 })))
    for (let step = 0; step < 2; step++) await predicted(live, rows(60))
    const decisions = (await trained.workspace.store.listDecisions({ kind: 'rollout' })).filter(
      one => one.subject === 'deployment telling',
    )
    const promoted = decisions.find(one => one.verdict === 'promoted')
    expect(promoted?.reason).toMatch(
      /; 7 more labelled rows count once the label horizon \(48 h\) of their predictions is over$/,
    )
    expect(promoted?.inputs.labelsWaiting).toBe(7)
    expect(decisions.find(one => one.verdict === 'advanced')?.reason).not.toContain('more labelled rows')
  })

  it('of a worse challenger roll it back', async () => {
    const { runtime, faults } = faultyRuntime(trained.workspace.runtime)
    const live = await trained.live('worse', { canary }, { runtime })
    const { digest } = (await trained.workspace.store.getModelVersion('late', trained.versions.other)) as {
      digest: string
    }
    await rolling(live)
    faults.set(digest, async answer => ({ scores: (await answer()).scores.map(score => 1 - score) }))
    const stable = await predicted(live, rows(400, 'judged'))
    await live.feedback(stable.map(({ id }, i) => ({ id, label: i % 40 > 20 ? 1 : 0 })))
    expect(live.rollout?.phase).toBe('step')
    await trained.clock.advance((48 * hour) / 1000)
    live.tick()
    expect(live.rollout?.phase).toBe('rolled-back')
    await live.settled()
  })
})

describe('a restart', () => {
  it('takes up stable, challenger, share and holds from the store', async () => {
    const { project } = trained.deployed('restarted', { canary: { ...canary, maxWait: '1h' } })
    const first = await trained.serve(project)
    const live = first.get('restarted') as LiveDeployment
    await live.deploy(trained.versions.good, 'ada')
    const since = live.status().stable?.since
    await rolling(live)
    await predicted(live, rows(30))
    await live.command('pause', 'ada')
    const { rollout } = live
    await first.close()
    await trained.clock.advance(5 * second)
    const again = (await trained.serve(project)).get('restarted') as LiveDeployment
    expect(again.rollout).toEqual(rollout)
    expect(again.rollout).toMatchObject({ hold: 'paused', weight: 0.2 })
    expect([again.rolling, again.status().stable]).toEqual([
      true,
      { version: trained.versions.good, digest: expect.any(String), since },
    ])
    expect(new Set((await predicted(again, rows(60))).map(one => one.version))).toEqual(
      new Set([trained.versions.good, trained.versions.other]),
    )
    await again.command('abort', 'ada')
    // one that is over is not taken up
    const third = (await trained.serve(project)).get('restarted') as LiveDeployment
    expect([third.rolling, third.rollout?.phase]).toEqual([false, 'rolled-back'])
  })

  it('takes the evidence since the last decision, and rows whose labels are to come, from its journal', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'millrace-serving-'))
    const { clock } = trained
    const journal = { clock, retention: 100 * hour, onError: () => undefined }
    const { project } = trained.deployed('remembered', { canary })
    const open = async (): Promise<LiveDeployment> => {
      const live = (await trained.serve(project)).get('remembered') as LiveDeployment
      await live.remember(folder, [], journal)
      return live
    }
    const first = await open()
    await first.deploy(trained.versions.good, 'ada')
    await rolling(first)
    await predicted(first, rows(100))
    await first.feedback([{ id: 'r0', label: 1 }])
    await first.feedback([{ id: 'ahead0', label: 1 }])
    const { rollout } = first
    expect(rollout?.requests.canary).toBeGreaterThan(5)
    // its process ends: the journal has it, the store has the last decision only
    await first.close()
    const stored = await trained.workspace.store.getDocument('rollout', 'remembered')
    await trained.workspace.store.putDocument(
      'rollout',
      'remembered',
      { ...(stored?.value as object), requests: { stable: 0, canary: 0 } } as never,
      clock.now(),
    )
    const second = await open()
    expect(second.rollout?.requests).toEqual(rollout?.requests)
    expect(second.status().labels.waiting).toBe(1)
    await predicted(second, rows(1, 'ahead'))
    expect(second.status().labels.waiting).toBe(2)
    expect(await second.feedback([{ id: 'r1', label: 0 }])).toBe(1)
    // two days later all three count; a clock that is set back takes none away
    await clock.advance((48 * hour) / 1000)
    second.tick()
    expect(second.rollout?.losses.n).toBe(3)
    await second.close()
    const third = await open()
    expect([third.rollout?.losses.n, third.status().labels.waiting]).toEqual([3, 0])
    // a rollout that began while nobody served has another challenger than the journal
    await third.command('abort', 'ada')
    await third.rollOut(trained.versions.other, 'ada')
    const begun = third.rollout
    await third.close()
    await trained.workspace.store.putDocument(
      'rollout',
      'remembered',
      { ...begun, config: { ...begun?.config, challenger: `late@${trained.versions.good}` } } as never,
      clock.now(),
    )
    const fourth = await open()
    expect(fourth.rollout?.config.challenger).toBe(`late@${trained.versions.good}`)
    expect(await fourth.feedback([{ id: 'r2', label: 0 }])).toBe(1)
    expect(fourth.status().labels.waiting).toBe(0)
    await fourth.close()
  })
})

describe('health', () => {
  it('says what could not be stored, once, and goes on', async () => {
    let full = true
    const { store } = trained.workspace
    const failing = new Proxy(store, {
      get: (target, name) => {
        if (name === 'transaction' && full) return () => Promise.reject(new Error('disk full'))
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    }) as MetadataStore
    const live = await trained.live('unwritten', { canary })
    await live.close()
    const again = (await trained.serve(trained.deployed('unwritten', { canary }).project, { store: failing })).get(
      'unwritten',
    ) as LiveDeployment
    await again.rollOut(trained.versions.other, 'ada')
    await again.predict(rows(1000))
    await expect(again.settled()).rejects.toThrow('disk full')
    await again.settled()
    expect(again.health()).toEqual({ ready: true, reasons: [] })
    const failed = again.command('pause', 'ada')
    await expect(failed).rejects.toThrow('disk full')
    full = false
    await again.command('resume', 'ada')
    expect(again.rollout?.hold).toBeNull()
    // Nothing of it is lost: what could not be stored then is there now, each once and in its order
    const told = await store.listDecisions({ kind: 'rollout', subject: 'deployment unwritten' })
    expect(told.map(one => one.verdict)).toEqual(['resumed', 'held', 'advanced'])
    full = true
    again.tick()
    await again.command('pause', 'ada').catch(() => undefined)
    full = false
    again.tick()
    await again.settled()
    expect((await store.listDecisions({ kind: 'rollout', subject: 'deployment unwritten' }))[0]?.verdict).toBe('held')
  })

  it('stores once what was stored already when only the word of that was lost', async () => {
    const { store } = trained.workspace
    let lost = true
    const deaf = new Proxy(store, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown
        if (typeof value !== 'function') return value
        if (name !== 'transaction') return value.bind(target) as unknown
        return async (...given: unknown[]) => {
          const answer: unknown = await (value as (...all: unknown[]) => Promise<unknown>).apply(target, given)
          if (lost) throw new Error('connection lost')
          return answer
        }
      },
    }) as MetadataStore
    const live = await trained.live('deaf', { canary: { ...canary, bake: '1s' } })
    await live.close()
    const { project } = trained.deployed('deaf', { canary: { ...canary, bake: '1s' } })
    const again = (await trained.serve(project, { store: deaf })).get('deaf') as LiveDeployment
    await again.rollOut(trained.versions.other, 'ada')
    await expect(again.command('promote', 'ada')).rejects.toThrow('connection lost')
    await trained.clock.advance(1_001)
    again.tick()
    await expect(again.settled()).rejects.toThrow('connection lost')
    lost = false
    again.tick()
    await again.settled()
    const told = await store.listDecisions({ subject: 'deployment deaf' })
    expect(told.map(one => one.verdict).toSorted()).toEqual(['completed', 'promoted', 'promoted', 'promoted'])
    expect([again.rollout?.phase, again.status().stable?.version]).toEqual(['done', trained.versions.other])
  })

  it('is lost when the scaler that is served is no longer the registered one, found within ten seconds', async () => {
    const { clock, workspace, versions } = trained
    const live = await trained.live('proven')
    live.tick()
    await live.settled()
    expect(live.health()).toEqual({ ready: true, reasons: [] })
    let named: string | undefined = 'sha256:other'
    const { store } = workspace
    const record = await store.getModelVersion('late', versions.good)
    const moved = new Proxy(store, {
      get: (target, name) => {
        if (name === 'getModelVersion') return async () => ({ ...record, facts: { ...record?.facts, scaler: named } })
        const value = Reflect.get(target, name, target) as unknown
        return typeof value === 'function' ? value.bind(target) : value
      },
    }) as MetadataStore
    const guard = new ScalerGuard({ ...workspace, store: moved }, 'proven')
    const served = live.stable as ServedVersion
    expect(guard.due()).toBe(true)
    expect(guard.due()).toBe(false)
    await clock.advance(9_999)
    expect(guard.due()).toBe(false)
    await clock.advance(1)
    expect(guard.due()).toBe(true)
    await guard.follow(served)
    expect(guard.broken).toContain('the registry names the scaler sha256:other for late@')
    named = served.scaler.digest
    await guard.follow(served)
    expect(guard.broken).toBeUndefined()
    const gone = new ScalerGuard(
      {
        ...workspace,
        artifacts: { ...workspace.artifacts, get: () => Promise.reject(new Error('it is gone')) } as never,
      },
      'proven',
    )
    await gone.follow(served)
    expect(gone.broken).toMatch(/the scaler of late@\d cannot be proven: it is gone/)
  })

  it('a deployment whose scaler broke is not ready', async () => {
    const { workspace, clock } = trained
    let broken = false
    const artifacts = new Proxy(workspace.artifacts, {
      get: (target, name) => {
        const value = Reflect.get(target, name, target) as unknown
        if (name === 'get' && broken) return () => Promise.reject(new Error('damaged'))
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
    const live = await trained.live('broken', {}, { artifacts })
    broken = true
    live.tick()
    await live.settled()
    expect(live.health().ready).toBe(false)
    expect(live.health().reasons[0]).toContain('cannot be proven: damaged')
    broken = false
    await clock.advance(9_000)
    live.tick()
    await live.settled()
    expect(live.health().ready).toBe(false)
    await clock.advance(1_000)
    live.tick()
    await live.settled()
    expect(live.health()).toEqual({ ready: true, reasons: [] })
  })

  it('a version without a scaler that can be read is not served', async () => {
    const { store } = trained.workspace
    const record = await store.getModelVersion('late', trained.versions.good)
    for (const [scaler, reason] of [
      [undefined, 'the registry names no scaler'],
      [record?.facts.profile, 'the registered scaler has no named features'],
    ] as const)
      await expect(
        loadVersion(trained.workspace, { ...record, facts: { ...record?.facts, scaler } } as never),
      ).rejects.toMatchObject({ code: 'MR4107', details: { reason } })
  })
})
