import { fail, isMillraceError } from '../../../errors/index.ts'
import { checkDepth, readBytes } from '../../body.ts'
import { catalogued, type ProblemServices } from '../../problem.ts'
import type { RecordRoute, Method, Permission } from '../../route.ts'
import type { RecordServices } from '../../services.ts'

/** Characters that the protocol's own server takes. */
export const maxKey = 250
export const maxParam = 6_000
export const maxTag = 8_000
export const maxExperimentTag = 5_000
export const maxName = 500
/** More of one kind are refused in one call. */
const maxItems = 10_000

/** Members of a request, by name. Unknown ones are ignored: newer clients send more. */
export type Fields = Readonly<Record<string, unknown>>
export type Handler = (fields: Input, services: RecordServices) => Promise<unknown>

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

/** `{error_code, message}`, and our code to look it up by. What a user did wrong is never a 5xx: clients would try again for minutes. */
export function mlflowProblem(error: unknown, services: ProblemServices): Response {
  const known = catalogued(error, services)
  const code =
    words[known.code] ??
    byStatus[known.status] ??
    (known.blame === 'user' ? 'INVALID_PARAMETER_VALUE' : 'INTERNAL_ERROR')
  const small = known.status === 409 || known.status === 413 || known.status === 415 ? 400 : known.status
  const status = code === 'RESOURCE_DOES_NOT_EXIST' ? 404 : code === 'RESOURCE_ALREADY_EXISTS' ? 400 : small
  return Response.json(
    { error_code: code, message: known.message, code: known.code },
    { status, headers: status === 401 ? { 'www-authenticate': 'Basic realm="mlflow"' } : {} },
  )
}

const missing = (name: string): never => {
  throw fail('trackingInvalid', { reason: `Missing value for required parameter '${name}'` })
}
/** The beginning of a value, without writing all of it down first. */
function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 200))
  return typeof value === 'object' && value !== null ? 'of a list or an object' : String(value)
}
const invalid = (name: string, value: unknown): never => {
  throw fail('trackingInvalid', {
    reason: `Invalid value ${shown(value)} for parameter '${name}' supplied`,
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

  field(name: string): unknown {
    return Object.hasOwn(this.fields, name) ? this.fields[name] : undefined
  }

  /** A word of a list, which some clients send as its number. */
  word(name: string): string | undefined {
    const value = this.field(name)
    if (value === undefined || value === null) return undefined
    return typeof value === 'string' || typeof value === 'number' ? String(value) : invalid(this.#at + name, value)
  }

  text(name: string): string {
    return this.optionalText(name) || missing(this.#at + name)
  }

  /** A text that may be empty, as the values of tags and parameters. */
  optionalText(name: string): string | undefined {
    const value = this.field(name)
    if (value === undefined || value === null) return undefined
    return typeof value === 'string' ? value : invalid(this.#at + name, value)
  }

  /** A text of at most so many characters, without control characters: names of runs, keys, users. */
  name(name: string, max = maxKey): string {
    const text = this.text(name)
    this.#bounded(name, text, max)
    // eslint-disable-next-line no-control-regex -- it is what is looked for
    if (/[\u0000-\u001f\u007f]/.test(text))
      throw fail('trackingInvalid', {
        reason: `Invalid value for parameter '${this.#at}${name}' supplied: it holds control characters`,
      })
    return text
  }

  optionalName(name: string, max = maxKey): string | undefined {
    return this.optionalText(name) ? this.name(name, max) : undefined
  }

  /** A text, which may be empty, of at most so many characters. */
  boundedText(name: string, max: number): string {
    return this.#bounded(name, this.optionalText(name) ?? '', max)
  }

  #bounded(name: string, text: string, max: number): string {
    if (text.length > max)
      throw fail('trackingInvalid', {
        reason: `Invalid value for parameter '${this.#at}${name}' supplied: it has ${text.length} characters, at most ${max} are taken`,
      })
    return text
  }

  /** Milliseconds since 1970 of a time that can be stored in microseconds. */
  time(name: string): number | undefined {
    const value = this.integer(name)
    if (value === undefined || Number.isSafeInteger(value * 1000)) return value
    throw fail('trackingInvalid', {
      reason: `Invalid value ${value} for parameter '${this.#at}${name}' supplied: a time is given in milliseconds, years 1684 to 2255`,
    })
  }

  integer(name: string): number | undefined {
    const value = this.field(name)
    if (value === undefined || value === null || value === '') return undefined
    const read = typeof value === 'number' || typeof value === 'string' ? Number(value) : Number.NaN
    return Number.isSafeInteger(read) ? read : invalid(this.#at + name, value)
  }

  requiredInteger(name: string): number {
    return this.integer(name) ?? missing(this.#at + name)
  }

  double(name: string): number {
    const value = this.field(name)
    if (value === undefined || value === null || value === '') return missing(this.#at + name)
    if (typeof value !== 'number' && typeof value !== 'string') return invalid(this.#at + name, value)
    const read = value === 'NaN' ? Number.NaN : Number(value)
    if (Number.isNaN(read) && value !== 'NaN') return invalid(this.#at + name, value)
    return read === Infinity ? Number.MAX_VALUE : read === -Infinity ? -Number.MAX_VALUE : read
  }

  list(name: string): readonly unknown[] {
    const value = this.field(name)
    if (value === undefined || value === null) return []
    if (!Array.isArray(value)) return invalid(this.#at + name, value)
    if (value.length > maxItems)
      throw fail('trackingInvalid', {
        reason: `'${this.#at}${name}' has ${value.length} items, at most ${maxItems} are taken`,
      })
    return value
  }

  texts(name: string): readonly string[] {
    return this.list(name).map((one, i) => (typeof one === 'string' ? one : invalid(`${this.#at}${name}[${i}]`, one)))
  }

  /** Ids, which some clients send as numbers. */
  ids(name: string): readonly string[] {
    return this.list(name).map((one, i) =>
      typeof one === 'string' || typeof one === 'number' ? String(one) : invalid(`${this.#at}${name}[${i}]`, one),
    )
  }

  messages(name: string): readonly Input[] {
    return this.list(name).map((one, i) =>
      typeof one === 'object' && one !== null && !Array.isArray(one)
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
  checkDepth(text)
  try {
    const once: unknown = JSON.parse(text)
    if (typeof once === 'string') checkDepth(once)
    const value: unknown = typeof once === 'string' ? JSON.parse(once) : once
    return typeof value === 'object' && value !== null ? (value as Fields) : {}
  } catch (error) {
    if (isMillraceError(error)) throw error
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
): RecordRoute[] {
  return ['/api/2.0/mlflow', '/ajax-api/2.0/mlflow'].map(prefix => ({
    method,
    path: `${prefix}${path}`,
    permission,
    tag: 'mlflow',
    summary,
    errors: 'mlflow',
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
