import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { getRequestListener } from '@hono/node-server'
import type { Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import type { ServedDeployment, Serving } from '../stages/serve/types.ts'
import { createApp } from './app.ts'
import { Guard, isLoopback } from './auth/guard.ts'
import type { TokenLimits } from './auth/limits.ts'
import { EventBus } from './events/bus.ts'
import { watchStore } from './events/watch-store.ts'
import type { Lead } from './forward.ts'
import type { GrpcServer } from './grpc/listen.ts'
import { Health } from './health.ts'
import { Batcher } from './inference/batcher.ts'
import { dataPlane } from './inference/plane.ts'
import { dataRoutes } from './inference/routes.ts'
import { vertexRoutes } from './inference/scoring/vertex.ts'
import type { DataServices } from './inference/services.ts'
import { InferenceMetrics } from './metrics.ts'
import type { ServerServices } from './services.ts'
import { followTls, readTls, type TlsFiles } from './tls.ts'
import { packageVersion } from '../internal/package-version.ts'

export interface ServerOptions {
  readonly workspace: ServerServices['workspace'] | Workspace
  readonly serving: Serving
  readonly jobs: ServerServices['jobs']
  /** Default 127.0.0.1. Anything but loopback needs `auth`. */
  readonly host?: string
  /** Who leads, where several instances serve the project; by default this one does. */
  readonly lead?: Lead
  /** 0 takes a free one. */
  readonly port: number
  /** Where the inference protocol is spoken over gRPC as well; 0 takes a free one. Default: nowhere. */
  readonly grpcPort?: number | undefined
  /** Speak TLS by these files; what they hold is looked at again as long as the server runs. */
  readonly tls?: TlsFiles | undefined
  /** Ask for tokens. */
  readonly auth?: boolean
  /** What each token may ask of this server. */
  readonly limits?: TokenLimits
  /** Host names besides the address itself under which it answers. */
  readonly allowedHosts?: readonly string[]
  /** Of whoever else of this process has something to show at once. */
  readonly bus?: EventBus
  /** How long readiness fails before connections are refused, so that balancers notice: 5,000 ms, 0 on loopback. */
  readonly unreadyMs?: number
  /** How long running requests are waited for; 25,000 ms. */
  readonly drainMs?: number
  readonly log?: ServerServices['log']
  readonly webFolder?: string
}

export interface RunningServer {
  readonly url: string
  /** Host and port of the inference protocol over gRPC, where it is spoken. */
  readonly grpc?: string
  readonly bus: EventBus
  /** Ready off, then no new connections, then running requests end, then everything is let go. Twice is once. */
  close(): Promise<void>
}

function listen(server: Server | TlsServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRNOTAVAIL' ? 'this machine has no such address' : (error.code ?? error.message)
      reject(
        error.code === 'EADDRINUSE'
          ? fail('portTaken', { port, host })
          : fail('addressUnusable', { host, port, reason }, error),
      )
    })
    server.listen({ host, port }, () => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    })
  })
}

/**
 * Who is refused in the middle of a body reads the answer only if the rest is taken: a closed connection would be reset,
 * and the answer lost. It is taken and forgotten, but not for ever.
 */
function discardRest(request: IncomingMessage): void {
  if (request.complete) return
  const timer = setTimeout(() => request.destroy(), 10_000)
  timer.unref()
  request.once('close', () => clearTimeout(timer))
  request.once('end', () => clearTimeout(timer))
  request.resume()
}

/**
 * A connection that is to be closed after the answer stays until the rest of the body was taken, for the same reason:
 * proxies ask for that with every request.
 */
function closeAfterBody(request: IncomingMessage, response: ServerResponse): void {
  const { writeHead } = response
  response.writeHead = ((...given: Parameters<typeof writeHead>) => {
    if (!request.complete) {
      response.shouldKeepAlive = true
      request.once('end', () => request.socket.end())
    }
    return writeHead.apply(response, given)
  }) as typeof writeHead
}

