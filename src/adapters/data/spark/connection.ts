import { fail } from '../../../errors/index.ts'

/** Where a Spark Connect server is, and how it is spoken to. */
export interface SparkConnection {
  /** `host:port`. */
  readonly address: string
  readonly tls: boolean
  /** Sent with every call as it is, without "Bearer". */
  readonly token?: string
  readonly user: string
  /** What else stands in the string goes with every call: `x-databricks-cluster-id` and the like. */
  readonly headers: ReadonlyMap<string, string>
}

const defaultPort = 15002

const headerForm = /^[a-z0-9_.-]+$/

/** The words of Spark's own clients that mean nothing to one that starts a session of its own. */
const unused: ReadonlySet<string> = new Set(['user_agent', 'session_id', 'grpc_max_message_size'])

function flag(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true'
  throw fail('sparkAddressInvalid', { reason: `${name} is '${value}', not true or false` })
}

/**
 * Reads a connection string of Spark Connect, `sc://host:port/;use_ssl=true;token=…;x-header=…`, as every client of Spark takes
 * it. A token goes over TLS alone. Throws `sparkAddressInvalid`, without the string, which may hold a token.
 */
export function parseConnection(text: string, token?: string): SparkConnection {
  const form = /^sc:\/\/(\[[0-9a-f:.]+\]|[^/:;@[\]\s]+)(?::(\d{1,5}))?\/?((?:;[^;]*)*)$/i.exec(text.trim())
  if (!form) throw fail('sparkAddressInvalid', { reason: 'it is not of the form sc://host:port/;name=value' })
  const port = form[2] === undefined ? defaultPort : Number(form[2])
  if (port < 1 || port > 65_535) throw fail('sparkAddressInvalid', { reason: `there is no port ${port}` })
  let tls: boolean | undefined
  let ownToken = token
  let user = 'millrace'
  const headers = new Map<string, string>()
  for (const part of (form[3] as string).split(';').filter(Boolean)) {
    const at = part.indexOf('=')
    const name = part.slice(0, Math.max(at, 0)).toLowerCase()
    if (at < 1 || !headerForm.test(name))
      throw fail('sparkAddressInvalid', { reason: 'what stands behind the port is not written ;name=value' })
    let value: string
    try {
      value = decodeURIComponent(part.slice(at + 1))
    } catch {
      throw fail('sparkAddressInvalid', { reason: `the value of ${name} is not written as in a URL` })
    }
    if (name === 'use_ssl') tls = flag(name, value)
    else if (name === 'token') ownToken ??= value
    else if (name === 'user_id') user = value
    else if (!unused.has(name)) headers.set(name, value)
  }
  if (ownToken !== undefined && tls === false)
    throw fail('sparkAddressInvalid', { reason: 'it has a token and use_ssl=false: a token goes over TLS alone' })
  return {
    address: `${form[1]}:${port}`,
    tls: tls ?? ownToken !== undefined,
    ...(ownToken === undefined ? {} : { token: ownToken }),
    user,
    headers,
  }
}
