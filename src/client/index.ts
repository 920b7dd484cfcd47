/**
 * A client of one project's server, in browsers and Node.js: the project's type says which deployments there are, which
 * columns a row has and what is answered.
 *
 * ```ts
 * import { createClient } from 'millrace/client'
 * import type project from './millrace.config.ts'
 *
 * const client = createClient<typeof project>({ url: 'http://127.0.0.1:8790' })
 * const { score } = await client.predict('lateness-api', { date: new Date(), distance: 800, origin: 'SFO' })
 * ```
 */
import { waitBetween } from './retry.ts'
import type { AnyProject, DeploymentName, LabelFor, PredictionOf, RowFor } from './types.ts'

export type { DeploymentName, LabelFor, PredictionOf, RowFor } from './types.ts'

export interface ClientOptions {
  /** Where the server is, without a path: `http://127.0.0.1:8790`. */
  readonly url: string
  /** Sent with every request; a function is asked each time. */
  readonly token?: string | (() => string | Promise<string>)
  /** Milliseconds that a call may take, repetitions included (default 10,000). */
  readonly timeout?: number
  /** How often a call is repeated when the server asks for it by `Retry-After` (default 3). */
  readonly maxRetries?: number
  /** Instead of the global one. */
  readonly fetch?: typeof fetch
}

export interface CallOptions {
  /** Ends the call. */
  readonly signal?: AbortSignal
  /** Instead of the client's. */
  readonly timeout?: number
}

export interface PredictOptions extends CallOptions {
  /** Moment of the prediction (default now): features are as they were known then. */
  readonly at?: Date | string
}

export interface PredictManyOptions extends CallOptions {
  /** One for all rows, or one each. */
  readonly at?: Date | string | readonly (Date | string)[]
  /** Ids of the predictions, one a row (default: the server makes them). */
  readonly ids?: readonly string[]
  /** Keep callers on one arm of a rollout, one a row. */
  readonly keys?: readonly string[]
}

/** What the server refused, in its words; `code` is that of the error catalogue. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  /** Status of HTTP. */
  readonly status: number
  readonly code: string | undefined
  readonly hint: string | undefined
  readonly details: Readonly<Record<string, unknown>>

  constructor(status: number, problem: Readonly<Record<string, unknown>>) {
    super(typeof problem.title === 'string' ? problem.title : `The server answered with status ${status}.`)
    this.status = status
    this.code = typeof problem.code === 'string' ? problem.code : undefined
    this.hint = typeof problem.hint === 'string' ? problem.hint : undefined
    this.details = (problem.details ?? {}) as Readonly<Record<string, unknown>>
  }
}

export interface Client<P> {
  /** Predicts for one row. Rejects with `RequestError`, a `TimeoutError`, the signal's reason, or what `fetch` fails with. */
  predict<N extends DeploymentName<P>>(
    deployment: N,
    row: RowFor<P, N>,
    options?: PredictOptions & { readonly id?: string; readonly key?: string },
  ): Promise<PredictionOf<P, N>>
  /** The same for several rows, in their order. */
  predictMany<N extends DeploymentName<P>>(
    deployment: N,
    rows: readonly RowFor<P, N>[],
    options?: PredictManyOptions,
  ): Promise<readonly PredictionOf<P, N>[]>
  /** Says what came true of earlier predictions; gives of how many the prediction was found. */
  feedback<N extends DeploymentName<P>>(
    deployment: N,
    labels: readonly LabelFor<P, N>[],
    options?: CallOptions,
  ): Promise<Told>
  /** Says what earlier predictions turned out to be worth, by the metrics of the deployment's canary; gives how many were new. */
  observe(deployment: DeploymentName<P>, observations: readonly Observation[], options?: CallOptions): Promise<Told>
  /** Whether the server takes requests. */
  ready(options?: CallOptions): Promise<boolean>
}

/** What became of what was told. */
export interface Told {
  /** Null where the server could not ask the one of its instances that knows at present: what was sent is kept for it. */
  readonly found: number | null
  readonly sent: number
}

/** What one prediction turned out to be worth. */
export interface Observation {
  readonly id: string
  /** One that `canary.metrics` of the deployment declares. */
  readonly metric: string
  readonly value: number
}

