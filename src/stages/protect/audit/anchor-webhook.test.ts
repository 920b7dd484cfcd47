import { createHmac } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, it } from 'vitest'
import { openSqlite } from '../../../adapters/metadata/sqlite/open.ts'
import type { MetadataStore } from '../../../ports/metadata-store.ts'
import { manualClock } from '../../../testing/manual-clock.ts'
import type { AnchorRecord } from './anchor.ts'
import { type AnchorReceiver, anchorWebhook } from './anchor-webhook.ts'

const folder = mkdtempSync(join(tmpdir(), 'millrace-anchors-'))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

interface Got {
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

let store: MetadataStore
let server: Server
let got: Got[]
let notes: string[]
/** What the receiver says to the next posts; 200 when there is nothing left. */
let answers: number[]
let waiting: Promise<void>
let url: string
const opened: AnchorReceiver[] = []

beforeEach(async () => {
  store = await openSqlite(join(folder, `${Math.random()}.db`))
  ;[got, notes, answers, waiting] = [[], [], [], Promise.resolve()]
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      got.push({ body, headers: request.headers })
      void waiting.then(() => response.writeHead(answers.shift() ?? 200).end())
    })
  })
  await new Promise<void>(listening => server.listen(0, '127.0.0.1', listening))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/anchors`
})
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close()
  await new Promise(closed => server.close(closed))
  await store.close()
})

function receiverAt(to: string, more: { readonly secret?: string; readonly log?: string } = {}): AnchorReceiver {
  const made = anchorWebhook({
    url: to,
    log: 'flights',
    store,
    clock: manualClock(),
    note: text => notes.push(text),
    retries: 0,
    ...more,
  })
  opened.push(made)
  return made
}

const anchorOf = (checkpoints: number): AnchorRecord =>
  ({ current: { log: 'flights', records: checkpoints * 10, checkpoints } }) as unknown as AnchorRecord

const soon = <T>(what: () => T) => expect.poll(what, { timeout: 20_000 })

const checkpointsIn = ({ body }: Got): unknown => (JSON.parse(body) as AnchorRecord).current.checkpoints

it('what the receiver took is known, also to the next process, but not of another receiver or log', async () => {
  const receiver = receiverAt(url)
  expect(await receiver.taken()).toBe(0)
  receiver.send(anchorOf(1))
  await soon(() => receiver.taken()).toBe(1)
  expect(got.map(checkpointsIn)).toEqual([1])
  expect(await receiverAt(url).taken()).toBe(1)
  expect(await receiverAt(`${url}/other`).taken()).toBe(0)
  expect(await receiverAt(url, { log: 'trains' }).taken()).toBe(0)
})

it('a receiver slower than the log gets the newest anchor next, not all of them', async () => {
  let go: () => void = () => undefined
  waiting = new Promise(resolve => (go = resolve))
  const receiver = receiverAt(url)
  receiver.send(anchorOf(1))
  await soon(() => got.length).toBe(1)
  for (const checkpoints of [2, 3, 4]) receiver.send(anchorOf(checkpoints))
  go()
  await soon(() => receiver.taken()).toBe(4)
  expect(got.map(checkpointsIn)).toEqual([1, 4])
})

it('the same fault is told once, and again after it was well; what was refused does not count as taken', async () => {
  answers = [404, 404, 200, 404]
  const receiver = receiverAt(url)
  for (const [checkpoints, taken] of [
    [1, 0],
    [2, 0],
    [3, 3],
    [4, 3],
  ] as const) {
    receiver.send(anchorOf(checkpoints))
    await soon(() => got.length).toBe(checkpoints)
    await soon(() => receiver.taken()).toBe(taken)
    await receiver.close()
  }
  expect(notes).toEqual([
    expect.stringMatching(/The anchor of 10 audit records did not reach the webhook 127\.0\.0\.1:\d+ \(.*404/),
    expect.stringMatching(/The anchor of 40 audit records did not reach/),
  ])
})

it('a secret signs what is posted', async () => {
  const receiver = receiverAt(url, { secret: 'known to both' })
  receiver.send(anchorOf(1))
  await soon(() => receiver.taken()).toBe(1)
  const [{ body, headers } = { body: '', headers: {} }] = got
  const signature = createHmac('sha256', 'known to both').update(body).digest('hex')
  expect(headers['x-millrace-signature']).toBe(`sha256=${signature}`)
})
