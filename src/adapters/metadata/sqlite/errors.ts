import { fail } from '../../../errors/catalogue.ts'
import { isMillraceError } from '../../../errors/millrace-error.ts'

export const busyTimeoutMs = 5_000

/** Errors raised while rows are read carry no code, only SQLite's own text for it. */
const codesByText: readonly (readonly [RegExp, number])[] = [
  [/database( table)? is locked/, 5],
  [/readonly database/, 8],
  [/disk I\/O error/, 10],
  [/malformed/, 11],
  [/is full/, 13],
  [/unable to open/, 14],
  [/not a database/, 26],
]

function resultCode(error: Error): number | undefined {
  const { errcode, code } = error as { errcode?: unknown; code?: unknown }
  if (typeof errcode === 'number') return errcode
  if (code !== 'ERR_SQLITE_ERROR') return undefined
  return codesByText.find(([text]) => text.test(error.message))?.[1] ?? 1
}

/** SQLite's primary result codes (the low byte of an extended one) as catalogued errors. */
export function sqliteError(path: string, error: unknown): unknown {
  if (isMillraceError(error) || !(error instanceof Error)) return error
  const code = resultCode(error)
  if (code === undefined) return error
  const reason = error.message
  switch (code & 0xff) {
    case 5: // SQLITE_BUSY
    case 6: // SQLITE_LOCKED
      return fail('storeLocked', { path, seconds: busyTimeoutMs / 1000 }, error)
    case 3: // SQLITE_PERM
    case 8: // SQLITE_READONLY
      return fail('storeReadOnly', { path, reason }, error)
    case 10: // SQLITE_IOERR
      return fail('storeUnreachable', { path, reason }, error)
    case 11: // SQLITE_CORRUPT
    case 26: // SQLITE_NOTADB
      return fail('storeCorrupt', { path, reason }, error)
    case 13: // SQLITE_FULL
      return fail('diskFull', { path, needed: 'some thousand' }, error)
    case 14: // SQLITE_CANTOPEN
      return fail('storeUnreachable', { path, reason }, error)
    default:
      return fail('storeFault', { path, reason }, error)
  }
}
