import { Agent, type IncomingMessage, request as ask, type ServerResponse } from 'node:http'
import { messageOf } from '../internal/message-of.ts'

/** Said between two neighbours only. */
const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
])

const passed = (headers: IncomingMessage['headers']): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined || hopByHop.has(name) ? [] : [[name, value] as const],
    ),
  )

const agent = new Agent({ keepAlive: true })

/**
 * Lets another process of this server answer, which listens on that port of loopback. What comes and goes is passed as it
 * comes, whatever its size. `refuse` answers where that process does not.
 */
export function pipe(
  request: IncomingMessage,
  response: ServerResponse,
  port: number,
  refuse: (reason: string) => void,
): void {
  const asked = ask({
    host: '127.0.0.1',
    port,
    agent,
    method: request.method,
    path: request.url,
    headers: passed(request.headers),
  })
  asked.once('response', answer => {
    response.writeHead(answer.statusCode ?? 502, passed(answer.headers))
    // The rest of a body that was refused is taken by whoever listens
    answer.once('end', () => request.unpipe(asked))
    answer.once('error', () => response.destroy())
    answer.pipe(response)
  })
  asked.once('error', error => {
    request.unpipe(asked)
    if (response.headersSent) response.destroy()
    else if (!response.destroyed) refuse(messageOf(error))
  })
  response.once('close', () => {
    if (!response.writableFinished) asked.destroy()
  })
  request.pipe(asked)
}
