import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { checkName } from '../../internal/names.ts'
import { formatTime, parseDuration, type Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import type { Permission } from '../route.ts'

export type Scope = Exclude<Permission, 'public'>
export const scopes: readonly Scope[] = ['read', 'write', 'predict', 'operate', 'approve', 'admin']

/** A token without its secret, which is shown once and kept nowhere. */
export interface TokenRecord {
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  readonly createdAt: Micros
  readonly expiresAt: Micros | null
}

interface StoredToken extends TokenRecord {
  /** SHA-256 of the whole token, hex. */
  readonly hash: string
}

interface TokenServices {
  readonly store: MetadataStore
  readonly clock: Clock
}

const kind = 'token'
const form = /^mlr_([0-9a-z]{10})_([0-9A-Za-z_-]{43})$/

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function record({ hash: _, ...rest }: StoredToken): TokenRecord {
  return rest
}

export interface TokenOptions {
  readonly name: string
  readonly scopes: readonly string[]
  /** Length of its life, `90d`; without it, it lives until it is revoked. */
  readonly expiresIn?: string
}

/**
 * Makes a token `mlr_<id>_<secret>` (256 random bits) and stores its SHA-256. Throws `tokenSettings` for an unknown scope
 * or a malformed life.
 */
export async function createToken(
  { store, clock }: TokenServices,
  options: TokenOptions,
): Promise<{ readonly token: string; readonly record: TokenRecord }> {
  if (options.scopes.length === 0) throw fail('tokenSettings', { reason: 'it has no scope' })
  for (const scope of options.scopes)
    if (!scopes.includes(scope as Scope)) throw fail('tokenSettings', { reason: `'${scope}' is no scope` })
  const life = options.expiresIn === undefined ? undefined : parseDuration(options.expiresIn)
  if (options.expiresIn !== undefined && !(life !== undefined && life > 0))
    throw fail('tokenSettings', { reason: `'${options.expiresIn}' is no duration` })
  const now = clock.now()
  if (!Number.isSafeInteger(now + (life ?? 0)))
    throw fail('tokenSettings', { reason: `'${options.expiresIn}' ends after the year 2255` })
  checkName(options.name, reason => fail('tokenSettings', { reason: `its name ${reason}` }))
  const id = [...randomBytes(10)].map(byte => (byte % 36).toString(36)).join('')
  const token = `mlr_${id}_${randomBytes(32).toString('base64url')}`
  const stored: StoredToken = {
    id,
    name: options.name,
    scopes: [...new Set(options.scopes)] as Scope[],
    createdAt: now,
    expiresAt: life === undefined ? null : now + life,
    hash: hashOf(token),
  }
  await store.putDocument(kind, id, stored as unknown as Json, now, 0)
  return { token, record: record(stored) }
}

/** Ends a token. A running server notices within a second. Throws `tokenUnknown`. */
export async function revokeToken({ store }: Pick<TokenServices, 'store'>, id: string): Promise<void> {
  if (!(await store.getDocument(kind, id))) throw fail('tokenUnknown', { id })
  await store.removeDocument(kind, id)
}

export async function listTokens({ store }: Pick<TokenServices, 'store'>): Promise<readonly TokenRecord[]> {
  const documents = await store.listDocuments<Json>(kind)
  return documents.map(one => record(one.value as unknown as StoredToken)).sort((a, b) => a.createdAt - b.createdAt)
}

/** The record of a token that is valid now. Costs a look-up in the store; callers cache it. */
export async function verifyToken({ store, clock }: TokenServices, token: string): Promise<TokenRecord | undefined> {
  const match = form.exec(token)
  if (!match) return undefined
  const found = (await store.getDocument<Json>(kind, match[1] as string))?.value as unknown as StoredToken | undefined
  if (!found) return undefined
  const same = timingSafeEqual(Buffer.from(found.hash, 'hex'), Buffer.from(hashOf(token), 'hex'))
  if (!same || (found.expiresAt !== null && found.expiresAt <= clock.now())) return undefined
  return record(found)
}

/** The record of a token by its id, if it is valid now. */
export async function tokenById({ store, clock }: TokenServices, id: string): Promise<TokenRecord | undefined> {
  const found = (await store.getDocument<Json>(kind, id))?.value as unknown as StoredToken | undefined
  return found === undefined || (found.expiresAt !== null && found.expiresAt <= clock.now()) ? undefined : record(found)
}

const ownName = 'command of this machine'

/**
 * A token for the length of one call to the server that runs. Whoever can write into the store could make any token:
 * nothing that opens the server has to lie in a file. What a killed command left is removed by the next.
 */
export async function withOwnToken<T>(services: TokenServices, work: (token: string) => Promise<T>): Promise<T> {
  const now = services.clock.now()
  for (const one of await listTokens(services))
    if (one.name === ownName && one.expiresAt !== null && one.expiresAt <= now)
      await services.store.removeDocument(kind, one.id)
  const { token, record } = await createToken(services, {
    name: ownName,
    scopes: ['operate', 'approve'],
    expiresIn: '2m',
  })
  try {
    return await work(token)
  } finally {
    await services.store.removeDocument(kind, record.id)
  }
}

/** `admin` may do everything; who may write, operate or approve may also read. */
export function allows(held: readonly Scope[], permission: Scope): boolean {
  if (held.includes('admin') || held.includes(permission)) return true
  return permission === 'read' && held.some(one => one === 'write' || one === 'operate' || one === 'approve')
}

export function describeToken(token: TokenRecord): string {
  const end = token.expiresAt === null ? 'until it is revoked' : `until ${formatTime(token.expiresAt)}`
  return `${token.name} (${token.id}): ${token.scopes.join(', ')}, ${end}`
}
