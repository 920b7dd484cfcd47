import { fail, systemReason, type MillraceError } from '../errors/index.ts'

/** What was asked for and cannot be written, as a catalogued error. */
export function unwritable(output: string, error: unknown): MillraceError {
  const reason = systemReason(error) ?? (error as Error).message
  return fail('outputUnwritable', { output, reason }, error)
}
