import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:tls'

/** What is sent, as `fetch` takes it. */
export interface Sent {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
  readonly signal: AbortSignal
}

/**
 * Asks a server of this machine over TLS. It must show the certificate that lies in its own file: whom that was issued by, and for
 * which name, need not be known here. Nothing is sent to any other.
 */
export async function askPinned(
  url: string,
  certificate: string,
  { method, headers, body, signal }: Sent,
): Promise<Response> {
  const own = new X509Certificate(await readFile(certificate))
  const { hostname, port, pathname, search } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  const socket = connect({ host, port: Number(port), rejectUnauthorized: false })
  signal.addEventListener('abort', () => socket.destroy(signal.reason as Error), { once: true })
  await once(socket, 'secureConnect')
  if (!socket.getPeerCertificate().raw?.equals(own.raw)) {
    socket.destroy()
    throw new Error(`it shows another certificate than ${certificate} holds`)
  }
  const asked = request({
    createConnection: () => socket,
    host,
    port,
    method,
    path: `${pathname}${search}`,
    headers: { ...headers, connection: 'close' },
  })
  asked.end(body)
  const [answer] = (await once(asked, 'response')) as [import('node:http').IncomingMessage]
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  return new Response(Buffer.concat(parts), { status: answer.statusCode ?? 500 })
}
