import { open } from 'node:fs/promises'

/** The last `limit` bytes of a file as text, without a broken first character; empty when there is no file. */
export async function tailOf(path: string, limit = 8192): Promise<string> {
  try {
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      const length = Math.min(size, limit)
      const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length)
      let from = 0
      if (length < size) while (from < length && from < 4 && ((buffer[from] ?? 0) & 0xc0) === 0x80) from++
      return buffer.toString('utf8', from)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}
