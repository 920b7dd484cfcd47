import { fail } from '../../../errors/catalogue.ts'
import { isMillraceError } from '../../../errors/millrace-error.ts'

/** Errors of the file system while writing, as catalogued ones. `needed` is what was to be written, in bytes. */
export function writeError(error: unknown, path: string, needed: number): unknown {
  if (isMillraceError(error) || !(error instanceof Error)) return error
  const { code, message: reason } = error as NodeJS.ErrnoException
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return fail('diskFull', { path, needed }, error)
    case 'EROFS':
    case 'EACCES':
    case 'EPERM':
      return fail('storeReadOnly', { path, reason }, error)
    case undefined:
      return error
    default:
      return fail('storeUnreachable', { path, reason }, error)
  }
}
