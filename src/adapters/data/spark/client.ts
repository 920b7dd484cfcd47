import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { ChannelCredentials, Client, ClientReadableStream, Metadata, ServiceError } from '@grpc/grpc-js'
import { fail } from '../../../errors/index.ts'
import { commonJs } from '../../../internal/common-js.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { inSeconds } from '../../../internal/time.ts'
import type { SparkConnection } from './connection.ts'

type Grpc = typeof import('@grpc/grpc-js')

const protocol = fileURLToPath(new URL('../../../../protocols/spark-connect.proto', import.meta.url))

/** What a server is asked to do: a message `Plan` of the protocol. */
export type Plan = { readonly root: SparkRelation } | { readonly command: object }
export type SparkRelation =
  | { readonly sql: { readonly query: string } }
  | { readonly local_relation: { readonly data: Uint8Array } }

interface Answer {
  readonly arrow_batch?: { readonly data: Uint8Array }
}

interface Service extends Client {
  ExecutePlan(request: object, metadata: Metadata, options: { deadline: Date }): ClientReadableStream<Answer>
  Config(request: object, metadata: Metadata, options: { deadline: Date }, done: Done): void
  Interrupt(request: object, metadata: Metadata, options: { deadline: Date }, done: Done): void
  ReleaseSession(request: object, metadata: Metadata, options: { deadline: Date }, done: Done): void
}
type Done = (error: ServiceError | null) => void

/** How long a server may take to answer at all, and for what costs it nothing. */
const connectMs = 10_000
const shortMs = 30_000
/** How often a connection is asked whether its other end is there still. */
const keepAliveMs = 20_000

/** The words of a gRPC error without its number, first line only: servers send their whole stack along. */
const sayingOf = (error: ServiceError): string =>
  (error.details || messageOf(error)).split('\n')[0]?.trim().slice(0, 2000) ?? ''

/** One session of a Spark Connect server. */
export class SparkClient {
  readonly #grpc: Grpc
  readonly #service: Service
  readonly #connection: SparkConnection
  readonly #session = randomUUID()
  readonly #maxMicros: number
  #ready: Promise<void> | undefined

  constructor(connection: SparkConnection, maxMicros: number) {
    this.#connection = connection
    this.#maxMicros = maxMicros
    this.#grpc = commonJs('@grpc/grpc-js') as Grpc
    const { loadSync } = commonJs('@grpc/proto-loader') as typeof import('@grpc/proto-loader')
    const { spark } = this.#grpc.loadPackageDefinition(
      loadSync(protocol, { keepCase: true, longs: String, oneofs: true }),
    ) as unknown as {
      spark: { connect: { SparkConnectService: new (to: string, by: ChannelCredentials, options: object) => Service } }
    }
    const { ssl, insecure } = {
      ssl: () => this.#grpc.credentials.createSsl(),
      insecure: () => this.#grpc.credentials.createInsecure(),
    }
    this.#service = new spark.connect.SparkConnectService(connection.address, connection.tls ? ssl() : insecure(), {
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': keepAliveMs,
      'grpc.keepalive_timeout_ms': connectMs,
    })
  }

  get #who() {
    const { user } = this.#connection
    return {
      session_id: this.#session,
      user_context: { user_id: user, user_name: user },
      client_type: 'millrace',
    }
  }

  #metadata(): Metadata {
    const metadata = new this.#grpc.Metadata()
    for (const [name, value] of this.#connection.headers) metadata.set(name, value)
    if (this.#connection.token !== undefined) metadata.set('authorization', `Bearer ${this.#connection.token}`)
    return metadata
  }

  /** Throws `sparkUnreachable` where no server answers. */
  #connected(): Promise<void> {
    const connected = new Promise<void>((done, refuse) =>
      this.#service.waitForReady(Date.now() + connectMs, error =>
        error
          ? refuse(
              fail(
                'sparkUnreachable',
                { address: this.#connection.address, reason: `no connection within ${connectMs / 1000} s` },
                error,
              ),
            )
          : done(),
      ),
    )
    // who asks later may find a server that was started meanwhile
    connected.catch(() => (this.#ready = undefined))
    return connected
  }

  /** What went wrong, in words of the catalogue. */
  #explain(error: unknown, limitMicros: number): Error {
    const { status } = this.#grpc
    const { code } = error as ServiceError
    const reason = sayingOf(error as ServiceError)
    const { address } = this.#connection
    if (code === undefined) return error as Error
    if (code === status.DEADLINE_EXCEEDED)
      return fail('queryFailed', { reason: `it took longer than its timeout of ${inSeconds(limitMicros)}` }, error)
    // a stream that is cut off is cancelled by the other end, or has no status at all
    if (code === status.UNAVAILABLE || code === status.CANCELLED || code === status.ABORTED)
      return fail('sparkUnreachable', { address, reason }, error)
    if (code === status.UNAUTHENTICATED || code === status.PERMISSION_DENIED)
      return fail('sparkRefused', { address, reason }, error)
    return fail('queryFailed', { reason }, error)
  }

  /**
   * Has a plan run, and gives what comes of it as streams of Arrow IPC, as it comes: what is not read yet waits at the server.
   * Whoever stops reading ends the statement there too.
   */
  async *execute(plan: Plan, limit?: { readonly timeoutMicros: number }): AsyncGenerator<Uint8Array> {
    await (this.#ready ??= this.#connected())
    const operation = randomUUID()
    const micros = Math.min(limit?.timeoutMicros ?? this.#maxMicros, this.#maxMicros)
    const call = this.#service.ExecutePlan({ ...this.#who, operation_id: operation, plan }, this.#metadata(), {
      deadline: new Date(Date.now() + micros / 1000),
    })
    let ended = false
    try {
      for await (const { arrow_batch } of call as AsyncIterable<Answer>) if (arrow_batch) yield arrow_batch.data
      ended = true
    } catch (error) {
      throw this.#explain(error, micros)
    } finally {
      if (!ended) {
        call.cancel()
        await this.#interrupt(operation)
      }
    }
  }

  #short(ask: (metadata: Metadata, options: { deadline: Date }, done: Done) => void): Promise<void> {
    return new Promise((done, refuse) =>
      ask(this.#metadata(), { deadline: new Date(Date.now() + shortMs) }, error => (error ? refuse(error) : done())),
    )
  }

  /** Ends a statement that nobody waits for. A server that is gone has none. */
  #interrupt(operation: string): Promise<void> {
    return this.#short((metadata, options, done) =>
      this.#service.Interrupt(
        {
          ...this.#who,
          interrupt_type: 'INTERRUPT_TYPE_OPERATION_ID',
          operation_id: operation,
        },
        metadata,
        options,
        done,
      ),
    ).catch(() => undefined)
  }

  /** Sets what holds for every statement of this session. */
  async configure(pairs: Readonly<Record<string, string>>): Promise<void> {
    await (this.#ready ??= this.#connected())
    const set = { pairs: Object.entries(pairs).map(([key, value]) => ({ key, value })) }
    await this.#short((metadata, options, done) =>
      this.#service.Config({ ...this.#who, operation: { set } }, metadata, options, done),
    ).catch((error: unknown) => {
      throw this.#explain(error, shortMs * 1000)
    })
  }

  /** Lets go of the session, at the server as well where it answers. */
  async close(): Promise<void> {
    if (this.#ready)
      await this.#short((metadata, options, done) =>
        this.#service.ReleaseSession({ ...this.#who }, metadata, options, done),
      ).catch(() => undefined)
    this.#service.close()
  }
}
