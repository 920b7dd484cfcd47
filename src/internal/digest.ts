import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { canonicalJson, type Json } from './canonical-json.ts'

/** Identity of immutable bytes: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`

const form = /^sha256:[0-9a-f]{64}$/

export function isDigest(text: string): text is Digest {
  return form.test(text)
}

export function digestBytes(bytes: Uint8Array | string): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}

/** Digest of a definition: SHA-256 of its canonical JSON. */
export function digestJson(value: Json): Digest {
  return digestBytes(canonicalJson(value))
}

/** Files up to this size are read at once: opening a stream takes far longer than reading them. */
const smallFile = 1 << 18

/** Digest of a file's content, as it is now. `expected` is its size as far as it is known. */
export async function digestFile(path: string, expected?: number): Promise<{ digest: Digest; size: number }> {
  if (expected !== undefined && expected <= smallFile) {
    const bytes = readFileSync(path)
    // whoever hashes thousands of files lets others have their turn
    await new Promise<void>(resolve => setImmediate(resolve))
    return { digest: digestBytes(bytes), size: bytes.length }
  }
  const hash = createHash('sha256')
  let size = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    const bytes = chunk as Uint8Array
    hash.update(bytes)
    size += bytes.length
  }
  return { digest: `sha256:${hash.digest('hex')}`, size }
}

/** The first twelve hex digits, for people. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, '').slice(0, 12)
}
