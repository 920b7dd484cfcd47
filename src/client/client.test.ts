import { afterAll, beforeAll, expect, test } from 'vitest'
import { trainedProject, type Trained } from '../../test/support/trained-project.ts'
import { trainedServer, type TrainedServer } from '../../test/support/trained-server.ts'
import { createToken } from '../server/auth/tokens.ts'
import { createClient, RequestError, type ClientOptions } from './index.ts'
import { waitBetween } from './retry.ts'

// Against a real server; what stands between is a `fetch` that loses, delays or refuses what a test wants it to.

let trained: Trained
let server: TrainedServer
const at = new Date(Date.UTC(2026, 1, 11, 10))
const row = { km: 12, zone: 'north', at }

beforeAll(async () => {
  trained = await trainedProject()
  server = await trainedServer(trained, 'late-api')
}, 60_000)
afterAll(async () => {
  await server?.close()
  await trained?.close()
})

const client = (options: Partial<ClientOptions> = {}) => createClient({ url: `${server.url}/`, ...options })

async function plain(body: object): Promise<readonly { score: number; label: boolean }[]> {
  return (await server.ask('POST', '/v1/deployments/late-api/predict', body)).body.predictions as never
}

test('predicts what the server answers, one row or many, with moments, ids and keys', async () => {
  const [own] = await plain({ rows: [row] })
  const answer = await client().predict('late-api', row, { id: 'first', key: 'k' })
  expect(answer).toMatchObject({ id: 'first', score: own?.score, label: own?.label, arm: 'stable', version: 1 })
  const rows = [row, { ...row, km: 40 }]
  const ats = [at, new Date(at.getTime() - 3_600_000)]
  const many = await client().predictMany('late-api', rows, { at: ats, ids: ['a', 'b'] })
  expect(many.map(one => one.id)).toEqual(['a', 'b'])
  expect(many.map(one => one.score)).toEqual((await plain({ rows, at: ats })).map(one => one.score))
  expect(
    await client().feedback('late-api', [
      { id: 'a', label: 1 },
      { id: 'unheard', label: 0, at },
    ]),
  ).toEqual({ found: 1, sent: 2 })
  expect(await client().ready()).toBe(true)
})

test('whole numbers are sent as they are, also where no double holds them', async () => {
  let sent = ''
  const spy = client({
    fetch: (...asked) => {
      sent = String(asked[1]?.body)
      return fetch(...asked)
    },
  })
  expect(await spy.predict('late-api', { ...row, km: 3n, zone: 9_007_199_254_740_993n as never })).toHaveProperty(
    'score',
  )
  expect(sent).toContain('"km":3,')
  expect(sent).toContain('"zone":"9007199254740993"')
})

test('what is refused is told in the words of the server', async () => {
  const refused = await client()
    .predict('late-api', { ...row, km: 'far' as never })
    .catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(RequestError)
  expect(refused).toMatchObject({ status: 400, code: 'MR4105', details: { row: 0, column: 'km' } })
  expect((refused as RequestError).message).toMatch(/expected a finite number/)
  expect((refused as RequestError).hint).toMatch(/Send every column/)
  // read, and known to be a metric that this deployment does not have
  await expect(client().observe('late-api', [{ id: 'a', metric: 'revenue', value: 3 }])).rejects.toMatchObject({
    code: 'MR4117',
  })
  await expect(client().predict('nothing', row)).rejects.toMatchObject({ status: 404, code: 'MR5020' })
  const page = client({ fetch: async () => new Response('<html>', { status: 502 }) })
  await expect(page.predict('late-api', row)).rejects.toMatchObject({ status: 502, code: undefined })
})

/** Answers by these, one after another, and then by the server. */
function before(...answers: readonly (readonly [number, Record<string, string>])[]): {
  calls: number
  fetch: typeof fetch
} {
  const made = {
    calls: 0,
    fetch: async (...asked: Parameters<typeof fetch>) => {
      const answer = answers[made.calls++]
      return answer
        ? new Response('{"code":"MR5022","title":"closing"}', { status: answer[0], headers: answer[1] })
        : fetch(...asked)
    },
  }
  return made
}

test('calls are repeated where the server asks for it, and nowhere else', async () => {
  const twice = before([503, { 'retry-after': '0' }], [429, { 'retry-after': new Date().toUTCString() }])
  expect(await client({ fetch: twice.fetch }).predict('late-api', row)).toHaveProperty('score')
  expect(twice.calls).toBe(3)
  const often = before(...Array.from({ length: 9 }, () => [503, { 'retry-after': '0' }] as const))
  await expect(client({ fetch: often.fetch, maxRetries: 2 }).predict('late-api', row)).rejects.toMatchObject({
    status: 503,
  })
  expect(often.calls).toBe(3)
  for (const answer of [
    [503, {}],
    [500, { 'retry-after': '0' }],
    [400, { 'retry-after': '0' }],
  ] as const) {
    const once = before(answer)
    await expect(client({ fetch: once.fetch }).predict('late-api', row)).rejects.toMatchObject({ status: answer[0] })
    expect(once.calls).toBe(1)
  }
})

test('a server that closes asks for it itself', async () => {
  const closing = await trainedServer(trained, 'closing-api', { unreadyMs: 1_000 })
  const closed = closing.close()
  const answer = await fetch(`${closing.url}/v1/deployments/closing-api/predict`, { method: 'POST', body: '{}' })
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  expect(await createClient({ url: closing.url }).ready()).toBe(false)
  await closed
})

test('a call ends by its signal and by its time, also while it waits to be repeated', async () => {
  const never = client({
    fetch: (_, how) =>
      new Promise((_resolve, reject) =>
        how?.signal?.addEventListener('abort', () => reject(new TypeError('of this implementation'))),
      ),
  })
  await expect(never.predict('late-api', row, { timeout: 20 })).rejects.toMatchObject({ name: 'TimeoutError' })
  const control = new AbortController()
  const call = never.predict('late-api', row, { signal: control.signal })
  control.abort(new Error('enough'))
  await expect(call).rejects.toThrow('enough')
  await expect(never.ready({ signal: control.signal })).rejects.toThrow('enough')
  const waiting = before([503, { 'retry-after': '60' }])
  await expect(client({ fetch: waiting.fetch, timeout: 50 }).predict('late-api', row)).rejects.toMatchObject({
    name: 'TimeoutError',
  })
  expect(waiting.calls).toBe(1)
})

test('a token goes along, as it is or as it is made each time', async () => {
  const guarded = await trainedServer(trained, 'guarded-api', { auth: true })
  try {
    const { token } = await createToken(trained.workspace, { name: 'caller', scopes: ['predict'] } as never)
    const { url } = guarded
    await expect(createClient({ url }).predict('guarded-api', row)).rejects.toMatchObject({ status: 401 })
    expect(await createClient({ url, token }).predict('guarded-api', row)).toHaveProperty('score')
    expect(await createClient({ url, token: async () => token }).predict('guarded-api', row)).toHaveProperty('score')
  } finally {
    await guarded.close()
  }
})

test.each([
  [null, undefined],
  ['2', 2000],
  ['0', 0],
  ['soon', undefined],
  ['Thu, 01 Jan 1970 00:00:09 GMT', 4000],
  ['Thu, 01 Jan 1970 00:00:01 GMT', 0],
])('Retry-After: %s', (header, wait) => {
  expect(waitBetween(header, 5000)).toBe(wait)
})
