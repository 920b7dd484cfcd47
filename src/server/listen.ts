import type { Server as Listener } from 'node:net'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { getRequestListener } from '@hono/node-server'
import type { Workspace } from '../config/workspace.ts'
import { fail } from '../errors/index.ts'
import type { ServedDeployment, Serving } from '../stages/serve/types.ts'
import { createApp, isLive } from './app.ts'
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
import { type Figures, InferenceMetrics, type OtherFigures } from './metrics.ts'
import { pipe } from './pipe.ts'
import { catalogued } from './problem.ts'
import { sendText } from './inference/exchange.ts'
import type { ServerServices } from './services.ts'
import { followTls, readTls, type TlsFiles } from './tls.ts'
import { messageOf } from '../internal/message-of.ts'
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
  /** The port of loopback where another process answers what records answer. Default: this one does. */
  readonly control?: () => Promise<number>
  /** Takes its connections from where the server listens, and only answers predictions; the server answers all else. */
  readonly worker?: WorkerOptions
  /** Workers that answer beside it, where there are such. They ask on a port of loopback what they do not answer. */
  readonly workers?: { readonly figures: OtherFigures; close(): Promise<void> }
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

interface WorkerOptions {
  /** Asked for when everything else is ready: what comes after it takes connections. */
  readonly listener: () => Promise<Listener>
  /** The port of loopback where the server answers its workers. */
  readonly server: number
}

export interface RunningServer {
  readonly url: string
  /** Where it takes connections from, for workers that answer beside it. */
  readonly listener: Listener
  /** The port of loopback where it answers its workers, where it has such. */
  readonly forWorkers: number | undefined
  /** What this process has counted. */
  figures(): Promise<Figures>
  /** Host and port of the inference protocol over gRPC, where it is spoken. */
  readonly grpc?: string
  readonly bus: EventBus
  /** Ready off, then no new connections, then running requests end, then everything is let go. Twice is once. */
  close(): Promise<void>
}

/** Listens there, or takes connections from where another process listens. */
function listen(server: Server | TlsServer, host: string, port: number, beside?: Listener): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const reason = error.code === 'EADDRNOTAVAIL' ? 'this machine has no such address' : (error.code ?? error.message)
      reject(
        error.code === 'EADDRINUSE'
          ? fail('portTaken', { port, host })
          : fail('addressUnusable', { host, port, reason }, error),
      )
    })
    const listening = (): void => {
      const address = server.address()
      resolve(typeof address === 'object' && address ? address.port : port)
    }
    if (beside) server.listen(beside, listening)
    else server.listen({ host, port }, listening)
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

const httpOptions = { noDelay: true, keepAliveTimeout: 65_000 }
const pathOf = ({ url = '/' }: IncomingMessage): string => url.split('?', 1)[0] ?? url

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
  const health = new Health({
    store,
    project: workspace.project,
    serving,
    clock,
    version,
    folder: workspace.folder,
  })
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
  const metrics = new InferenceMetrics(services, options.workers?.figures)
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
  const { worker } = options
  const routes = [...dataRoutes, ...vertexRoutes(process.env, new Set(dataRoutes.map(one => one.path)))]
  const handleData = dataPlane(data, routes, one => !(worker && one.whole))
  const handleControl = getRequestListener(createApp(services, options.webFolder).fetch, {
    overrideGlobalObjects: false,
  })
  const elsewhere = async (
    port: () => Promise<number>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const refuse = (reason: string): void => {
      const error = catalogued(fail('partAway', { what: pathOf(request).slice(0, 200), reason }), services)
      response.setHeader('retry-after', '1')
      sendText(response, error.status, JSON.stringify(error), 'application/problem+json')
    }
    try {
      pipe(request, response, await port(), refuse)
    } catch (error) {
      refuse(messageOf(error))
    }
  }
  const open = new Set<ServerResponse>()
  /** Where another process of this server answers. */
  const othersPort = (request: IncomingMessage): (() => Promise<number>) | undefined => {
    if (worker) return async () => worker.server
    return isLive(request.method ?? 'GET', pathOf(request)) ? undefined : options.control
  }
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    open.add(response)
    response.once('close', () => open.delete(response))
    response.once('finish', () => discardRest(request))
    response.shouldKeepAlive &&= health.open
    if (!response.shouldKeepAlive && request.method !== 'GET') closeAfterBody(request, response)
    if (handleData(request, response)) return
    const other = othersPort(request)
    if (other) void elsewhere(other, request, response)
    else void handleControl(request, response)
  }
  const { tls } = options
  const secure = tls && createTlsServer({ ...httpOptions, ...readTls(tls) }, handle)
  const server = secure ?? createServer(httpOptions, handle)
  const stopFollowing = tls && secure ? followTls(secure, tls, log) : undefined
  // Never a connection that a worker's next request finds closed
  const within = options.workers && createServer({ ...httpOptions, keepAliveTimeout: 0 }, handle)

  let stopWatching: (() => Promise<void>) | undefined
  const letGo = async (): Promise<void> => {
    stopFollowing?.()
    health.close()
    metrics.close()
    await stopWatching?.()
  }
  let port: number
  let forWorkers: number | undefined
  let grpc: GrpcServer | undefined
  try {
    await health.look()
    // The library is loaded where it is asked for: it takes a tenth of a second
    if (options.grpcPort !== undefined)
      grpc = await (await import('./grpc/listen.ts')).listenGrpc(data, host, options.grpcPort)
    port = await listen(server, host, options.port, await worker?.listener())
    if (within) forWorkers = await listen(within, '127.0.0.1', 0)
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
    const workersClosed = options.workers?.close()
    await wait(options.unreadyMs ?? (isLoopback(host) ? 0 : 5000))
    bus.close()
    // Who is answered now must not send the next request on a connection that is about to end
    for (const response of open) response.shouldKeepAlive = false
    const drainMs = options.drainMs ?? 25_000
    await Promise.all([drain(server, drainMs), grpc?.drain(drainMs)])
    // They may ask until they are gone
    await workersClosed
    if (within) await drain(within, drainMs)
    await letGo()
  }
  const shown = host.includes(':') ? `[${host}]` : host
  return {
    url: `${tls ? 'https' : 'http'}://${shown}:${port}`,
    ...(grpc ? { grpc: `${shown}:${grpc.port}` } : {}),
    listener: server,
    forWorkers,
    figures: () => metrics.figures(),
    bus,
    close: () => (closing ??= close()),
  }
}
