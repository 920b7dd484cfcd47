import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'

const saltBytes = 32
const tagBytes = 16

function derive(key: Uint8Array, salt: Uint8Array, label: string, context: Json): { key: Buffer; nonce: Buffer } {
  const bytes = Buffer.from(hkdfSync('sha256', key, salt, `${label}${canonicalJson(context)}`, 44))
  return { key: bytes.subarray(0, 32), nonce: bytes.subarray(32) }
}

/**
 * Wraps secret bytes: salt, ciphertext, tag, in base64. Key and nonce come from HKDF-SHA256 over a fresh salt, so no
 * number of wraps under one key uses a nonce up, and over the context, so it opens only in the same context.
 */
export function wrap(key: Uint8Array, secret: Uint8Array, label: string, context: Json): string {
  const salt = randomBytes(saltBytes)
  const derived = derive(key, salt, label, context)
  const cipher = createCipheriv('aes-256-gcm', derived.key, derived.nonce)
  const body = Buffer.concat([cipher.update(secret), cipher.final()])
  return Buffer.concat([salt, body, cipher.getAuthTag()]).toString('base64')
}

/** The secret, or undefined when the key, the context or a bit of it is another. */
export function unwrapWith(key: Uint8Array, wrapped: string, label: string, context: Json): Buffer | undefined {
  const bytes = Buffer.from(wrapped, 'base64')
  if (bytes.length < saltBytes + tagBytes) return undefined
  const derived = derive(key, bytes.subarray(0, saltBytes), label, context)
  const decipher = createDecipheriv('aes-256-gcm', derived.key, derived.nonce, { authTagLength: tagBytes })
  decipher.setAuthTag(bytes.subarray(-tagBytes))
  try {
    return Buffer.concat([decipher.update(bytes.subarray(saltBytes, -tagBytes)), decipher.final()])
  } catch {
    // One answer for every cryptographic cause: which it was is nobody's business.
    return undefined
  }
}
