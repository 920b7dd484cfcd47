import { fileURLToPath } from 'node:url'
import type { ServerDuplexStream, ServiceDefinition } from '@grpc/grpc-js'
import { fail, type MillraceError } from '../../errors/index.ts'
import { commonJs } from '../../internal/common-js.ts'
import { bodyLimit } from '../body.ts'
import type { DataServices } from '../inference/services.ts'
import { catalogued } from '../problem.ts'
import { infer, procedures, type Call, type Procedure, type Require } from './handlers.ts'

type Grpc = typeof import('@grpc/grpc-js')

const protocol = fileURLToPath(new URL('../../../protocols/open-inference.proto', import.meta.url))

/** Of a connection; more wait at the client. */
const maxStreams = 128
/** A connection that nobody uses, and one whose other end is gone. */
const idleMs = 300_000
const keepAliveMs = 60_000

/** Statuses of HTTP as those of gRPC. */
const codes: Readonly<Record<number, keyof Grpc['status']>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  409: 'FAILED_PRECONDITION',
  413: 'RESOURCE_EXHAUSTED',
  422: 'INVALID_ARGUMENT',
  429: 'RESOURCE_EXHAUSTED',
  503: 'UNAVAILABLE',
}

/** An error as the protocol says it: a status, its words, and the code of the catalogue as metadata. */
function statusOf(grpc: Grpc, error: MillraceError) {
  const metadata = new grpc.Metadata()
  metadata.set('millrace-code', error.code)
  return { code: grpc.status[codes[error.status] ?? 'INTERNAL'], details: error.message, metadata }
}

/** The guard of HTTP reads the metadata of a call as it reads headers. */
function requirementsOf(call: Call, { guard }: DataServices): Require {
  const header = (name: string): string | undefined => {
    if (name === 'host') return call.getHost()
    const [value] = call.metadata.get(name)
    return value === undefined ? undefined : String(value)
  }
  return async permission => void (await guard.check(permission, permission === 'public' ? 'GET' : 'POST', header))
}

async function answered(services: DataServices, procedure: Procedure, request: unknown, require: Require) {
  await require(procedure.permission)
  if (procedure.permission !== 'public' && !services.health.open) throw fail('serverClosing')
  return procedure.answer(services, request as never, require)
}

type InferStream = ServerDuplexStream<{ readonly id: string }, object>

/** One answer a request, in their order; what is refused is said in its place, and the stream goes on. */
async function streamed(
  services: DataServices,
  call: InferStream,
  failed: (error: unknown) => ReturnType<typeof statusOf>,
): Promise<void> {
  const require = requirementsOf(call, services)
  try {
    await require(infer.permission)
  } catch (error) {
    call.emit('error', failed(error))
    return
  }
  // one at a time: who sends faster than is answered has to wait
  let last: Promise<unknown> = Promise.resolve()
  call.on('data', (request: { readonly id: string }) => {
    call.pause()
    last = last.then(async () => {
      try {
        call.write({ infer_response: await answered(services, infer, request, require) })
      } catch (error) {
        call.write({ error_message: catalogued(error, services).message, infer_response: { id: request.id } })
      }
      call.resume()
    })
  })
  call.on('end', () => void last.then(() => call.end()))
  call.on('error', () => undefined)
}

export interface GrpcServer {
  readonly port: number
  /** Takes no new call and waits for those that run, at most so long. */
  drain(milliseconds: number): Promise<void>
}

/** Serves the inference protocol over gRPC on a port of its own. Throws `portTaken` and `addressUnusable`. */
export async function listenGrpc(services: DataServices, host: string, port: number): Promise<GrpcServer> {
  const grpc = commonJs('@grpc/grpc-js') as Grpc
  const { loadSync } = commonJs('@grpc/proto-loader') as typeof import('@grpc/proto-loader')
  const definition = loadSync(protocol, {
    keepCase: true,
    longs: String,
    enums: String,
    defaults: true,
    oneofs: true,
    objects: true,
    arrays: true,
  })['inference.GRPCInferenceService'] as ServiceDefinition
  const server = new grpc.Server({
    'grpc.max_receive_message_length': bodyLimit,
    'grpc.max_send_message_length': -1,
    'grpc.max_concurrent_streams': maxStreams,
    'grpc.max_connection_idle_ms': idleMs,
    'grpc.keepalive_time_ms': keepAliveMs,
  })
  const failed = (error: unknown) => statusOf(grpc, catalogued(error, services))
  server.addService(definition, {
    ...Object.fromEntries(
      Object.entries(procedures).map(([name, procedure]) => [
        name,
        async (call: Call & { readonly request: unknown }, done: (error: unknown, answer?: unknown) => void) => {
          let answer: unknown
          try {
            answer = await answered(services, procedure, call.request, requirementsOf(call, services))
          } catch (error) {
            done(failed(error))
            return
          }
          done(null, answer)
        },
      ]),
    ),
    ModelStreamInfer: (call: InferStream) => void streamed(services, call, failed).catch(() => undefined),
  } as never)
  const bound = await new Promise<number>((resolve, reject) =>
    server.bindAsync(
      `${host.includes(':') ? `[${host}]` : host}:${port}`,
      grpc.ServerCredentials.createInsecure(),
      (error, at) => {
        if (!error) return resolve(at)
        reject(
          /EADDRINUSE/.test(error.message)
            ? fail('portTaken', { port, host })
            : fail('addressUnusable', { host, port, reason: error.message.slice(0, 200) }, error),
        )
      },
    ),
  )
  return {
    port: bound,
    drain: milliseconds =>
      new Promise(resolve => {
        const timer = setTimeout(() => server.forceShutdown(), milliseconds)
        server.tryShutdown(() => {
          clearTimeout(timer)
          resolve()
        })
      }),
  }
}
