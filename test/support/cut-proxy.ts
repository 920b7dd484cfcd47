import { connect, createServer, type Server, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

/** A connection to a server that can be cut: what is sent is dropped and nothing is closed, as a network does it. */
export interface CutProxy {
  readonly port: number
  cut(): void
  mend(): void
  close(): void
}

export async function cutProxy(host: string, port: number): Promise<CutProxy> {
  const sockets = new Set<Socket>()
  let isCut = false
  const server: Server = createServer(inner => {
    const outer = connect(port, host)
    for (const [from, to] of [
      [inner, outer],
      [outer, inner],
    ] as const) {
      sockets.add(from)
      from.on('data', bytes => {
        if (!isCut) to.write(bytes)
      })
      from.on('error', () => to.destroy())
      from.on('close', () => {
        sockets.delete(from)
        if (!isCut) to.destroy()
      })
    }
  })
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true
    },
    /** Bytes were lost: what was open is broken. */
    mend() {
      for (const socket of sockets) socket.destroy()
      isCut = false
    },
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}
