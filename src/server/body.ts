import { fail } from '../errors/index.ts'

/** Largest body of any request that is not an upload. */
export const bodyLimit = 16 * 1024 * 1024
const depthLimit = 32

/** Most bytes of unfinished bodies at a time, over all requests: many large ones must not fill the memory together. */
const maxHeld = 128 * 1024 * 1024
let held = 0

/** One for both planes. */
export const bodyBudget = {
  /** Counts bytes as held; false where that is too much together. They are held until they are released all the same. */
  take(bytes: number): boolean {
    held += bytes
    return held <= maxHeld
  },
  release(bytes: number): void {
    held -= bytes
  },
  get held(): number {
    return held
  },
}

/** Whether a text has more brackets that open than the limit, wherever they stand. */
function hasManyBrackets(text: string): boolean {
  let count = 0
  for (const bracket of ['{', '['])
    for (let at = text.indexOf(bracket); at >= 0; at = text.indexOf(bracket, at + 1))
      if (++count > depthLimit) return true
  return false
}

/** Throws when JSON text nests deeper than the limit; looks at brackets outside of strings only. */
export function checkDepth(text: string): void {
  // Most bodies have fewer in all, which is told without looking at each of their characters
  if (!hasManyBrackets(text)) return
  let depth = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x22) {
      for (i++; i < text.length; i++) {
        const inner = text.charCodeAt(i)
        if (inner === 0x5c) i++
        else if (inner === 0x22) break
      }
    } else if (code === 0x7b || code === 0x5b) {
      if (++depth > depthLimit) throw fail('bodyTooDeep', { limit: depthLimit })
    } else if (code === 0x7d || code === 0x5d) depth--
  }
}

/** JSON of a body; what it names as the reason never repeats more than a few characters of the body. */
export function parseJson(text: string): unknown {
  // only long bodies can nest deep enough to matter
  if (text.length > depthLimit) checkDepth(text)
  try {
    return JSON.parse(text)
  } catch (error) {
    const reason = (error as Error).message.slice(0, 120)
    throw fail('bodyMalformed', { reason: text.length === 0 ? 'it is empty' : reason })
  }
}

export function checkJsonType(type: string | null | undefined): void {
  const media = (type ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (media !== 'application/json' && !media.endsWith('+json'))
    throw fail('mediaTypeUnsupported', { type: media === '' ? 'none' : media })
}

const tooLarge = (limit: number): Error => fail('bodyTooLarge', { limit: limit / 1024 / 1024 })

/** Bytes of a web request, refused as soon as they exceed the limit. */
export async function readBytes(request: Request, limit: number = bodyLimit): Promise<Uint8Array> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > limit) throw tooLarge(limit)
  if (!request.body) return new Uint8Array()
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const part of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += part.length
      const fits = bodyBudget.take(part.length)
      if (size > limit) throw tooLarge(limit)
      if (!fits) throw fail('bodiesTooMany')
      parts.push(part)
    }
  } finally {
    bodyBudget.release(size)
  }
  return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts)
}

export async function readJson(request: Request): Promise<unknown> {
  checkJsonType(request.headers.get('content-type'))
  return parseJson(Buffer.from(await readBytes(request)).toString('utf8'))
}
