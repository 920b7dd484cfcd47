import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../errors/index.ts'
import { digestBytes, digestJson, type Digest } from '../../internal/digest.ts'
import { pathInside } from '../../internal/inside.ts'
import { messageOf } from '../../internal/message-of.ts'

/** Of a file its bytes; of a folder everything below it, but for what tools leave behind. */
async function digestOf(path: string): Promise<Digest> {
  if (!(await stat(path)).isDirectory()) return digestBytes(await readFile(path))
  const below: Record<string, Digest> = {}
  for (const { name } of await readdir(path, { withFileTypes: true }))
    if (name !== '__pycache__' && !name.startsWith('.')) below[name] = await digestOf(join(path, name))
  return digestJson(below)
}

/** Digests of the files and folders that a trainer reads, by their names below the project. Throws `trainerFileMissing`. */
export async function digestsOfFiles(
  root: string,
  files: readonly string[],
  trainer: string,
): Promise<Readonly<Record<string, Digest>>> {
  const found: Record<string, Digest> = {}
  for (const file of files)
    try {
      const path = await pathInside(root, file)
      if (path === undefined) throw new Error('it leads out of the project')
      found[file] = await digestOf(path)
    } catch (error) {
      throw fail('trainerFileMissing', { trainer, file, reason: messageOf(error) }, error)
    }
  return found
}
