import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { type BareApp, bareApp } from '../../test/support/bare-app.ts'
import { Played } from '../../test/support/played-rollout.ts'
import { fail } from '../errors/index.ts'
import { project } from '../index.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import { echoDeployment, echoServing } from '../../test/support/echo-serving.ts'
import { manualClock } from '../testing/manual-clock.ts'
import { EventBus, type ServerEvent } from './events/bus.ts'
import { watchStore } from './events/watch-store.ts'
import { Health } from './health.ts'
import { catalogued, problem } from './problem.ts'
import { rolloutEvidence } from './rollout-evidence.ts'

// What the server tells without being asked for it: events, health, problems, the evidence of a rollout.

afterEach(() => vi.useRealTimers())

describe('events', () => {
  it('reach who listens, in order; who comes back hears what it missed, of the last 256', () => {
    const bus = new EventBus()
    const heard: ServerEvent[] = []
    const stop = bus.subscribe(
      event => heard.push(event),
      undefined,
      () => undefined,
    )
    bus.publish('run', { a: 1 })
    bus.publish('alert', { b: 2 })
    expect(heard).toEqual([
      { id: 1, type: 'run', data: { a: 1 } },
      { id: 2, type: 'alert', data: { b: 2 } },
    ])
    stop()
    expect(bus.listeners).toBe(0)
    for (let i = 0; i < 300; i++) bus.publish('progress', { i })
    expect(heard).toHaveLength(2)
    const missed: number[] = []
    bus.subscribe(
      ({ id }) => missed.push(id),
      2,
      () => undefined,
    )
    expect([missed.length, missed[0], missed.at(-1)]).toEqual([256, 47, 302])
    const some: number[] = []
    bus.subscribe(
      ({ id }) => some.push(id),
      300,
      () => undefined,
    )
    expect(some).toEqual([301, 302])
    const none: number[] = []
    bus.subscribe(
      ({ id }) => none.push(id),
      undefined,
      () => undefined,
    )
    bus.publish('run', null)
    expect([none, some]).toEqual([[303], [301, 302, 303]])
  })

  it('end when the server closes, for each listener once', () => {
    const bus = new EventBus()
    let ended = 0
    for (let i = 0; i < 3; i++)
      bus.subscribe(
        () => undefined,
        undefined,
        () => void ended++,
      )
    bus.close()
    bus.close()
    expect([ended, bus.listeners]).toEqual([3, 0])
  })

  it('come of what other processes write, and of nothing that was there before', async () => {
    const app: BareApp = await bareApp()
    const { store } = app.services.workspace
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    const { bus } = app.services
    const heard: unknown[] = []
    const errors: unknown[] = []
    const decision = (id: string) =>
      store.addDecision({
        id,
        kind: 'gate',
        subject: 's',
        at: 1,
        verdict: 'passed',
        reason: '',
        rule: { name: 'r' },
        inputs: {},
        evidence: [],
        actor: 'a',
      })
    await decision('before')
    const stop = watchStore(store, bus, error => errors.push(error))
    const second = async (): Promise<void> => {
      vi.advanceTimersByTime(1000)
      for (let i = 0; i < 50; i++) await new Promise(resolve => setImmediate(resolve))
    }
    await second()
    const leave = bus.subscribe(
      ({ type, data }) => heard.push([type, data]),
      undefined,
      () => undefined,
    )
    await second()
    expect(heard).toEqual([])
    await decision('after')
    await store.addReport({
      id: 'r',
      kind: 'model',
      subject: 'm',
      at: 1,
      status: 'pass',
      checks: [],
      evidence: {},
    } as never)
    await store.putDocument('rollout', 'api', { phase: 'step' }, 1)
    await store.createRun({
      id: 'run',
      kind: 'pipeline',
      name: 'n',
      status: 'running',
      trigger: 't',
      startedAt: 1,
      environment: {},
      parameters: {},
    } as never)
    await second()
    expect(heard).toEqual([
      ['run', { runId: 'run', name: 'n', status: 'running' }],
      ['decision', { id: 'after', kind: 'gate', subject: 's', verdict: 'passed' }],
      ['report', { id: 'r', kind: 'model', subject: 'm', status: 'pass' }],
      ['rollout', { id: 'api', revision: 1 }],
    ])
    heard.length = 0
    await second()
    expect(heard).toEqual([])
    await store.putDocument('rollout', 'api', { phase: 'bake' }, 2)
    await store.updateRun('run', { status: 'failed' })
    await second()
    expect(heard).toEqual([
      ['run', { runId: 'run', name: 'n', status: 'failed' }],
      ['rollout', { id: 'api', revision: 2 }],
    ])
    leave()
    await stop()
    expect(errors).toEqual([])
    await app.close()
  })

  it('are a stream that begins after what its reader saw last', async () => {
    const app = await bareApp()
    const { bus } = app.services
    for (const i of [1, 2, 3]) bus.publish('progress', { i })
    const read = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
      const asked = app.ask('GET', path, undefined, headers)
      for (let i = 0; bus.listeners === 0 && i < 100; i++) await new Promise(resolve => setImmediate(resolve))
      bus.publish('run', { now: true })
      bus.close()
      return (await asked).text
    }
    expect(await read('/v1/events')).toBe('retry: 1000\n\nid: 4\nevent: run\ndata: {"now":true}\n\n')
    const since = await read('/v1/events?since=3')
    expect(since.startsWith('retry: 1000\n\nid: 4\nevent: run\ndata: {"now":true}\n\nid: 5\n')).toBe(true)
    expect(await read('/v1/events?since=0', { 'last-event-id': '5' })).toMatch(/^retry: 1000\n\nid: 6\n/)
    expect((await app.ask('GET', '/v1/events?since=-1')).status).toBe(400)
    await app.close()
  })
})

