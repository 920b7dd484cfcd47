import { fail } from '../../../errors/catalogue.ts'
import { isMillraceError } from '../../../errors/millrace-error.ts'
import { sqliteCode, systemError } from '../../../errors/system.ts'
import { busyTimeoutMs } from './busy.ts'

/** What SQLite refuses, as a catalogued error. */
export function sqliteError(path: string, error: unknown): unknown {
  if (isMillraceError(error) || !(error instanceof Error)) return error
  const known = systemError(error, { path, seconds: busyTimeoutMs / 1000 })
  if (known) return known
  if (sqliteCode(error) === undefined) return error
  // the migrations have made every one of them: somebody else took it away
  const gone = /^no such (table|column)/.test(error.message)
  return fail(gone ? 'storeCorrupt' : 'storeFault', { path, reason: error.message }, error)
}
