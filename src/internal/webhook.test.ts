import { createHmac } from 'node:crypto'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { postJson } from './webhook.ts'

interface Received {
  readonly body: string
  readonly headers: IncomingMessage['headers']
  readonly method: string | undefined
}

const closing: (() => Promise<void>)[] = []
/** Answers with each of these in turn, the last one from then on; `never` does not answer. */
async function receiver(...answers: readonly (number | 'never' | 'gone')[]) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => (body += String(chunk)))
    request.on('end', () => {
      const answer = answers[Math.min(received.length, answers.length - 1)]
      received.push({ body, headers: request.headers, method: request.method })
      if (answer === 'never') return
      if (answer === 'gone') return void request.socket.destroy()
      response.writeHead(answer as number, { location: '/elsewhere' }).end('x'.repeat(10))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  closing.push(() => {
    server.closeAllConnections()
    return new Promise(resolve => server.close(() => resolve()))
  })
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`), received }
}

const pauses: number[] = []
beforeEach(() => {
  pauses.length = 0
  const real = globalThis.setTimeout
  // what is waited for between tries is written down, and passes at once
  vi.spyOn(globalThis, 'setTimeout').mockImplementation(((work: () => void, ms: number) => {
    const pause = ms >= 500 && new Error('here').stack?.includes('webhook.ts')
    if (pause) pauses.push(ms)
    return real(work, pause ? 1 : ms)
  }) as never)
})
afterEach(async () => {
  vi.restoreAllMocks()
  for (const close of closing.splice(0)) await close()
})

describe('a post', () => {
  it.each([
    ['429', [429, 200]],
    ['500', [500, 200]],
    ['503, twice', [503, 503, 204]],
    ['a connection that breaks', ['gone', 200]],
    ['all of them', [429, 'gone', 502, 201]],
  ] as const)('is tried again after %s, until it was taken, and not once more', async (_, answers) => {
    const { url, received } = await receiver(...answers)
    await postJson(url, '{"a":1}', {})
    expect(received).toHaveLength(answers.length)
    expect(new Set(received.map(one => one.body))).toEqual(new Set(['{"a":1}']))
    expect(pauses).toEqual([500, 1000, 2000].slice(0, answers.length - 1))
  })

  it.each([400, 401, 404, 410, 422])('is not tried again after %i, which does not pass', async status => {
    const { url, received } = await receiver(status)
    await expect(postJson(url, '{}', {})).rejects.toThrow(`${url.host}: answer ${status}`)
    expect([received.length, pauses]).toEqual([1, []])
  })

  it('is tried four times and no more; who sends it hears the last reason and the host, not the path', async () => {
    const { url, received } = await receiver(429, 500, 503)
    const failed = postJson(url, '{}', {})
    await expect(failed).rejects.toThrow(new Error(`${url.host}: answer 503`))
    expect([received.length, pauses]).toEqual([4, [500, 1000, 2000]])
    const once = await receiver(503)
    await expect(postJson(once.url, '{}', { retries: 0 })).rejects.toThrow('answer 503')
    expect(once.received).toHaveLength(1)
    const many = await receiver(503)
    await expect(postJson(many.url, '{}', { retries: 7 })).rejects.toThrow('answer 503')
    expect(pauses.slice(-7)).toEqual([500, 1000, 2000, 4000, 8000, 10_000, 10_000])
  })

  it('that is not answered in time is tried again', async () => {
    const { url, received } = await receiver('never', 200)
    await postJson(url, '{}', { timeoutMs: 300 })
    expect(received).toHaveLength(2)
    const silent = await receiver('never')
    await expect(postJson(silent.url, '{}', { timeoutMs: 200, retries: 1 })).rejects.toThrow(/timeout|aborted/i)
    expect(silent.received).toHaveLength(2)
  })

  it('goes nowhere else', async () => {
    const { url, received } = await receiver(302)
    await expect(postJson(url, '{}', { retries: 0 })).rejects.toThrow(url.host)
    expect(received.map(one => one.method)).toEqual(['POST'])
  })

  it('is JSON, signed where there is a secret', async () => {
    const { url, received } = await receiver(200)
    await postJson(url, '{"é":1}', { secret: 'hush' })
    await postJson(url, '{}', {})
    const signature = createHmac('sha256', 'hush').update('{"é":1}').digest('hex')
    expect(received[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-millrace-signature': `sha256=${signature}`,
    })
    expect(received[1]?.headers).not.toHaveProperty('x-millrace-signature')
  })

  it('is not tried again where there is no time for it', async () => {
    const { url, received } = await receiver(503)
    const hurry = new AbortController()
    hurry.abort()
    await expect(postJson(url, '{}', { hurry: hurry.signal })).rejects.toThrow('answer 503')
    expect(received).toHaveLength(1)
  })
})