describe('health', () => {
  const open: Health[] = []
  afterEach(() => open.splice(0).forEach(one => one.close()))
  const health = (
    store: object,
    deployments = [echoDeployment({ name: 'api', columns: [], score: 'p' })],
    folder = tmpdir(),
  ) => {
    const clock = manualClock()
    const made = new Health({
      store: store as MetadataStore,
      project: project('telling', {}),
      serving: echoServing(deployments),
      clock,
      version: '1.2.3',
      folder,
    })
    open.push(made)
    return { made, clock, deployment: deployments[0] }
  }
  const bodyOf = (page: { body: Buffer }) => JSON.parse(page.body.toString()) as Record<string, unknown>
  const store = { getDocument: async () => undefined }

  it('is not there before it was looked at, then that of store, deployments and process', async () => {
    const { made, deployment } = health(store)
    expect([
      made.ready,
      made.page.status,
      made.readyPage.status,
      made.startupPage.status,
      made.livePage.status,
    ]).toEqual([false, 503, 503, 503, 200])
    expect(bodyOf(made.page)).toEqual({ status: 'fail', output: 'starting' })
    await made.look()
    expect([made.ready, made.page.status, made.readyPage.status, made.startupPage.status]).toEqual([
      true,
      200,
      200,
      200,
    ])
    expect(made.page.type).toBe('application/health+json')
    expect(bodyOf(made.page)).toMatchObject({ version: '1.2.3', serviceId: 'millrace' })
    expect(Object.keys(bodyOf(made.page).checks as object)).toEqual([
      'metadata:responseTime',
      'disk:free',
      'deployment api:ready',
      'event-loop:lag',
      'memory:rss',
    ])
    expect([bodyOf(made.readyPage), bodyOf(made.oipReadyPage)]).toEqual([
      { status: 'pass' },
      { live: true, ready: true },
    ])
    if (deployment) deployment.ready = false
    await made.look()
    expect([
      made.ready,
      made.page.status,
      made.readyPage.status,
      made.startupPage.status,
      made.oipReadyPage.status,
    ]).toEqual([false, 503, 503, 200, 503])
    expect(bodyOf(made.page)).toMatchObject({ status: 'fail', output: 'deployment api:ready: told so' })
    expect(bodyOf(made.readyPage)).toEqual({ status: 'fail', output: 'deployment api:ready: told so' })
  })

  it('is degraded and ready without its store, and says how long one took that answers', async () => {
    const { made, clock } = health({
      getDocument: async () => {
        clock.work(12.5)
      },
    })
    await made.look()
    expect((bodyOf(made.page).checks as Record<string, unknown[]>)['metadata:responseTime']).toMatchObject([
      { status: 'pass', observedValue: 12.5, observedUnit: 'ms', componentType: 'datastore' },
    ])
    const broken = health({ getDocument: () => Promise.reject(new Error('database is locked')) }).made
    await broken.look()
    expect([broken.ready, broken.page.status, broken.readyPage.status]).toEqual([true, 200, 200])
    expect(bodyOf(broken.page)).toMatchObject({
      status: 'warn',
      output: 'metadata:responseTime: database is locked',
    })
  })

  it('is degraded where nobody can say how much of the disk is free', async () => {
    const { made } = health(store, undefined, join(tmpdir(), 'nowhere'))
    await made.look()
    expect([made.ready, made.page.status]).toEqual([true, 200])
    expect(bodyOf(made.page)).toMatchObject({
      status: 'warn',
      output: expect.stringMatching(/^disk:free: how much is free is unknown: .*ENOENT/) as string,
    })
  })

  it('gives a store two seconds, and looks no second time meanwhile', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let asked = 0
    const { made } = health({ getDocument: () => new Promise(() => void asked++) })
    const look = made.look()
    await made.look()
    vi.advanceTimersByTime(1999)
    await Promise.resolve()
    expect(bodyOf(made.readyPage).output).toBe('starting')
    vi.advanceTimersByTime(1)
    await look
    expect([asked, bodyOf(made.page).output]).toEqual([1, 'metadata:responseTime: no answer for 2000 ms'])
  })

  it('ends with the beginning of the end, while the process lives', async () => {
    const { made } = health(store)
    await made.look()
    made.beginClose()
    expect([made.open, made.ready, made.livePage.status, made.readyPage.status]).toEqual([false, false, 200, 503])
    expect(bodyOf(made.readyPage).output).toBe('the server is closing')
    await made.look()
    expect([made.ready, bodyOf(made.readyPage).output]).toEqual([false, 'the server is closing'])
  })
})

