import { open } from 'node:fs/promises'

const block = 1 << 16

/**
 * Whether a line of a file is longer than a limit. Only an end of a line within each stretch of that length is looked for,
 * from its end backwards: a few reads for each, however long the file is.
 */
export async function hasLineBeyond(path: string, limit: number): Promise<boolean> {
  const file = await open(path)
  const bytes = Buffer.alloc(block)
  try {
    const { size } = await file.stat()
    const lastEnd = async (from: number, to: number): Promise<number> => {
      for (let end = to; end > from; end -= block) {
        const start = Math.max(from, end - block)
        const { bytesRead } = await file.read(bytes, 0, end - start, start)
        const part = bytes.subarray(0, bytesRead)
        const at = Math.max(part.lastIndexOf(10), part.lastIndexOf(13))
        if (at >= 0) return start + at
      }
      return -1
    }
    let from = 0
    while (from + limit < size) {
      const end = await lastEnd(from, from + limit)
      if (end < 0) return true
      from = end + 1
    }
    return false
  } finally {
    await file.close()
  }
}
