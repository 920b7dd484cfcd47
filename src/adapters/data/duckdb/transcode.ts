import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Scratch } from './session.ts'

/** UTF-16 is little-endian unless its byte order mark says otherwise. */
async function labelOf(file: string, encoding: 'utf-16' | 'latin-1'): Promise<string> {
  if (encoding === 'latin-1') return 'latin1'
  const handle = await open(file)
  try {
    const { buffer } = await handle.read(Buffer.alloc(2), 0, 2, 0)
    return buffer[0] === 0xfe && buffer[1] === 0xff ? 'utf-16be' : 'utf-16le'
  } finally {
    await handle.close()
  }
}

/** A copy of a file in UTF-8, which goes when the engine is closed. Bytes that are no text become U+FFFD. */
export async function asUtf8(file: string, encoding: 'utf-16' | 'latin-1', scratch: Scratch): Promise<string> {
  const decoder = new TextDecoder(await labelOf(file, encoding))
  const path = await scratch('csv')
  const decode = new Transform({
    transform(chunk: Uint8Array, _, done) {
      done(null, decoder.decode(chunk, { stream: true }))
    },
    flush(done) {
      done(null, decoder.decode())
    },
  })
  await pipeline(createReadStream(file), decode, createWriteStream(path))
  return path
}
