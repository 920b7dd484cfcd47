import { z } from '@hono/zod-openapi'
import { fail } from '../errors/index.ts'
import { readJson } from './body.ts'
import type { RecordServices, ServerServices } from './services.ts'

/** What a caller must be allowed to do. `public` needs no token. */
export type Permission = 'public' | 'read' | 'write' | 'predict' | 'operate' | 'approve' | 'admin'
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

export interface OtherAnswer {
  readonly says: string
  readonly schema: z.ZodType
  /** Media type (default `application/json`). */
  readonly type?: string
}

/** What is said of a route before it is called: the server's table, its OpenAPI document and the guard read only this. */
export interface RouteFacts {
  readonly method: Method
  /** OpenAPI form: `/v1/runs/{id}`, `/v1/deployments/{name}:promote`. */
  readonly path: string
  readonly permission: Permission
  readonly summary: string
  readonly tag: string
  readonly query?: z.ZodObject
  readonly body?: z.ZodType
  /** The body is a file, whatever it calls itself. */
  readonly takesFile?: true
  readonly answer?: z.ZodType
  /** Media type of the answer (default `application/json`). */
  readonly answerType?: string
  /** Other media types that are answered where they are asked for; their form is their own. */
  readonly otherTypes?: readonly string[]
  /** What is answered with another status than 200 and is no error, by that status. */
  readonly also?: Readonly<Record<number, OtherAnswer>>
  /** How the protocol of the route writes errors; problem details (RFC 9457) by default. */
  readonly errors?: 'oip' | 'mlflow'
  /** Answered by the instance that leads, whichever is asked. */
  readonly byLeader?: boolean
  /** Answered where predictions are: it asks what is served, or who works beside. All else has a process of its own. */
  readonly live?: true | undefined
}

export interface Call<S extends RecordServices = RecordServices> {
  readonly request: Request
  readonly url: URL
  readonly params: Readonly<Record<string, string>>
  /** Name of the token, or `local` where none is asked for. */
  readonly actor: string
  readonly services: S
}

/** A route of the control plane; those of the data plane are in `inference/`. */
export interface ControlRoute<S extends RecordServices = ServerServices> extends RouteFacts {
  readonly respond: (call: Call<S>) => Promise<Response>
}

/** A route that records answer. */
export type RecordRoute = ControlRoute<RecordServices> & { readonly live?: undefined }
export type LiveRoute = ControlRoute & { readonly live: true }

const nothing = z.strictObject({})

interface RouteSpec<Q extends z.ZodObject, B extends z.ZodType, S> extends Omit<RouteFacts, 'query' | 'body' | 'live'> {
  readonly query?: Q
  readonly body?: B
  readonly handler: (
    input: {
      readonly params: Readonly<Record<string, string>>
      readonly query: z.infer<Q>
      readonly body: z.infer<B>
      readonly actor: string
      readonly request: Request
    },
    services: S,
  ) => Promise<unknown>
}

/** Names the first thing that does not fit: `rows[3].delay: expected number`. */
export function parseInput<T extends z.ZodType>(schema: T, value: unknown, place: string, route: string): z.infer<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const path = (issue?.path ?? []).map(part => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`)).join('')
  throw fail('inputInvalid', { place: `${place}${path}`, reason: issue?.message ?? 'is not valid', route })
}

function queryOf(url: URL): Record<string, string> {
  const query: Record<string, string> = {}
  for (const [key, value] of url.searchParams) query[key] = value
  return query
}

/** The body; where nothing has to be said, none is as good as an empty one. */
async function bodyOf(request: Request, schema: z.ZodType): Promise<unknown> {
  const { headers } = request
  const none =
    headers.get('content-length') === '0' || !(headers.has('content-length') || headers.has('transfer-encoding'))
  return none && schema.safeParse({}).success ? {} : readJson(request)
}

function declare<Q extends z.ZodObject, B extends z.ZodType, S extends RecordServices>(
  typed: RouteSpec<Q, B, S>,
): ControlRoute<S> {
  const { handler, ...facts } = typed
  const name = `${facts.method} ${facts.path}`
  return {
    ...facts,
    async respond({ request, url, params, actor, services }) {
      const query = parseInput(facts.query ?? nothing, queryOf(url), 'query', name) as z.infer<Q>
      const body = (
        facts.body ? parseInput(facts.body, await bodyOf(request, facts.body), 'body', name) : undefined
      ) as z.infer<B>
      const answer = await handler({ params, query, body, actor, request }, services)
      return answer instanceof Response ? answer : Response.json(answer ?? {})
    },
  }
}

/**
 * Declares a route that records answer. Query and body are checked against their schemas (unknown keys are errors), the answer
 * is JSON.
 */
export const route = <Q extends z.ZodObject = typeof nothing, B extends z.ZodType = z.ZodUndefined>(
  typed: RouteSpec<Q, B, RecordServices>,
): RecordRoute => ({ ...declare(typed), live: undefined })

/** The same of one that is answered where predictions are. */
export const liveRoute = <Q extends z.ZodObject = typeof nothing, B extends z.ZodType = z.ZodUndefined>(
  typed: RouteSpec<Q, B, ServerServices>,
): LiveRoute => ({ ...declare(typed), live: true })
