import { fail } from '../../errors/index.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { Session } from '../api-types.ts'
import type { Permission } from '../route.ts'
import { SignInFailures } from './failures.ts'
import { TokenMeter, type TokenLimits } from './limits.ts'
import { endSession, isSession, openSession, verifySession } from './sessions.ts'
import { allows, verifyToken, type TokenRecord } from './tokens.ts'

const loopback = new Set(['localhost', '127.0.0.1', '[::1]', '::1'])
export const sessionCookie = 'millrace_session'
/** A revoked token is refused after at most this long. */
const remembered = 1000

export function isLoopback(host: string): boolean {
  return loopback.has(host)
}

/** Beyond this machine nobody is answered without a token. Throws `bindRefused`. */
export function checkBind(host: string, auth: boolean): void {
  if (!isLoopback(host) && !auth) throw fail('bindRefused', { host })
}

export interface GuardOptions {
  readonly store: MetadataStore
  readonly clock: Clock
  /** Address that the server listens on. */
  readonly host: string
  readonly auth: boolean
  readonly allowedHosts?: readonly string[]
  /** What each token may ask; by default as much as it likes. */
  readonly limits?: TokenLimits
}

/** Reads a header by its lower-case name. */
export type HeaderReader = (name: string) => string | undefined

function hostName(value: string): string {
  return value.replace(/:\d+$/, '').toLowerCase()
}

/** Where a token may stand: bearer, password of basic authentication (what tracking clients send), session cookie. */
function tokenOf(header: HeaderReader): string | undefined {
  const [scheme, value] = (header('authorization') ?? '').split(' ')
  if (scheme?.toLowerCase() === 'bearer') return value
  if (scheme?.toLowerCase() === 'basic')
    return Buffer.from(value ?? '', 'base64')
      .toString('utf8')
      .split(':')
      .slice(1)
      .join(':')
  return sessionOf(header)
}

/** What the session cookie holds. A token there is none: scripts of other programs put it into no cookie. */
export function sessionOf(header: HeaderReader): string | undefined {
  const cookie = (header('cookie') ?? '').split(';').find(one => one.trim().startsWith(`${sessionCookie}=`))
  const value = cookie?.trim().slice(sessionCookie.length + 1)
  return value !== undefined && isSession(value) ? value : undefined
}

/** Decides who may do what. One for the whole server, both planes. */
export class Guard {
  readonly auth: boolean
  readonly #options: GuardOptions
  /** Undefined: whatever name is asked for. A server on all addresses has no name of its own, and tokens protect it. */
  readonly #hosts: ReadonlySet<string> | undefined
  readonly #failures: SignInFailures
  readonly #meter: TokenMeter
  readonly #known = new Map<string, { readonly record: TokenRecord; readonly until: number }>()

  constructor(options: GuardOptions) {
    checkBind(options.host, options.auth)
    this.auth = options.auth
    this.#options = options
    this.#failures = new SignInFailures(options)
    this.#meter = new TokenMeter(options.limits ?? {}, options.clock)
    const given = (options.allowedHosts ?? []).map(name => name.toLowerCase())
    const everywhere = options.host === '0.0.0.0' || options.host === '::'
    this.#hosts = everywhere && given.length === 0 ? undefined : new Set([...loopback, options.host, ...given])
  }

  /** Refuses names that another site could have pointed here, and changes asked for by other sites' pages. */
  checkOrigin(method: string, header: HeaderReader): void {
    const host = header('host') ?? ''
    if (this.#hosts && !this.#hosts.has(hostName(host))) throw fail('hostRefused', { host: hostName(host) || 'none' })
    if (method === 'GET' || method === 'HEAD') return
    const origin = header('origin')
    const site = header('sec-fetch-site')
    const foreign = site !== undefined && site !== 'same-origin' && site !== 'none'
    if (foreign || (origin !== undefined && origin.replace(/^https?:\/\//, '') !== host))
      throw fail('originRefused', { origin: origin ?? 'another site' })
  }

  async identify(token: string | undefined): Promise<TokenRecord | undefined> {
    if (token === undefined) return undefined
    const { clock } = this.#options
    const seen = this.#known.get(token)
    if (seen && seen.until > clock.elapsed()) return seen.record
    this.#known.delete(token)
    const record = await (isSession(token) ? verifySession(this.#options, token) : verifyToken(this.#options, token))
    if (!record) return undefined
    if (this.#known.size > 1000) this.#known.clear()
    this.#known.set(token, { record, until: clock.elapsed() + remembered })
    return record
  }

  /** Opens a session for a token; gives what the cookie holds. Throws `unauthorized`. */
  async signIn(token: string): Promise<{ readonly record: TokenRecord; readonly cookie: string }> {
    const record = await verifyToken(this.#options, token)
    if (!record) return this.#refuse('sign-in', 'read')
    return { record, cookie: await openSession(this.#options, record) }
  }

  /** Who asks, once it was checked that they may. */
  async who(header: HeaderReader): Promise<Session> {
    const record = this.auth ? await this.identify(tokenOf(header)) : undefined
    return { name: record?.name ?? 'local', scopes: this.auth ? (record?.scopes ?? []) : ['admin'], auth: this.auth }
  }

  async signOut(header: HeaderReader): Promise<void> {
    const cookie = sessionOf(header)
    if (cookie === undefined) return
    await endSession(this.#options, cookie)
    this.#known.delete(cookie)
  }

  async #refuse(what: string, permission: Permission): Promise<never> {
    await this.#failures.add(what)
    throw fail('unauthorized', { permission })
  }

  /** Name of who asks. Throws `hostRefused`, `originRefused`, `unauthorized` (401) and `scopeMissing` (403). */
  check(permission: Permission, method: string, header: HeaderReader): string | Promise<string> {
    // probes come by the pod's address and learn nothing but health
    if (permission === 'public' && (method === 'GET' || method === 'HEAD')) return 'anybody'
    this.checkOrigin(method, header)
    if (!this.auth) return 'local'
    if (permission === 'public') return 'anybody'
    return this.#checkToken(permission, header)
  }

  async #checkToken(permission: Exclude<Permission, 'public'>, header: HeaderReader): Promise<string> {
    const token = tokenOf(header)
    if (token === undefined) throw fail('unauthorized', { permission })
    const record = await this.identify(token)
    if (!record) return this.#refuse('request', permission)
    if (!allows(record.scopes, permission))
      throw fail('scopeMissing', { permission, token: record.name, scopes: record.scopes.join(', ') })
    this.#meter.take(record)
    return record.name
  }
}
