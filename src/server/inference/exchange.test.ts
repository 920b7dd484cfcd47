import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { bodyBudget } from '../body.ts'
import { readBuffer } from './exchange.ts'

// Bodies of the data plane, over real connections: however a request ends, what it held of the server's memory is given back.

const limit = 1_000
let server: Server
let read: Promise<Buffer>[]
beforeEach(async () => {
  read = []
  server = createServer((request, response) => {
    const body = readBuffer(request, limit)
    read.push(body)
    body.then(
      bytes => response.end(String(bytes.length)),
      () => response.end('refused'),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
})
afterEach(async () => {
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
  expect(bodyBudget.held).toBe(0)
})

/** A connection with the head of a request and the beginning of its body on the way. */
async function begun(headers: string, body: string): Promise<Socket> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const asked = once(server, 'request')
  socket.on('error', () => undefined)
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\n${headers}\r\n\r\n${body}`)
  await asked
  return socket
}
const answered = async (socket: Socket): Promise<string> => {
  const [bytes] = (await once(socket, 'data')) as [Buffer]
  return bytes.toString().split('\r\n\r\n')[1] ?? ''
}
const code = (of: Promise<unknown> | undefined) =>
  Promise.resolve(of).then(
    () => 'read',
    (error: { readonly code?: string }) => error.code,
  )
const held = (bytes: number) => vi.waitFor(() => expect(bodyBudget.held).toBe(bytes), 10_000)

it('a body is read whole, up to its limit', async () => {
  expect(await answered(await begun('content-length: 1000', 'x'.repeat(limit)))).toContain('1000')
  const socket = await begun('transfer-encoding: chunked', '3\r\nabc\r\n')
  await held(3)
  socket.write('3\r\ndé\r\n0\r\n\r\n')
  expect(await (read[1] as Promise<Buffer>).then(String)).toBe('abcdé')
})

it('one that breaks off gives back what it held', async () => {
  const socket = await begun('content-length: 900', 'x'.repeat(700))
  await held(700)
  socket.destroy()
  expect(await code(read[0])).toBe('ECONNRESET')
  await held(0)
})

it('one that is too large is refused by its length, or as soon as it is', async () => {
  const told = await begun('content-length: 1001', 'x')
  expect(await answered(told)).toContain('refused')
  const untold = await begun('transfer-encoding: chunked', `3e8\r\n${'x'.repeat(1_000)}\r\n`)
  await held(1_000)
  untold.write('1\r\nx\r\n')
  expect(await answered(untold)).toContain('refused')
  for (const one of read) await expect(one).rejects.toMatchObject({ code: 'MR5012' })
})

it('one for which there is no room beside the others is refused, and takes none', async () => {
  const rest = 128 * 1024 * 1024 - 499
  expect(bodyBudget.take(rest)).toBe(true)
  try {
    const socket = await begun('content-length: 500', 'x'.repeat(500))
    expect(await answered(socket)).toContain('refused')
    expect(await code(read[0])).toBe('MR5028')
    expect(bodyBudget.held).toBe(rest)
  } finally {
    bodyBudget.release(rest)
  }
})
