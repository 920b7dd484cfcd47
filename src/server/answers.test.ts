import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { z } from '@hono/zod-openapi'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { openSqlite } from '../adapters/metadata/sqlite/open.ts'
import type { JobView } from '../app/jobs/jobs.ts'
import { fail } from '../errors/index.ts'
import { digestBytes } from '../internal/digest.ts'
import { ulid } from '../internal/ids.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import { eventStream, type SendEvent } from './event-stream.ts'
import { EventBus, type ServerEvent } from './events/bus.ts'
import { watchStore } from './events/watch-store.ts'
import { jobShown, maxWaitSeconds, startJob } from './job-answer.ts'
import { catalogued, fromRoot, problem, protocolProblem } from './problem.ts'
import { parseInput, route } from './route.ts'
import { followTls, readTls } from './tls.ts'
import { sendMade, withUpload } from './upload.ts'

// What answers are made of: errors, files, events, jobs, certificates.

const root = mkdtempSync(join(tmpdir(), 'millrace-answers-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

describe('an error for outside', () => {
  const services = () => {
    const logged: Readonly<Record<string, unknown>>[] = []
    return {
      logged,
      services: {
        log: (line: Readonly<Record<string, unknown>>) => logged.push(line),
        workspace: { root: '/srv/shop' },
      },
    }
  }
  it.each([
    ['/srv/shop/data/a.csv', 'data/a.csv'],
    ['/srv/shop', '.'],
    ['in /srv/shop/a and /srv/shop/b', 'in a and b'],
    ['elsewhere', 'elsewhere'],
  ])('tells no place of this machine: %s', (text, told) => {
    expect(fromRoot(text, '/srv/shop')).toBe(told)
    expect(fromRoot(text, '')).toBe(text)
  })

  it('that is catalogued has its code, status and words, without the root', async () => {
    const { services: of, logged } = services()
    const answer = problem(fail('fileUnreadable', { file: '/srv/shop/data/a.csv', reason: 'it is gone' }), of)
    const body = (await answer.json()) as { code: string; status: number; detail?: string }
    expect([answer.status, answer.headers.get('content-type')]).toEqual([body.status, 'application/problem+json'])
    expect(JSON.stringify(body)).toContain('data/a.csv')
    expect(JSON.stringify(body)).not.toContain('/srv/shop')
    expect(logged).toEqual([])
    const protocol = protocolProblem(fail('fileUnreadable', { file: 'a.csv', reason: 'it is gone' }), of)
    const told = (await protocol.json()) as { error: string; code: string }
    expect([told.error, told.code]).toEqual([expect.stringContaining('a.csv'), body.code])
  })

  it('that is our own is logged whole and answered by its reference', async () => {
    const { services: of, logged } = services()
    const answer = problem(new TypeError('secret of /srv/shop'), of)
    const text = await answer.text()
    expect(answer.status).toBe(500)
    expect(text).not.toContain('secret')
    const [{ reference = '', error = '', level } = {}] = logged as {
      reference?: string
      error?: string
      level?: string
    }[]
    expect([level, text.includes(reference), error.includes('secret')]).toEqual(['error', true, true])
    catalogued('a text', of)
    expect(logged[1]?.error).toBe('a text')
  })

  it('says when to ask again where that is known, and how to sign in', () => {
    const { services: of } = services()
    const told = (...given: Parameters<typeof fail>) => {
      const { status, headers } = problem(fail(...given), of)
      return [status, headers.get('retry-after'), headers.get('www-authenticate')]
    }
    expect(told('tokenLimited', { seconds: 7 })).toEqual([429, '7', null])
    expect(told('tokenLimited', {})).toEqual([429, null, null])
    expect(told('unauthorized', { seconds: 7 })).toEqual([401, null, 'Bearer realm="millrace"'])
    expect(told('fileUnreadable', { seconds: 7 })[1]).toBeNull()
  })
})

describe('what a route takes', () => {
  const schema = z.strictObject({ rows: z.array(z.strictObject({ km: z.number() })) })
  it.each<[unknown, string]>([
    [{ rows: [{ km: 1 }, { km: 'far' }] }, 'body.rows[1].km'],
    [{ rows: [{}] }, 'body.rows[0].km'],
    [{ rows: [], more: 1 }, 'body'],
    [7, 'body'],
  ])('is named where it does not fit: %j', (given, place) => {
    expect(() => parseInput(schema, given, 'body', 'POST /a')).toThrow(
      expect.objectContaining({
        code: 'MR5015',
        details: expect.objectContaining({ place, route: 'POST /a' }) as object,
      }) as Error,
    )
  })

  const called = async (over: object, request: Request): Promise<Response> => {
    const one = route({
      method: 'POST',
      path: '/a',
      permission: 'read',
      tag: 't',
      summary: 's',
      handler: async ({ query, body, actor }: { query: unknown; body: unknown; actor: string }) => ({
        query,
        body: body ?? null,
        actor,
      }),
      ...over,
    } as never)
    return one.respond({ request, url: new URL(request.url), params: {}, actor: 'ada', services: {} as never })
  }
  it('is its query and body; what nobody reads is refused', async () => {
    const at = 'http://x/a'
    const post = (body?: string): Request =>
      new Request(at, {
        method: 'POST',
        ...(body === undefined
          ? {}
          : { body, headers: { 'content-length': String(body.length), 'content-type': 'application/json' } }),
      })
    expect(await (await called({}, post())).json()).toEqual({ query: {}, body: null, actor: 'ada' })
    await expect(called({}, new Request(`${at}?limit=3`, { method: 'POST' }))).rejects.toMatchObject({
      details: { place: 'query' },
    })
    const body = z.strictObject({ n: z.number().optional() })
    // where nothing has to be said, none is as good as an empty one
    expect(await (await called({ body }, post())).json()).toMatchObject({ body: {} })
    expect(await (await called({ body }, post('{"n":3}'))).json()).toMatchObject({ body: { n: 3 } })
    await expect(called({ body: z.strictObject({ n: z.number() }) }, post())).rejects.toMatchObject({
      code: expect.stringMatching(/^MR50/) as string,
    })
    const own = await called({ handler: async () => new Response('own', { status: 201 }) }, post())
    expect([own.status, await own.text()]).toEqual([201, 'own'])
    expect(await (await called({ handler: async () => undefined }, post())).json()).toEqual({})
  })
})

describe('a file that is sent', () => {
  const folder = join(root, 'state')
  const left = (): readonly string[] =>
    existsSync(join(folder, 'uploads')) ? readdirSync(join(folder, 'uploads')) : []
  const put = (body: string | ReadableStream | null, headers: Record<string, string> = {}): Request =>
    new Request('http://x/a', { method: 'PUT', body, headers, duplex: 'half' } as never)

  it('is there for the length of the work, for its owner alone, whichever way that ends', async () => {
    const read = async (path: string) => {
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(left()).toHaveLength(1)
      return [readFileSync(path, 'utf8'), path.endsWith('.csv')]
    }
    expect(await withUpload(put('a,b\n'), folder, read, 'csv')).toEqual(['a,b\n', true])
    expect(await withUpload(put(null), folder, read)).toEqual(['', false])
    const pieces = new ReadableStream({
      start(controller) {
        for (const one of ['a', 'bc', '']) controller.enqueue(new TextEncoder().encode(one))
        controller.close()
      },
    })
    expect(await withUpload(put(pieces), folder, read)).toEqual(['abc', false])
    await expect(withUpload(put('x'), folder, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(left()).toEqual([])
  })

  it.each([
    ['gzip', false],
    ['GZIP', false],
    ['br', false],
    ['identity', true],
    [' Identity ', true],
    ['', true],
  ])('compressed as "%s" is taken: %s', async (encoding, taken) => {
    const work = withUpload(put('x', { 'content-encoding': encoding }), folder, async () => 'taken')
    if (taken) expect(await work).toBe('taken')
    else await expect(work).rejects.toMatchObject({ details: { encoding: encoding.toLowerCase() } })
    expect(left()).toEqual([])
  })

  it('that is made is sent whole though its name is gone already, or as nothing where none was made', async () => {
    const answer = await sendMade(folder, 'csv', 'text/csv', async path => {
      writeFileSync(path, 'x'.repeat(200_000))
      return true
    })
    expect(left()).toEqual([])
    expect([answer.headers.get('content-type'), (await answer.text()).length]).toEqual(['text/csv', 200_000])
    const none = await sendMade(folder, 'csv', 'text/csv', async () => false)
    expect([none.headers.get('content-type'), await none.text()]).toEqual(['text/csv', ''])
    await expect(sendMade(folder, 'csv', 'text/csv', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(left()).toEqual([])
  })
})

describe('events as they come', () => {
  const text = async (reader: ReadableStreamDefaultReader<Uint8Array>): Promise<string> =>
    new TextDecoder().decode((await reader.read()).value)
  afterEach(() => void vi.useRealTimers())

  it('have a type, data and where they have one an id; the last word is the end', async () => {
    let over = 0
    const answer = eventStream((send, end) => {
      send({ type: 'a', data: { n: 1 } })
      send({ type: 'b', data: 'two\nlines', id: 7 })
      setTimeout(end, 5)
      return () => over++
    })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    expect(answer.headers.get('cache-control')).toBe('no-store')
    expect(await answer.text()).toBe(
      'retry: 1000\n\nevent: a\ndata: {"n":1}\n\nid: 7\nevent: b\ndata: "two\\nlines"\n\n',
    )
    expect(over).toBe(1)
  })

  it('say every fifteen seconds that they are there, and end with their reader', async () => {
    vi.useFakeTimers()
    let over = 0
    let send: SendEvent = () => undefined
    const answer = eventStream(given => {
      send = given
      return () => over++
    })
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader()
    await text(reader)
    vi.advanceTimersByTime(14_999)
    const next = text(reader)
    vi.advanceTimersByTime(1)
    expect(await next).toBe(': still here\n\n')
    await reader.cancel()
    expect([over, vi.getTimerCount()]).toEqual([1, 0])
    // nobody hears it, and nothing breaks
    send({ type: 'late', data: 1 })
  })

  it('are let go for a reader that takes none for long, rather than kept', async () => {
    let over = 0
    let sent = 0
    eventStream((send: SendEvent) => {
      for (; sent < 2_000 && over === 0; sent++) send({ type: 'a', data: sent })
      return () => over++
    })
    // that it ended while it was fed is told once it was
    expect(sent).toBeLessThanOrEqual(2_000)
    let late = 0
    let feed: SendEvent = () => undefined
    eventStream(send => {
      feed = send
      return () => late++
    })
    for (let i = 0; i < 1_000 && late === 0; i++) feed({ type: 'a', data: i })
    expect(late).toBe(1)
  })
})

describe('what happened', () => {
  it('is told to who listens, and to who comes back as far as it is remembered', () => {
    const bus = new EventBus()
    const heard: number[] = []
    const ended: string[] = []
    const stop = bus.subscribe(
      event => heard.push(event.id),
      undefined,
      () => ended.push('first'),
    )
    expect(bus.listeners).toBe(1)
    for (let i = 0; i < 300; i++) bus.publish('run', { i })
    expect([heard.length, heard[0], heard.at(-1)]).toEqual([300, 1, 300])
    stop()
    bus.publish('run', {})
    expect([heard.length, bus.listeners]).toEqual([300, 0])
    const again: ServerEvent[] = []
    bus.subscribe(
      event => again.push(event),
      299,
      () => ended.push('second'),
    )
    expect(again.map(event => event.id)).toEqual([300, 301])
    const all: number[] = []
    bus.subscribe(
      event => all.push(event.id),
      0,
      () => ended.push('third'),
    )
    expect([all.length, all[0]]).toEqual([256, 46])
    bus.close()
    expect([ended, bus.listeners]).toEqual([['second', 'third'], 0])
  })

  let store: MetadataStore
  beforeAll(async () => {
    store = await openSqlite(join(root, 'a.db'))
  })
  afterAll(() => store.close())
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] }))
  afterEach(() => void vi.useRealTimers())

  it('elsewhere is seen within a second by who listens: what is new since, each change once', async () => {
    const bus = new EventBus()
    const errors: unknown[] = []
    let [looks, ended] = [0, 0]
    const counting = Object.assign(Object.create(store) as MetadataStore, {
      // what is asked for last
      listDocuments: async (kind: string) => {
        const found = await store.listDocuments(kind)
        if (kind === 'alert') ended++
        return found
      },
      listRuns: (filter: object) => {
        looks++
        return store.listRuns(filter)
      },
    })
    const stop = watchStore(counting, bus, error => errors.push(error))
    const tick = async (): Promise<void> => {
      vi.advanceTimersByTime(1000)
      do await new Promise(done => setTimeout(done, 2))
      while (ended < looks)
      await new Promise(done => setImmediate(done))
    }
    await tick()
    // nobody listens: nothing is asked
    expect(looks).toBe(0)
    const run = {
      id: ulid(),
      kind: 'pipeline',
      name: 'train-a',
      status: 'running',
      trigger: 'manual',
      startedAt: 1,
      environment: {},
      parameters: {},
    } as const
    await store.createRun(run)
    await store.putDocument('rollout', 'api', { a: 1 }, 1)
    const events: [string, unknown][] = []
    bus.subscribe(
      ({ type, data }) => events.push([type, data]),
      undefined,
      () => undefined,
    )
    await tick()
    // what was there before is no news
    expect([looks, events]).toEqual([1, []])
    await store.updateRun(run.id, { status: 'failed' })
    await store.putDocument('rollout', 'api', { a: 2 }, 1, 1)
    await store.putDocument('token', 'x', {}, 1)
    await store.addDecision({
      id: 'd',
      kind: 'gate',
      subject: 's',
      at: 1,
      verdict: 'passed',
      reason: 'r',
      rule: { name: 'n', threshold: 1 },
      inputs: {},
      evidence: [digestBytes('e')],
      actor: 'a',
    })
    await tick()
    expect(events).toEqual([
      ['run', { runId: run.id, name: 'train-a', status: 'failed' }],
      ['decision', { id: 'd', kind: 'gate', subject: 's', verdict: 'passed' }],
      ['rollout', { id: 'api', revision: 2 }],
    ])
    await tick()
    expect(events).toHaveLength(3)
    await stop()
    await tick()
    expect([looks, errors]).toEqual([3, []])
  })
})

describe('a job as an answer', () => {
  const view = (over: object = {}): JobView =>
    ({
      id: 'j1',
      useCase: 'train',
      input: { path: '/srv/shop/a.csv' },
      actor: 'ada',
      at: 1,
      status: 'running',
      endedAt: null,
      answer: null,
      error: null,
      ...over,
    }) as JobView
  it('tells its places from the project on', () => {
    expect(jobShown(view({ answer: [{ file: '/srv/shop/b.csv', n: 1 }] }), '/srv/shop')).toMatchObject({
      input: { path: 'a.csv' },
      answer: [{ file: 'b.csv', n: 1 }],
    })
  })

  const started = async (prefer: string | undefined, endsIn: number | undefined, fails = false) => {
    const published: unknown[] = []
    let over = false
    const answer = new Promise((done, no) => {
      if (endsIn !== undefined)
        setTimeout(() => {
          over = true
          if (fails) no(new Error('no'))
          else done(1)
        }, endsIn)
    })
    answer.catch(() => undefined)
    const services = {
      jobs: { start: async () => ({ id: 'j1', answer }), get: async () => view({ status: over ? 'done' : 'running' }) },
      bus: { publish: (_: string, data: unknown) => published.push(data) },
      workspace: { root: '/srv/shop' },
    } as never
    const request = new Request('http://x', { headers: prefer === undefined ? {} : { prefer } })
    const response = await startJob(services, { request, actor: 'ada' }, 'train' as never, {} as never)
    return { response, published, status: ((await response.json()) as JobView).status }
  }

  it.each<[string | undefined, number | undefined, number, string | null, string]>([
    [undefined, 1, 202, null, 'running'],
    ['wait=5', 5, 200, 'wait=5', 'done'],
    ['wait=0', 50, 202, 'wait=0', 'running'],
    ['respond-async, wait=5', 5, 200, 'wait=5', 'done'],
    ['wait=x', 1, 202, null, 'running'],
    ['await=5', 1, 202, null, 'running'],
    ['wait=99999', 5, 200, `wait=${maxWaitSeconds}`, 'done'],
  ])('preferring "%s" is told so: ends in %s ms, %i', async (prefer, endsIn, status, applied, told) => {
    const { response, published, status: shown } = await started(prefer, endsIn)
    expect([response.status, response.headers.get('preference-applied'), shown]).toEqual([status, applied, told])
    expect(response.headers.get('location')).toBe('/v1/jobs/j1')
    expect(published[0]).toEqual({ id: 'j1', useCase: 'train', over: false })
  })

  it('that failed is over as well, and its end is told', async () => {
    const { response, published } = await started('wait=5', 5, true)
    expect(response.status).toBe(200)
    expect(published).toEqual([
      { id: 'j1', useCase: 'train', over: false },
      { id: 'j1', useCase: 'train', over: true },
    ])
    expect(maxWaitSeconds).toBe(600)
  })
})

describe('a certificate', () => {
  const [cert, key] = [join(root, 'cert.pem'), join(root, 'key.pem')]
  const make = (name: string): { cert: Buffer; key: Buffer } => {
    const at = (end: string) => join(root, `${name}.${end}`)
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
        '-subj',
        `/CN=${name}`,
        '-keyout',
        at('key'),
        '-out',
        at('cert'),
      ],
      { stdio: 'ignore' },
    )
    return { cert: readFileSync(at('cert')), key: readFileSync(at('key')) }
  }
  const lay = (pair: { cert: Uint8Array; key: Uint8Array }): void => {
    writeFileSync(cert, pair.cert)
    writeFileSync(key, pair.key)
  }
  afterEach(() => void vi.useRealTimers())

  it('is followed once both files are of each other; until then the old one stays, told once', () => {
    const [first, second] = [make('first'), make('second')]
    lay(first)
    expect(readTls({ cert, key })).toEqual(first)
    vi.useFakeTimers()
    const served: unknown[] = []
    const logged: Readonly<Record<string, unknown>>[] = []
    const stop = followTls({ setSecureContext: context => void served.push(context) }, { cert, key }, line =>
      logged.push(line),
    )
    vi.advanceTimersByTime(5_000)
    expect([served, logged]).toEqual([[], []])
    writeFileSync(cert, second.cert)
    vi.advanceTimersByTime(3_000)
    expect(served).toEqual([])
    expect(logged).toEqual([{ level: 'warn', text: 'the old certificate stays', reason: expect.any(String) as string }])
    writeFileSync(key, second.key)
    vi.advanceTimersByTime(3_000)
    expect(served).toEqual([second])
    expect(logged.at(-1)).toEqual({ level: 'info', text: 'the certificate was renewed', cert })
    expect(logged).toHaveLength(2)
    // and it is told anew when it happens anew
    rmSync(key)
    vi.advanceTimersByTime(2_000)
    expect(logged.at(-1)?.level).toBe('warn')
    stop()
    lay(first)
    vi.advanceTimersByTime(3_000)
    expect([served.length, logged.length]).toEqual([1, 3])
  })

  it.each<[string, () => void]>([
    ['is missing', () => rmSync(cert, { force: true })],
    ['is none', () => writeFileSync(cert, 'none')],
    ['has a key that is none', () => writeFileSync(key, 'none')],
    ['has the key of another', () => writeFileSync(key, make('other').key)],
  ])('that %s is refused with its files', (_, change) => {
    lay(make('own'))
    change()
    expect(() => readTls({ cert, key })).toThrow(
      expect.objectContaining({ details: { cert, key, reason: expect.any(String) as string } }) as Error,
    )
  })
})
