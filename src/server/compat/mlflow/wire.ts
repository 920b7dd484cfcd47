import { fail, isMillraceError } from '../../../errors/index.ts'
import { readBytes } from '../../body.ts'
import { catalogued } from '../../problem.ts'
import type { ControlRoute, Method, Permission } from '../../route.ts'
import type { ServerServices } from '../../services.ts'

/** Members of a request, by name. Unknown ones are ignored: newer clients send more. */
export type Fields = Readonly<Record<string, unknown>>
export type Handler = (fields: Input, services: ServerServices) => Promise<unknown>

/** The protocol's word for what our catalogue says. */
const words: Readonly<Record<string, string>> = {
  MR5041: 'RESOURCE_ALREADY_EXISTS',
  MR3024: 'RESOURCE_ALREADY_EXISTS',
  MR5042: 'RESOURCE_DOES_NOT_EXIST',
  MR3020: 'RESOURCE_DOES_NOT_EXIST',
  MR3025: 'RESOURCE_DOES_NOT_EXIST',
  MR5043: 'ENDPOINT_NOT_FOUND',
}
const byStatus: Readonly<Record<number, string>> = {
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'RESOURCE_DOES_NOT_EXIST',
  429: 'REQUEST_LIMIT_EXCEEDED',
  503: 'TEMPORARILY_UNAVAILABLE',
}

/** `{error_code, message}`. What a user did wrong is never a 5xx: clients would try again for minutes. */
export function mlflowProblem(
  error: unknown,
  { services }: { readonly services: Pick<ServerServices, 'log'> },
): Response {
  const known = catalogued(error, services.log)
  const code =
    words[known.code] ??
    byStatus[known.status] ??
    (known.blame === 'user' ? 'INVALID_PARAMETER_VALUE' : 'INTERNAL_ERROR')
  const small = known.status === 409 || known.status === 413 || known.status === 415 ? 400 : known.status
  const status = code === 'RESOURCE_DOES_NOT_EXIST' ? 404 : code === 'RESOURCE_ALREADY_EXISTS' ? 400 : small
  return Response.json(
    { error_code: code, message: known.message },
    { status, headers: status === 401 ? { 'www-authenticate': 'Basic realm="mlflow"' } : {} },
  )
}

const missing = (name: string): never => {
  throw fail('trackingInvalid', { reason: `Missing value for required parameter '${name}'` })
}
const invalid = (name: string, value: unknown): never => {
  throw fail('trackingInvalid', {
    reason: `Invalid value ${JSON.stringify(value)?.slice(0, 200)} for parameter '${name}' supplied`,
  })
}

/** Reads members of a request as the protocol has them: integers as numbers or texts, `NaN` as text, empty is missing. */
export class Input {
  readonly fields: Fields
  readonly #at: string

  constructor(fields: Fields, at = '') {
    this.fields = fields
    this.#at = at
  }

  text(name: string): string {
    return this.optionalText(name) || missing(this.#at + name)
  }

  /** A text that may be empty, as the values of tags and parameters. */
  optionalText(name: string): string | undefined {
    const value = this.fields[name]
    if (value === undefined || value === null) return undefined
    return typeof value === 'string' ? value : invalid(this.#at + name, value)
  }

  integer(name: string): number | undefined {
    const value = this.fields[name]
    if (value === undefined || value === null || value === '') return undefined
    const read = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN
    return Number.isSafeInteger(read) ? read : invalid(this.#at + name, value)
  }

  requiredInteger(name: string): number {
    return this.integer(name) ?? missing(this.#at + name)
  }

  double(name: string): number {
    const value = this.fields[name]
    if (value === undefined || value === null || value === '') return missing(this.#at + name)
    const read = value === 'NaN' ? Number.NaN : Number(value)
    if (Number.isNaN(read) && value !== 'NaN') return invalid(this.#at + name, value)
    return read === Infinity ? Number.MAX_VALUE : read === -Infinity ? -Number.MAX_VALUE : read
  }

  list(name: string): readonly unknown[] {
    const value = this.fields[name]
    if (value === undefined || value === null) return []
    return Array.isArray(value) ? value : invalid(this.#at + name, value)
  }

  texts(name: string): readonly string[] {
    return this.list(name).map((one, i) => (typeof one === 'string' ? one : invalid(`${this.#at}${name}[${i}]`, one)))
  }

  messages(name: string): readonly Input[] {
    return this.list(name).map((one, i) =>
      typeof one === 'object' && one !== null
        ? new Input(one as Fields, `${this.#at}${name}[${i}].`)
        : invalid(`${this.#at}${name}[${i}]`, one),
    )
  }
}

const repeated = new Set(['run_ids', 'experiment_ids', 'order_by'])

function queryFields(url: URL): Fields {
  const fields: Record<string, unknown> = {}
  for (const key of new Set(url.searchParams.keys()))
    fields[key] = repeated.has(key) ? url.searchParams.getAll(key) : url.searchParams.get(key)
  return fields
}

async function bodyFields(request: Request): Promise<Fields> {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim()
  if (type !== 'application/json')
    throw fail('trackingInvalid', { reason: `Bad Request. Content-Type must be 'application/json', got '${type}'` })
  const text = Buffer.from(await readBytes(request)).toString('utf8')
  try {
    const once: unknown = JSON.parse(text)
    const value: unknown = typeof once === 'string' ? JSON.parse(once) : once
    return typeof value === 'object' && value !== null ? (value as Fields) : {}
  } catch {
    // the protocol takes malformed JSON for an empty message, whose missing fields are then named
    return {}
  }
}

/** A call of the protocol, served below both of its prefixes. */
export function call(
  method: Method,
  path: string,
  permission: Permission,
  summary: string,
  handler: Handler,
): ControlRoute[] {
  return ['/api/2.0/mlflow', '/ajax-api/2.0/mlflow'].map(prefix => ({
    method,
    path: `${prefix}${path}`,
    permission,
    tag: 'mlflow',
    summary,
    problem: mlflowProblem,
    async respond({ request, url, services }) {
      const fields = method === 'GET' ? queryFields(url) : await bodyFields(request)
      return Response.json((await handler(new Input(fields), services)) ?? {})
    },
  }))
}

export function pageToken(offset: number): string {
  return Buffer.from(JSON.stringify({ offset })).toString('base64')
}

export function pageOffset(input: Input): number {
  const token = input.optionalText('page_token')
  if (!token) return 0
  try {
    const { offset } = JSON.parse(Buffer.from(token, 'base64').toString()) as { offset?: unknown }
    if (typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0) return offset
  } catch (error) {
    if (!(error instanceof SyntaxError) && !isMillraceError(error)) throw error
  }
  return invalid('page_token', token)
}

export function pageSize(input: Input, byDefault: number, most: number): number {
  const size = input.integer('max_results') ?? byDefault
  return size >= 1 && size <= most ? size : invalid('max_results', size)
}
