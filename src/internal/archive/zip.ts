import { unzipSync } from 'fflate'
import { MalformedError } from './malformed.ts'
import { messageOf } from '../message-of.ts'

/** Most that the entries of one archive may hold together once unpacked. */
const maxBytes = 256 * 2 ** 20
const maxEntries = 10_000

export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5)
}

/**
 * Reads the entries of a zip archive into memory by name; nothing is written anywhere, so names cannot lead out of a folder.
 * What it declares to hold is limited before anything is unpacked, and an entry that holds another amount is refused.
 * Throws MalformedError.
 */
export function readZip(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const sizes = new Map<string, number>()
  let total = 0
  try {
    const entries = unzipSync(bytes, {
      filter({ name, originalSize }) {
        if (sizes.has(name)) throw new MalformedError(`the archive has ${JSON.stringify(name)} twice`)
        sizes.set(name, originalSize)
        total += originalSize
        if (sizes.size > maxEntries) throw new MalformedError(`the archive has more than ${maxEntries} entries`)
        if (total > maxBytes) throw new MalformedError(`the archive unpacks to more than ${maxBytes / 2 ** 20} MiB`)
        return true
      },
    })
    return new Map(
      Object.entries(entries).map(([name, content]) => {
        if (content.length !== sizes.get(name))
          throw new MalformedError(`the entry ${JSON.stringify(name)} has another size than the archive says`)
        return [name, content]
      }),
    )
  } catch (error) {
    if (error instanceof MalformedError) throw error
    throw new MalformedError(`the archive cannot be read: ${messageOf(error)}`)
  }
}
