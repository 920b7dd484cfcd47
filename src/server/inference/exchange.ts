import type { IncomingMessage, ServerResponse } from 'node:http'
import { fail } from '../../errors/index.ts'
import { bodyBudget, bodyLimit } from '../body.ts'
import type { RouteFacts } from '../route.ts'
import type { DataServices } from './services.ts'

/** One request of the data plane. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly services: DataServices
}

/** A route that is answered on raw `node:http`, before the control plane is asked. */
export interface DataRoute extends RouteFacts {
  answerTo(exchange: Exchange): void | Promise<void>
  /** Answered for all processes that serve on one port together. */
  readonly whole?: true
}

/** Throws `bodyTooLarge` as soon as the limit is passed, and `bodiesTooMany` when too much is under way at once. */
export function readBuffer(request: IncomingMessage, limit: number = bodyLimit): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    let size = 0
    const release = (): void => {
      bodyBudget.release(size)
      size = 0
    }
    const refuse = (error: Error): void => {
      parts.length = 0
      request.removeAllListeners('data')
      release()
      reject(error)
    }
    const tooLarge = (): void => refuse(fail('bodyTooLarge', { limit: limit / 1024 / 1024 }))
    if (Number(request.headers['content-length'] ?? 0) > limit) return tooLarge()
    request.on('data', (part: Buffer) => {
      size += part.length
      const fits = bodyBudget.take(part.length)
      if (size > limit) tooLarge()
      else if (!fits) refuse(fail('bodiesTooMany'))
      else parts.push(part)
    })
    request.once('end', () => {
      release()
      resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts))
    })
    request.once('error', reject)
    request.once('close', release)
  })
}

/** `readBuffer` as text. */
export async function readBody(request: IncomingMessage, limit: number = bodyLimit): Promise<string> {
  return (await readBuffer(request, limit)).toString('utf8')
}

export function sendText(response: ServerResponse, status: number, text: string | Buffer, type: string): void {
  if (response.headersSent || response.destroyed) return
  response.writeHead(status, {
    'content-type': type,
    'content-length': typeof text === 'string' ? Buffer.byteLength(text) : text.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(text)
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendText(response, status, JSON.stringify(value), 'application/json')
}