const alone: Lead = { leads: () => true, url: () => undefined }
const toStandardError: ServerServices['log'] = line => process.stderr.write(`${JSON.stringify(line)}\n`)
const wait = (milliseconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, milliseconds))

/** Takes no new connection, and waits for the requests that run, at most so long. */
async function drain(server: Server | TlsServer, milliseconds: number): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), milliseconds)
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  await closed
  clearTimeout(timer)
  clearInterval(idle)
}

/**
 * Starts the server: data plane, control plane and dashboard on one port. Throws `portTaken`, `addressUnusable` and
 * `bindRefused`. Closing it closes neither the workspace nor the serving, which belong to the caller.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { workspace, serving, jobs } = options
  const host = options.host ?? '127.0.0.1'
  const log = options.log ?? toStandardError
  const bus = options.bus ?? new EventBus()
  const version = packageVersion()
  const { store, clock } = workspace
  const guard = new Guard({
    store,
    clock,
    host,
    auth: options.auth ?? false,
    allowedHosts: options.allowedHosts ?? [],
    limits: options.limits ?? {},
  })
  const health = new Health({ store, serving, clock, version })
  const services: ServerServices = {
    workspace,
    serving,
    jobs,
    bus,
    health,
    guard,
    version,
    log,
    lead: options.lead ?? alone,
  }
  const metrics = new InferenceMetrics(services)
  const batchers = new WeakMap<ServedDeployment, Batcher>()
  const data: DataServices = {
    ...services,
    metrics,
    batcherOf(deployment) {
      const known = batchers.get(deployment) ?? new Batcher(deployment)
      batchers.set(deployment, known)
      return known
    },
  }
  const handleData = dataPlane(data, vertexRoutes(process.env, new Set(dataRoutes.map(one => one.path))))
  const handleControl = getRequestListener(createApp(services, options.webFolder).fetch, {
    overrideGlobalObjects: false,
  })
  const open = new Set<ServerResponse>()
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    open.add(response)
    response.once('close', () => open.delete(response))
    response.once('finish', () => discardRest(request))
    response.shouldKeepAlive &&= health.open
    if (!response.shouldKeepAlive && request.method !== 'GET') closeAfterBody(request, response)
    if (!handleData(request, response)) void handleControl(request, response)
  }
  const { tls } = options
  const settings = { noDelay: true, keepAliveTimeout: 65_000 }
  const secure = tls && createTlsServer({ ...settings, ...readTls(tls) }, handle)
  const server = secure ?? createServer(settings, handle)
  const stopFollowing = tls && secure ? followTls(secure, tls, log) : undefined

  let stopWatching: (() => Promise<void>) | undefined
  const letGo = async (): Promise<void> => {
    stopFollowing?.()
    health.close()
    metrics.close()
    await stopWatching?.()
  }
  let port: number
  let grpc: GrpcServer | undefined
  try {
    await health.look()
    // The library is loaded where it is asked for: it takes a tenth of a second
    if (options.grpcPort !== undefined)
      grpc = await (await import('./grpc/listen.ts')).listenGrpc(data, host, options.grpcPort)
    port = await listen(server, host, options.port)
  } catch (error) {
    await grpc?.drain(0)
    await letGo()
    throw error
  }
  stopWatching = watchStore(store, bus, error =>
    log({ level: 'warn', message: 'reading changes failed', error: String(error) }),
  )

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    health.beginClose()
    await wait(options.unreadyMs ?? (isLoopback(host) ? 0 : 5000))
    bus.close()
    // Who is answered now must not send the next request on a connection that is about to end
    for (const response of open) response.shouldKeepAlive = false
    const drainMs = options.drainMs ?? 25_000
    await Promise.all([drain(server, drainMs), grpc?.drain(drainMs)])
    await letGo()
  }
  const shown = host.includes(':') ? `[${host}]` : host
  return {
    url: `${tls ? 'https' : 'http'}://${shown}:${port}`,
    ...(grpc ? { grpc: `${shown}:${grpc.port}` } : {}),
    bus,
    close: () => (closing ??= close()),
  }
}
