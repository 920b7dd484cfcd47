import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { fail } from '../../../errors/index.ts'

/** Far above any definition or set of figures that is imported. */
const maxBytes = 512 * 2 ** 20

/** The bytes of a file to import. Throws `fileUnreadable`. */
export async function readSource(cwd: string, file: string): Promise<Uint8Array> {
  const path = resolve(cwd, file)
  try {
    const { size } = await stat(path)
    if (size > maxBytes) throw new RangeError(`it is larger than ${maxBytes / 2 ** 20} MiB`)
    return await readFile(path)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'ENOENT' ? 'it does not exist' : code === 'EISDIR' ? 'it is a folder' : message
    throw fail('fileUnreadable', { file, reason }, error)
  }
}
