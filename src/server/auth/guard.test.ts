import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { adapters } from '../../config/resolve.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { Permission } from '../route.ts'
import { SignInFailures } from './failures.ts'
import { checkBind, Guard, type GuardOptions } from './guard.ts'
import {
  allows,
  createToken,
  describeToken,
  listTokens,
  revokeToken,
  type Scope,
  scopes,
  verifyToken,
  withOwnToken,
} from './tokens.ts'
import { endSession, isSession, openSession, sessionSeconds, verifySession } from './sessions.ts'

let store: MetadataStore
const clock = manualClock()
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-guard-'))
  store = await (await adapters.metadata.sqlite()).openSqlite(join(folder, 'millrace.db'))
})
afterAll(() => store.close())

const guard = (over: Partial<GuardOptions> = {}): Guard =>
  new Guard({ store, clock, host: '127.0.0.1', auth: true, ...over })
const headers =
  (given: Readonly<Record<string, string>>) =>
  (name: string): string | undefined =>
    ({ host: 'localhost:8790', ...given })[name]
const code = async (work: () => unknown): Promise<string> => {
  try {
    await work()
    return 'let in'
  } catch (error) {
    return (error as { code: string }).code
  }
}
const token = async (given: readonly string[], expiresIn?: string) =>
  createToken({ store, clock }, { name: 'me', scopes: given, ...(expiresIn ? { expiresIn } : {}) })