/** JSON has no 64-bit numbers: the server takes them as text where a double would not hold them. */
function asJson(_: string, value: unknown): unknown {
  if (typeof value !== 'bigint') return value
  return value <= BigInt(Number.MAX_SAFE_INTEGER) && value >= BigInt(Number.MIN_SAFE_INTEGER)
    ? Number(value)
    : String(value)
}

async function problemOf(answer: Response): Promise<Readonly<Record<string, unknown>>> {
  try {
    const body: unknown = await answer.json()
    return typeof body === 'object' && body !== null ? (body as Readonly<Record<string, unknown>>) : {}
  } catch {
    return {}
  }
}

/** What is not said is not sent. */
const said = (given: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))

/** A client of the project whose type is given: `createClient<typeof project>({ url })`. */
export function createClient<P = AnyProject>(options: ClientOptions): Client<P> {
  const { token, maxRetries = 3 } = options
  const base = options.url.replace(/\/+$/, '')
  const send = options.fetch ?? ((...asked: Parameters<typeof fetch>) => fetch(...asked))

  async function attempt(path: string, body: string | undefined, signal: AbortSignal): Promise<Response> {
    const given = typeof token === 'function' ? await token() : token
    return send(base + path, {
      signal,
      ...(body === undefined ? {} : { method: 'POST', body }),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(given === undefined ? {} : { authorization: `Bearer ${given}` }),
      },
    })
  }

  /** One call with its repetitions, under one time-out. `read` reads the answer within it too. */
  async function call<T>(
    path: string,
    body: unknown,
    { signal, timeout = options.timeout ?? 10_000 }: CallOptions,
    read: (answer: Response) => Promise<T>,
  ): Promise<T> {
    const control = new AbortController()
    const end = (): void => control.abort(signal?.reason)
    if (signal?.aborted) end()
    signal?.addEventListener('abort', end, { once: true })
    const late = setTimeout(
      () => control.abort(new DOMException(`The server did not answer within ${timeout} ms.`, 'TimeoutError')),
      timeout,
    )
    const text = body === undefined ? undefined : JSON.stringify(body, asJson)
    try {
      for (let retries = 0; ; retries++) {
        control.signal.throwIfAborted()
        const answer = await attempt(path, text, control.signal)
        const wait =
          answer.status === 503 || answer.status === 429 ? waitBetween(answer.headers.get('retry-after')) : undefined
        if (wait === undefined || retries >= maxRetries) return await read(answer)
        await answer.body?.cancel()
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(resolve, wait)
          control.signal.addEventListener('abort', () => {
            clearTimeout(timer)
            reject(control.signal.reason as Error)
          })
        })
      }
    } catch (error) {
      // some implementations of fetch give an error of their own instead of the reason
      throw control.signal.aborted ? control.signal.reason : error
    } finally {
      clearTimeout(late)
      signal?.removeEventListener('abort', end)
    }
  }

  const ask = <T>(path: string, body: unknown, how: CallOptions = {}): Promise<T> =>
    call(path, body, how, async answer => {
      if (!answer.ok) throw new RequestError(answer.status, await problemOf(answer))
      return (await answer.json()) as T
    })
  const pathOf = (deployment: string, verb: string): string =>
    `/v1/deployments/${encodeURIComponent(deployment)}/${verb}`

  const predictMany: Client<P>['predictMany'] = async (deployment, rows, { at, ids, keys, ...how } = {}) => {
    const body = said({ rows, at, ids, keys })
    return (await ask<{ predictions: never[] }>(pathOf(deployment, 'predict'), body, how)).predictions
  }
  return {
    predictMany,
    async predict(deployment, row, { id, key, ...how } = {}) {
      const each = { ...(id === undefined ? {} : { ids: [id] }), ...(key === undefined ? {} : { keys: [key] }) }
      const [only] = await predictMany(deployment, [row], { ...how, ...each })
      return only as NonNullable<typeof only>
    },
    feedback: (deployment, labels, how) => ask(pathOf(deployment, 'feedback'), { labels }, how),
    observe: (deployment, observations, how) =>
      ask(`/v1/deployments/${encodeURIComponent(deployment)}:observe`, { observations }, how),
    ready: (how = {}) => call('/readyz', undefined, how, async answer => answer.ok),
  }
}
