import { createHmac, timingSafeEqual } from 'node:crypto'
import { fail } from '../../errors/catalogue.ts'
import { canonicalJson, type Json } from '../../internal/canonical-json.ts'
import { digestBytes, type Digest } from '../../internal/digest.ts'
import type { ArtifactStore } from '../../ports/artifact-store.ts'
import type { KeyContext, KeyService, WrappedKey } from '../../ports/key-service.ts'
import { openBlob, sealBlob, type SealOptions } from './blob.ts'

/**
 * The small mutable part beside an encrypted blob: who can unwrap its key. A key is rotated by replacing this; the blob
 * never changes.
 */
export interface Envelope {
  readonly v: 1
  /** Of the ciphertext. */
  readonly blob: Digest
  readonly bytes: number
  readonly plain: { readonly digest: Digest; readonly bytes: number }
  readonly context: KeyContext
  readonly wraps: readonly WrappedKey[]
  /** Counts re-wraps. */
  readonly gen: number
  /** Base64. */
  readonly mac: string
}

export interface Protection {
  readonly artifacts: ArtifactStore
  readonly keys: KeyService
  /** Who asks. */
  readonly principal: string
}

function macOf(envelope: Omit<Envelope, 'mac'>, key: Uint8Array): string {
  return createHmac('sha256', key)
    .update(canonicalJson(envelope as unknown as Json))
    .digest('base64')
}

function checkMac({ mac, ...rest }: Envelope, key: Uint8Array): void {
  const [given, own] = [Buffer.from(mac, 'base64'), Buffer.from(macOf(rest, key), 'base64')]
  if (given.length !== own.length || !timingSafeEqual(given, own))
    throw fail('decryptFailed', { subject: `The envelope of ${rest.blob}` })
}

/** Stores bytes encrypted under a fresh data key of `key`, bound to `context`: immutable facts, never names. */
export async function protect(
  { artifacts, keys, principal }: Protection,
  plaintext: Uint8Array,
  key: string,
  context: KeyContext,
  options: SealOptions = {},
): Promise<Envelope> {
  const { plaintext: dek, wrapped } = await keys.generateDataKey(key, context, principal)
  try {
    const { blob, envelopeKey } = sealBlob(plaintext, dek, context, options)
    const stored = await artifacts.put(blob)
    const envelope = {
      v: 1,
      blob: stored.digest,
      bytes: stored.size,
      plain: { digest: digestBytes(plaintext), bytes: plaintext.length },
      context,
      wraps: [wrapped],
      gen: 1,
    } as const
    return { ...envelope, mac: macOf(envelope, envelopeKey) }
  } finally {
    dek.fill(0)
  }
}

async function open(
  { artifacts, keys, principal }: Protection,
  envelope: Envelope,
): Promise<{ plaintext: Buffer; envelopeKey: Buffer; dek: Uint8Array }> {
  const wrapped = envelope.wraps.find(one => one.service === keys.name)
  if (wrapped === undefined)
    throw fail('decryptFailed', { subject: `${envelope.blob} (no key of service ${keys.name})` })
  const dek = await keys.unwrap(wrapped, envelope.context, principal)
  const { plaintext, envelopeKey } = openBlob(await artifacts.get(envelope.blob), dek, envelope.context)
  checkMac(envelope, envelopeKey)
  if (plaintext.length !== envelope.plain.bytes || digestBytes(plaintext) !== envelope.plain.digest)
    throw fail('decryptFailed', { subject: envelope.blob })
  return { plaintext, envelopeKey, dek }
}

/** The plaintext, whole and proven. Throws `decryptFailed`, `keyDenied` and the store's errors. */
export async function unprotect(protection: Protection, envelope: Envelope): Promise<Uint8Array> {
  const { plaintext, dek } = await open(protection, envelope)
  dek.fill(0)
  return plaintext
}