describe('who may do what', () => {
  // the whole table: what each scope opens, and nothing else
  const opens: Readonly<Record<Scope, readonly Permission[]>> = {
    read: ['read'],
    write: ['read', 'write'],
    predict: ['predict'],
    operate: ['read', 'operate'],
    approve: ['read', 'approve'],
    admin: ['read', 'write', 'predict', 'operate', 'approve', 'admin'],
  }
  it.each(scopes)('a token for %s', async scope => {
    const { token: secret, record } = await token([scope])
    const asked = guard()
    for (const permission of scopes) {
      const allowed = opens[scope].includes(permission)
      expect(allows([scope], permission)).toBe(allowed)
      expect(await code(() => asked.check(permission, 'GET', headers({ authorization: `Bearer ${secret}` })))).toBe(
        allowed ? 'let in' : 'MR5019',
      )
    }
    await revokeToken({ store }, record.id)
  })

  it('tells who it was, wherever the token stands', async () => {
    const { token: secret } = await token(['read'])
    const basic = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`
    for (const authorization of [`Bearer ${secret}`, `bearer ${secret}`, basic(`any:${secret}`), basic(`:${secret}`)])
      expect(await guard().check('read', 'GET', headers({ authorization }))).toBe('me')
    for (const authorization of ['', 'Bearer', `Digest ${secret}`, basic(secret), 'Bearer mlr_x', secret])
      expect(await code(() => guard().check('read', 'GET', headers({ authorization })))).toBe('MR6001')
    expect(await code(() => guard().check('read', 'GET', headers({ cookie: `millrace_session=${secret}` })))).not.toBe(
      'let in',
    )
  })

  it('asks nobody without auth, and probes never', async () => {
    expect(await guard({ auth: false }).check('admin', 'DELETE', headers({}))).toBe('local')
    expect(await guard().check('public', 'GET', headers({ host: 'evil' }))).toBe('anybody')
    expect(await guard().check('public', 'HEAD', headers({ host: 'evil' }))).toBe('anybody')
    expect(await guard().check('public', 'POST', headers({}))).toBe('anybody')
    expect(await code(() => guard().check('public', 'POST', headers({ host: 'evil' })))).toBe('MR5017')
  })
})

describe('a token', () => {
  it('that was revoked opens nothing after a second, and that is known is not asked for again before', async () => {
    const { token: secret, record } = await token(['read'])
    const asked = guard()
    const check = () => code(() => asked.check('read', 'GET', headers({ authorization: `Bearer ${secret}` })))
    expect(await check()).toBe('let in')
    await revokeToken({ store }, record.id)
    await clock.advance(999)
    expect(await check()).toBe('let in')
    await clock.advance(1)
    expect(await check()).toBe('MR6001')
    expect(await code(() => revokeToken({ store }, record.id))).toBe('MR5023')
  })

  it('ends with its life, to the microsecond', async () => {
    const { token: secret, record } = await token(['read'], '1h')
    expect(record.expiresAt).toBe(clock.now() + 3_600_000_000)
    await clock.advance(3_600_000 - 0.001)
    expect((await verifyToken({ store, clock }, secret))?.id).toBe(record.id)
    await clock.advance(0.001)
    expect(await verifyToken({ store, clock }, secret)).toBeUndefined()
  })

  it.each([
    ['no scope', [], undefined],
    ['a scope that there is not', ['read', 'all'], undefined],
    ['a life that is none', ['read'], 'long'],
    ['a life of nothing', ['read'], '0s'],
    ['a life beyond what time can tell', ['read'], '999999999d'],
  ] as const)('is not made with %s', async (_, given, life) => {
    const before = (await listTokens({ store })).length
    expect(await code(() => token(given, life))).toBe('MR5024')
    expect((await listTokens({ store })).length).toBe(before)
  })

  it('is kept nowhere, listed from the oldest on, and described', async () => {
    const { token: secret, record } = await token(['read', 'read', 'operate'], '1d')
    expect(record.scopes).toEqual(['read', 'operate'])
    const listed = await listTokens({ store })
    expect(JSON.stringify(listed)).not.toContain('hash')
    expect(JSON.stringify(await store.listDocuments('token'))).not.toContain(secret.slice(15))
    expect(listed.map(one => one.createdAt)).toEqual(listed.map(one => one.createdAt).toSorted((a, b) => a - b))
    expect(describeToken(record)).toMatch(/^me \([0-9a-z]{10}\): read, operate, until \d{4}-/)
    expect(describeToken({ ...record, expiresAt: null })).toContain('until it is revoked')
  })

  it('of a command of this machine lives as long as its call; what a killed one left goes with the next', async () => {
    const own = async () => (await listTokens({ store })).filter(one => one.name === 'command of this machine')
    const failed = withOwnToken({ store, clock }, async secret => {
      expect((await verifyToken({ store, clock }, secret))?.scopes).toEqual(['operate', 'approve'])
      throw new Error('killed')
    })
    await expect(failed).rejects.toThrow('killed')
    expect(await own()).toEqual([])
    await createToken({ store, clock }, { name: 'command of this machine', scopes: ['operate'], expiresIn: '2m' })
    expect(await withOwnToken({ store, clock }, async () => (await own()).length)).toBe(2)
    await clock.advance(120_000)
    expect(await withOwnToken({ store, clock }, async () => (await own()).length)).toBe(1)
    expect(await own()).toEqual([])
  })
})

describe('a session', () => {
  it('lasts twelve hours, or as long as its token, and ends when it is told to', async () => {
    const { token: secret, record } = await token(['read'])
    const asked = guard()
    const { cookie } = await asked.signIn(secret)
    expect([isSession(cookie), isSession(secret), sessionSeconds]).toEqual([true, false, 43_200])
    const check = () =>
      code(() => asked.check('read', 'GET', headers({ cookie: `a=b; millrace_session=${cookie}; c=d` })))
    expect(await check()).toBe('let in')
    await clock.advance(43_200_000 - 0.001)
    expect(await check()).toBe('let in')
    expect(await verifySession({ store, clock }, cookie)).toMatchObject({ id: record.id })
    await clock.advance(0.001)
    expect(await verifySession({ store, clock }, cookie)).toBeUndefined()
    // the next one sweeps what is over
    const again = (await asked.signIn(secret)).cookie
    expect(await store.listDocuments('session')).toHaveLength(1)
    await endSession({ store, clock }, `${again.slice(0, -1)}${again.endsWith('A') ? 'B' : 'A'}`)
    expect(await verifySession({ store, clock }, again)).toBeDefined()
    await asked.signOut(headers({ cookie: `millrace_session=${again}` }))
    expect(await verifySession({ store, clock }, again)).toBeUndefined()
    const last = await openSession({ store, clock }, record)
    await revokeToken({ store }, record.id)
    expect(await verifySession({ store, clock }, last)).toBeUndefined()
    expect(await code(() => asked.signIn(secret))).toBe('MR6001')
  })
})

it('a session ends with the life of its token, before its own twelve hours are over', async () => {
  const { token: secret } = await token(['read'], '1h')
  const asked = guard()
  const { cookie } = await asked.signIn(secret)
  const check = () => code(() => asked.check('read', 'GET', headers({ cookie: `millrace_session=${cookie}` })))
  await clock.advance(3_600_000 - 0.001)
  expect(await check()).toBe('let in')
  expect(await verifySession({ store, clock }, cookie)).toBeDefined()
  // a guard remembers for a second whom it let in
  await clock.advance(1_001)
  expect(await verifySession({ store, clock }, cookie)).toBeUndefined()
  expect(await check()).toBe('MR6001')
})

describe('where requests come from', () => {
  const asked = (over: Partial<GuardOptions>, method: string, given: Readonly<Record<string, string>>) =>
    code(() => guard({ auth: false, ...over }).check('operate', method, headers(given)))

  it.each([
    ['127.0.0.1:1', {}, 'let in'],
    ['[::1]:8790', {}, 'let in'],
    ['LOCALHOST', {}, 'let in'],
    ['evil.example', {}, 'MR5017'],
    ['localhost.evil.example:8790', {}, 'MR5017'],
    ['', {}, 'MR5017'],
    ['ml.example:443', { allowedHosts: ['ML.example'] }, 'let in'],
    ['other.example', { allowedHosts: ['ml.example'] }, 'MR5017'],
    ['other.example', { host: '0.0.0.0', auth: true }, 'MR6001'],
    ['other.example', { host: '0.0.0.0', auth: true, allowedHosts: ['ml.example'] }, 'MR5017'],
  ] as const)('the name %s with %j', async (host, over, expected) => {
    const answer = await asked(over, 'GET', { host })
    expect(answer).toBe(expected)
  })

  it.each([
    [{}, 'let in'],
    [{ origin: 'http://localhost:8790' }, 'let in'],
    [{ origin: 'https://localhost:8790' }, 'let in'],
    [{ origin: 'http://localhost:8791' }, 'MR5018'],
    [{ origin: 'http://evil.example' }, 'MR5018'],
    [{ 'sec-fetch-site': 'same-origin' }, 'let in'],
    [{ 'sec-fetch-site': 'none' }, 'let in'],
    [{ 'sec-fetch-site': 'same-site' }, 'MR5018'],
    [{ 'sec-fetch-site': 'cross-site' }, 'MR5018'],
  ])('a change by %j: %s; a look is not asked', async (given, expected) => {
    for (const method of ['POST', 'DELETE', 'PATCH']) expect(await asked({}, method, given as never)).toBe(expected)
    for (const method of ['GET', 'HEAD']) expect(await asked({}, method, given as never)).toBe('let in')
  })

  it('beyond this machine only with tokens', () => {
    for (const host of ['127.0.0.1', 'localhost', '::1', '[::1]']) expect(() => checkBind(host, false)).not.toThrow()
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.2']) {
      expect(() => checkBind(host, false)).toThrow(expect.objectContaining({ code: 'MR5003' }))
      expect(() => checkBind(host, true)).not.toThrow()
    }
  })
})

describe('wrong tokens', () => {
  it('are answered at once five times a minute, then later and later, two seconds at most; recorded at each doubling', async () => {
    const waits: number[] = []
    const timer = vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) => {
      waits.push(ms)
      work()
      return 0
    }) as never)
    try {
      const recorded: unknown[] = []
      const failures = new SignInFailures({
        clock,
        store: {
          addDecision: async (one: { rule: { value: number }; reason: string }) =>
            recorded.push([one.rule.value, one.reason]),
        } as never,
      })
      for (let i = 0; i < 5; i++) await failures.add('sign-in')
      expect(waits).toEqual([])
      for (let i = 0; i < 7; i++) await failures.add('sign-in')
      expect(waits).toEqual([100, 200, 400, 800, 1600, 2000, 2000])
      expect(recorded).toEqual([
        [1, '1 wrong token was given within a minute'],
        [2, '2 wrong tokens were given within a minute'],
        [4, '4 wrong tokens were given within a minute'],
        [8, '8 wrong tokens were given within a minute'],
      ])
      await clock.advance(60_000)
      await failures.add('sign-in')
      expect(waits).toHaveLength(8)
      await clock.advance(1)
      for (let i = 0; i < 5; i++) await failures.add('sign-in')
      expect(waits).toHaveLength(8)
      expect(recorded.at(-1)).toEqual([4, '4 wrong tokens were given within a minute'])
    } finally {
      timer.mockRestore()
    }
  })

  it('are refused although they cannot be recorded', async () => {
    const failing = { ...store, addDecision: () => Promise.reject(new Error('read-only')) } as never
    await expect(new SignInFailures({ clock, store: failing }).add('sign-in')).resolves.toBeUndefined()
  })
})
