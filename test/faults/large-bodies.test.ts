import { Agent, request } from 'node:http'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Server } from '../support/command.ts'
import { servedRides } from '../support/rides.ts'

let server: Server
let end: () => Promise<void>
beforeAll(async () => {
  ;({ server, end } = await servedRides())
})
afterAll(async () => {
  agent.destroy()
  await end()
})

const size = 100e6
const agent = new Agent({ keepAlive: true })

/** Sends a body of 100 MB to its end or its refusal. */
function send(path: string, declared: boolean, closing = false): Promise<{ status: number; code: string }> {
  return new Promise((done, lost) => {
    const length = declared ? { 'content-length': size } : {}
    const sent = request(`${server.url}${path}`, {
      method: 'POST',
      agent: closing ? false : agent,
      headers: { 'content-type': 'application/json', ...length },
    })
    sent.on('error', lost)
    sent.on('response', answer => {
      let text = ''
      answer.on('data', part => (text += String(part)))
      answer.on('end', () => {
        const body = JSON.parse(text) as { code?: string; message?: string }
        done({ status: answer.statusCode ?? 0, code: body.code ?? body.message ?? '' })
      })
    })
    const part = Buffer.alloc(64 * 1024, 0x20)
    let left = size
    const push = (): void => {
      while (left > 0) {
        const now = left < part.length ? part.subarray(0, left) : part
        left -= now.length
        if (!sent.write(now)) return void sent.once('drain', push)
      }
      sent.end()
    }
    push()
  })
}

async function residentMb(): Promise<number> {
  const page = await (await fetch(`${server.url}/metrics`)).text()
  return Number(/millrace_process_resident_memory_bytes (\d+)/.exec(page)?.[1]) / 1e6
}

test.each([
  '/v1/deployments/fares/predict',
  '/v1/deployments/fares/feedback',
  '/v2/models/fares/infer',
  '/invocations',
  '/v1/datasets/rides:push',
  '/v1/webhooks/alertmanager',
])('a body of 100 MB is refused by %s whether or not it says its length', async path => {
  // A proxy asks for the connection to be closed, and must get the answer too
  for (const declared of [true, false])
    for (const closing of [false, true])
      expect(await send(path, declared, closing)).toEqual({ status: 413, code: 'MR5012' })
})

test('the tracking endpoint refuses it in its own form', async () => {
  const refusal = await send('/api/2.0/mlflow/runs/log-batch', false)
  expect(refusal.status).toBe(400)
  expect(refusal.code).toBe('MR5012')
})

test('sixteen of them at once neither fill the memory nor lose an answer, and rows are still answered', async () => {
  const before = await residentMb()
  const all = await Promise.all(Array.from({ length: 16 }, () => send('/v1/deployments/fares/predict', false)))
  for (const { status, code } of all) expect([413, 503]).toContain(status === 503 && code !== 'MR5028' ? 0 : status)
  // 128 MB of bodies may be held at a time, and what was let go may not be collected yet
  expect((await residentMb()) - before).toBeLessThan(400)
  const answer = await fetch(`${server.url}/v1/deployments/fares/predict`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ rows: [{ at: '2026-02-01T08:00:00Z', km: 3, zone: 'a' }] }),
  })
  expect(answer.status).toBe(200)
})

test('forty bodies that never end are held to one budget, on the control plane too, and let go when their senders go', async () => {
  const before = await residentMb()
  const length = 15e6
  const closed: (() => void)[] = []
  const refusals: number[] = []
  const idle = new Agent()
  for (let i = 0; i < 40; i++) {
    const path = i % 2 === 0 ? '/api/2.0/mlflow/runs/log-batch' : '/v1/datasets/rides:push'
    const sent = request(`${server.url}${path}`, {
      method: 'POST',
      agent: idle,
      headers: { 'content-type': 'application/json', 'content-length': length },
    })
    // All but the last byte
    await new Promise<void>(done => {
      sent.on('error', () => done())
      sent.on('response', answer => {
        refusals.push(answer.statusCode ?? 0)
        answer.resume()
        done()
      })
      sent.write(Buffer.alloc(length - 1, 0x20), () => done())
    })
    closed.push(() => sent.destroy())
  }
  // 128 MB hold eight of them; whoever comes then is told to come again, or cut off
  await vi.waitFor(() => expect(refusals.length).toBeGreaterThanOrEqual(20), 30_000)
  expect(refusals.filter(status => status !== 503 && status !== 413)).toEqual([])
  expect((await fetch(`${server.url}/livez`)).status).toBe(200)
  expect((await residentMb()) - before).toBeLessThan(400)
  for (const close of closed) close()
  idle.destroy()
  const row = { at: '2026-02-01T08:00:00Z', km: 3, zone: 'a' }
  await vi.waitFor(async () => {
    const answer = await fetch(`${server.url}/v1/deployments/fares/predict`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ rows: [row] }),
    })
    expect(answer.status).toBe(200)
  }, 30_000)
  expect((await send('/api/2.0/mlflow/runs/log-batch', false)).status).toBe(400)
})
