import { Agent, request } from 'node:http'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Server } from '../support/command.ts'
import { servedRides } from '../support/rides.ts'

const agent = new Agent({ keepAlive: true, maxSockets: 1 })
let server: Server
let end: () => Promise<void>
beforeAll(async () => {
  ;({ server, end } = await servedRides())
  // health is looked at once a second; until then it is that of a server without a deployment
  await vi.waitFor(async () => expect((await fetch(`${server.url}/health`)).status).toBe(200), 10_000)
})
afterAll(async () => {
  agent.destroy()
  await end()
})

/** Milliseconds from sending to the last byte, on one kept connection. */
function ask(path: string, body?: string): Promise<number> {
  return new Promise((done, lost) => {
    const begun = performance.now()
    const sent = request(`${server.url}${path}`, {
      agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
    })
    sent.on('error', lost)
    sent.on('response', answer => {
      answer.resume()
      answer.on('end', () => (answer.statusCode === 200 ? done(performance.now() - begun) : lost(answer.statusCode)))
    })
    sent.end(body)
  })
}

/** The median of the best of five blocks: what else the machine does for a while is none of the server's. */
async function median(times: number, one: () => Promise<number>): Promise<number> {
  for (let i = 0; i < 50; i++) await one()
  const medians: number[] = []
  for (let block = 0; block < 5; block++) {
    const all: number[] = []
    for (let i = 0; i < times / 5; i++) all.push(await one())
    medians.push(all.sort((x, y) => x - y)[all.length >> 1] as number)
  }
  return Math.min(...medians)
}

const rows = (count: number): string =>
  JSON.stringify({ rows: Array.from({ length: count }, () => ({ at: '2026-02-01T08:00:00Z', km: 3.5, zone: 'a' })) })

test('health is answered in less than a millisecond, the way to the client and back included', async () => {
  expect(await median(500, () => ask('/health'))).toBeLessThan(1)
  expect(await median(500, () => ask('/livez'))).toBeLessThan(1)
})

test('a row is scored in less than two milliseconds, and no answer waits for an acknowledgement of 40', async () => {
  expect(await median(300, () => ask('/v1/deployments/fares/predict', rows(1)))).toBeLessThan(2)
  expect(await median(30, () => ask('/v1/deployments/fares/predict', rows(1500)))).toBeLessThan(40)
})
