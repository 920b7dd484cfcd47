import { fail, type MillraceError } from '../errors/index.ts'

const reasons: Readonly<Record<string, string>> = {
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'there is no space left',
  EDQUOT: 'the quota is used up',
  EISDIR: 'it is a folder',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a part of its path is a file',
}

/** Why the operating system does not write, in words; undefined for anything else. */
export function unwritableReason(error: unknown): string | undefined {
  const { code } = error as NodeJS.ErrnoException
  return code === undefined ? undefined : reasons[code]
}

/** What was asked for and cannot be written, as a catalogued error. */
export function unwritable(output: string, error: unknown): MillraceError {
  const reason = unwritableReason(error) ?? (error as Error).message
  return fail('outputUnwritable', { output, reason }, error)
}
