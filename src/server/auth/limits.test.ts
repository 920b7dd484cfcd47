import { expect, it } from 'vitest'
import { testServer } from '../../../test/server/harness.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { TokenMeter } from './limits.ts'
import { createToken } from './tokens.ts'

it('each token may ask so much a second, and so much a day', async () => {
  const clock = manualClock(Date.UTC(2026, 0, 1, 23, 59, 30) * 1000)
  const meter = new TokenMeter({ maxRequestsPerSecond: 2, maxRequestsPerDay: 5 }, clock)
  const [ann, bob] = [
    { id: 'a', name: 'ann' },
    { id: 'b', name: 'bob' },
  ]
  const refusal = (token: typeof ann): Readonly<Record<string, unknown>> | undefined => {
    try {
      meter.take(token)
      return undefined
    } catch (error) {
      return (error as { details: Readonly<Record<string, unknown>> }).details
    }
  }
  expect([refusal(ann), refusal(ann)]).toEqual([undefined, undefined])
  expect(refusal(ann)).toEqual({ token: 'ann', limit: '2 requests a second', seconds: 1 })
  expect(refusal(bob)).toBeUndefined()
  await clock.advance(499)
  expect(refusal(ann)).toBeDefined()
  await clock.advance(1)
  expect(refusal(ann)).toBeUndefined()
  await clock.advance(9_500)
  expect([refusal(ann), refusal(ann)]).toEqual([undefined, undefined])
  await clock.advance(5_000)
  expect(refusal(ann)).toEqual({ token: 'ann', limit: '5 requests a day', seconds: 15 })
  await clock.advance(15_000)
  expect(refusal(ann)).toBeUndefined()
})

it('who was quiet for long may ask no more at once than before; who asks less than once a second is let in now and then', async () => {
  for (const [rate, atOnce, next] of [
    [3, 3, 334],
    [0.25, 1, 4_000],
  ] as const) {
    const clock = manualClock(1)
    const meter = new TokenMeter({ maxRequestsPerSecond: rate }, clock)
    const taken = (): number => {
      for (let n = 0; ; n++)
        try {
          meter.take({ id: 'a', name: 'ann' })
        } catch {
          return n
        }
    }
    expect(taken()).toBe(atOnce)
    await clock.advance(3_600_000)
    expect(taken()).toBe(atOnce)
    await clock.advance(next - 1)
    expect(taken()).toBe(0)
    await clock.advance(1)
    expect(taken()).toBe(1)
  }
})

it('without limits nobody is kept waiting', () => {
  const meter = new TokenMeter({}, manualClock())
  for (let i = 0; i < 10_000; i++) meter.take({ id: 'a', name: 'ann' })
})

it('what is too much is 429 with when to come again, on both planes; probes are not counted', async () => {
  const server = await testServer({ auth: true, limits: { maxRequestsPerDay: 3 } })
  try {
    const { token } = await createToken(server.workspace, { name: 'busy', scopes: ['predict', 'read'] })
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const predict = (): Promise<Response> =>
      fetch(`${server.url}/v1/deployments/lateness-api/predict`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ rows: [{ p: 0.5, distance: 1, origin: 'ABC' }] }),
      })
    const project = (): Promise<Response> => fetch(`${server.url}/v1/project`, { headers })
    for (let i = 0; i < 5; i++) expect((await fetch(`${server.url}/livez`)).status).toBe(200)
    expect([(await predict()).status, (await project()).status, (await predict()).status]).toEqual([200, 200, 200])
    for (const ask of [predict, project]) {
      const answer = await ask()
      expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([429, 'MR5054'])
      const wait = Number(answer.headers.get('retry-after'))
      expect(wait).toBeGreaterThan(0)
      expect(wait).toBeLessThanOrEqual(86_400)
    }
    expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  } finally {
    await server.end()
  }
})
