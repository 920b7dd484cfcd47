import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { Json } from '../../internal/canonical-json.ts'
import type { Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { tokenById, type TokenRecord } from './tokens.ts'

/** A browser that signed in: what its cookie holds opens nothing else, and ends with the session or with its token. */
interface Session {
  /** SHA-256 of the whole cookie, hex. */
  readonly hash: string
  readonly token: string
  readonly expiresAt: Micros
}

interface Services {
  readonly store: MetadataStore
  readonly clock: Clock
}

export const sessionSeconds = 12 * 3600
const kind = 'session'
const form = /^mls_([0-9a-f]{20})_[0-9A-Za-z_-]{43}$/

const hashOf = (cookie: string): string => createHash('sha256').update(cookie).digest('hex')

export function isSession(text: string): boolean {
  return form.test(text)
}

/** Gives what the cookie holds. Sessions that are over are removed on the way. */
export async function openSession({ store, clock }: Services, token: TokenRecord): Promise<string> {
  const now = clock.now()
  for (const { id, value } of await store.listDocuments<Json>(kind))
    if ((value as unknown as Session).expiresAt <= now) await store.removeDocument(kind, id)
  const id = randomBytes(10).toString('hex')
  const cookie = `mls_${id}_${randomBytes(32).toString('base64url')}`
  const session: Session = { hash: hashOf(cookie), token: token.id, expiresAt: now + sessionSeconds * 1_000_000 }
  await store.putDocument(kind, id, session as unknown as Json, now, 0)
  return cookie
}

/** The token that the session was opened with, while both are valid. */
export async function verifySession({ store, clock }: Services, cookie: string): Promise<TokenRecord | undefined> {
  const id = form.exec(cookie)?.[1]
  if (id === undefined) return undefined
  const found = (await store.getDocument<Json>(kind, id))?.value as unknown as Session | undefined
  if (found === undefined || found.expiresAt <= clock.now()) return undefined
  if (!timingSafeEqual(Buffer.from(found.hash, 'hex'), Buffer.from(hashOf(cookie), 'hex'))) return undefined
  return tokenById({ store, clock }, found.token)
}

export async function endSession(services: Services, cookie: string): Promise<void> {
  const id = form.exec(cookie)?.[1]
  if (id !== undefined && (await verifySession(services, cookie))) await services.store.removeDocument(kind, id)
}
