import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { fail } from '../../errors/catalogue.ts'
import { canonicalJson } from '../../internal/canonical-json.ts'
import type { KeyContext } from '../../ports/key-service.ts'

/** The ciphers of format MILLENC1, by their number in the header. */
export const suites = { 1: 'aes-256-gcm', 2: 'chacha20-poly1305' } as const
export type Suite = keyof typeof suites

const magic = 'MILLENC1'
const headerBytes = 44
const segmentsAt = 76
const tagBytes = 16

export interface SealOptions {
  /** Default 1, AES-256-GCM. */
  readonly suite?: Suite
  /** log2 of the plaintext bytes of a segment, 12 to 22. Default 18. */
  readonly segLog2?: number
  /** 32 bytes; only tests give it. */
  readonly salt?: Uint8Array
}

interface BlobKeys {
  readonly payload: Buffer
  readonly noncePrefix: Buffer
  readonly commitment: Buffer
  /** Authenticates the envelope beside the blob. */
  readonly envelope: Buffer
}

/** Every key of a blob, bound to its header and to what it belongs to. */
function keysOf(dek: Uint8Array, header: Uint8Array, context: KeyContext): BlobKeys {
  const bind = createHash('sha256').update(header).update(canonicalJson(context)).digest()
  const salt = header.subarray(12, headerBytes)
  const derive = (label: string, length: number): Buffer => {
    const info = Buffer.concat([Buffer.from(`millrace/enc/v1/${label}\0`), bind])
    return Buffer.from(hkdfSync('sha256', dek, salt, info, length))
  }
  return {
    payload: derive('payload', 32),
    noncePrefix: derive('nonce', 7),
    commitment: derive('commit', 32),
    envelope: derive('envelope', 32),
  }
}

function nonceOf(prefix: Buffer, index: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12)
  prefix.copy(nonce)
  nonce.writeUInt32BE(index, 7)
  nonce[11] = last ? 1 : 0
  return nonce
}

const tagged = { authTagLength: tagBytes } as const

/** Plaintext into a MILLENC1 blob. `dek`: 32 bytes, for this blob only. */
export function sealBlob(
  plaintext: Uint8Array,
  dek: Uint8Array,
  context: KeyContext,
  { suite = 1, segLog2 = 18, salt = randomBytes(32) }: SealOptions = {},
): { readonly blob: Buffer; readonly envelopeKey: Buffer } {
  const header = Buffer.alloc(headerBytes)
  header.write(magic, 'latin1')
  header.writeUInt16BE(suite, 8)
  header[10] = segLog2
  header.set(salt, 12)
  const keys = keysOf(dek, header, context)
  const size = 2 ** segLog2
  const count = Math.max(1, Math.ceil(plaintext.length / size))
  const parts: Buffer[] = [header, keys.commitment]
  for (let i = 0; i < count; i++) {
    const nonce = nonceOf(keys.noncePrefix, i, i === count - 1)
    const cipher = createCipheriv(suites[suite] as 'aes-256-gcm', keys.payload, nonce, tagged)
    parts.push(cipher.update(plaintext.subarray(i * size, (i + 1) * size)), cipher.final(), cipher.getAuthTag())
  }
  return { blob: Buffer.concat(parts), envelopeKey: keys.envelope }
}

/**
 * The plaintext of a MILLENC1 blob, whole or not at all. Throws `decryptFailed` for every cryptographic cause: wrong
 * key or context, a changed, missing, added or moved byte.
 */
export function openBlob(
  blob: Uint8Array,
  dek: Uint8Array,
  context: KeyContext,
): { readonly plaintext: Buffer; readonly envelopeKey: Buffer } {
  const refuse = (cause?: unknown): Error => fail('decryptFailed', { subject: canonicalJson(context) }, cause)
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.length)
  if (bytes.length < segmentsAt + tagBytes || bytes.toString('latin1', 0, 8) !== magic) throw refuse()
  const cipherName = suites[bytes.readUInt16BE(8) as Suite] as string | undefined
  const segLog2 = bytes[10] ?? 0
  if (cipherName === undefined || segLog2 < 12 || segLog2 > 22 || bytes[11] !== 0) throw refuse()
  const keys = keysOf(dek, bytes.subarray(0, headerBytes), context)
  if (!timingSafeEqual(keys.commitment, bytes.subarray(headerBytes, segmentsAt))) throw refuse()
  const size = 2 ** segLog2 + tagBytes
  const count = Math.ceil((bytes.length - segmentsAt) / size)
  const parts: Buffer[] = []
  for (let i = 0; i < count; i++) {
    const segment = bytes.subarray(segmentsAt + i * size, segmentsAt + (i + 1) * size)
    if (segment.length < tagBytes) throw refuse()
    const nonce = nonceOf(keys.noncePrefix, i, i === count - 1)
    const decipher = createDecipheriv(cipherName as 'aes-256-gcm', keys.payload, nonce, tagged)
    decipher.setAuthTag(segment.subarray(-tagBytes))
    try {
      parts.push(decipher.update(segment.subarray(0, -tagBytes)), decipher.final())
    } catch (error) {
      throw refuse(error)
    }
  }
  const plaintext = Buffer.concat(parts)
  // An empty last segment is written for an empty file only: otherwise it would be a second form of the same file.
  if (count > 1 && bytes.length - segmentsAt - (count - 1) * size === tagBytes) throw refuse()
  return { plaintext, envelopeKey: keys.envelope }
}
