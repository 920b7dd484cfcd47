import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'

/** Why a file of data cannot be read, in words for people; undefined when nothing speaks against it. */
export async function whyUnreadable(path: string): Promise<string | undefined> {
  return (await whyUnopenable(path)) ?? ((await stat(path)).size === 0 ? 'it is empty' : undefined)
}

/** The same of what is to be judged: an empty file can be opened, and is refused by the judge. */
export async function whyUnopenable(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path)
    if (found.isDirectory()) return 'it is a folder; name the files in it with a pattern such as *.parquet'
    await access(path, constants.R_OK)
    return undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'it does not exist'
    return code === 'EACCES' || code === 'EPERM' ? 'it may not be read' : message
  }
}