describe('problems', () => {
  it('are catalogued, without the folder of the project; what is not is logged whole and told by its reference', async () => {
    const logged: Readonly<Record<string, unknown>>[] = []
    const services = {
      log: (line: Readonly<Record<string, unknown>>) => void logged.push(line),
      workspace: { root: '/srv/shop' },
    }
    const known = problem(
      fail('recordUnknown', { kind: 'file', name: '/srv/shop/data/a.csv', where: '/srv/shop' }),
      services,
    )
    expect([known.status, known.headers.get('content-type')]).toEqual([404, 'application/problem+json'])
    const text = await known.text()
    expect(text).not.toContain('/srv/shop')
    expect(JSON.parse(text)).toMatchObject({ code: 'MR5020', details: { name: 'data/a.csv', where: '.' } })
    expect(logged).toEqual([])
    const strange = catalogued(new TypeError('secret /srv/shop'), services)
    expect([strange.code, strange.status, JSON.stringify(strange).includes('secret')]).toEqual(['MR5021', 500, false])
    expect(logged).toEqual([
      { level: 'error', reference: strange.details.reference, error: expect.stringContaining('secret') },
    ])
    expect(catalogued('thrown text', services).code).toBe('MR5021')
    expect(logged[1]?.error).toBe('thrown text')
    expect(problem(fail('unauthorized', { permission: 'read' }), services).headers.get('www-authenticate')).toBe(
      'Bearer realm="millrace"',
    )
    expect(known.headers.get('www-authenticate')).toBeNull()
  })
})

describe('the evidence of a rollout', () => {
  it('is what its rules look at, with their limits', () => {
    const shadow = new Played({ shadowRows: 500 }).shadow(100, 0.25, 0.75)
    expect(rolloutEvidence(shadow.state)).toEqual({
      ramp: [0.2, 0.5, 1],
      guardrails: ['error', 'timeout', 'latency'].map(name => ({
        name,
        canary: 0,
        all: 0,
        logE: 0,
        limit: -Math.log(name === 'error' ? 0.01 * 0.5 : 0.01 * 0.25),
      })),
      segments: [],
      loss: null,
      metrics: [],
      queries: [],
      shadow: { rows: 100, needed: 500, meanDifference: 0.5, flips: 1 },
    })
    const step = new Played({ minRequests: 100, maxLatency: '20ms' }).request('slow', 3).request('slow', 1, 'stable')
    const slow = rolloutEvidence(step.state)?.guardrails.find(one => one.name === 'slow')
    expect(slow).toMatchObject({ canary: 3, all: 4, limit: -Math.log(0.01 / 6) })
    // 0.5 · 1.98³ · 0.02, and the integral of t³ (1 − t) from a half to one is 1/20 − 1/64 + 1/160
    expect(Math.exp(slow?.logE as number)).toBeCloseTo(0.01 * 1.98 ** 3 + 16 * (1 / 20 - 1 / 64 + 1 / 160), 9)
    const labelled = new Played({ minRequests: 100 }).labels(
      Array.from({ length: 400 }, () => 2),
      Array.from({ length: 400 }, (_, i) => 2 + (i % 2 === 0 ? 0.1 : -0.1)),
    )
    const loss = rolloutEvidence(labelled.state)?.loss
    expect(loss).toMatchObject({ rows: 400, allowed: 0.02 })
    expect(loss?.mean).toBeCloseTo(0, 12)
    expect((loss?.upper as number) + (loss?.lower as number)).toBeCloseTo(0, 12)
    // fewer than a hundred bound nothing
    expect(rolloutEvidence(new Played().labels([1], [1]).state)?.loss).toBeNull()
    expect(rolloutEvidence(new Played().shadow(0, 0, 0).state)?.shadow).toMatchObject({ meanDifference: 0, flips: 0 })
  })

  it('is nothing where the state is of another shape', () => {
    const { state } = new Played()
    expect(rolloutEvidence({ state })).toEqual(rolloutEvidence(state))
    for (const other of [
      null,
      undefined,
      'x',
      {},
      { config: {} },
      { ...state, losses: undefined },
      { ...state, metrics: undefined },
      { ...state, shadow: undefined },
      { ...state, guardrails: undefined },
    ])
      expect(rolloutEvidence(other)).toBeNull()
  })
})
