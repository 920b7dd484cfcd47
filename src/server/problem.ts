import { fail, systemError, type MillraceError } from '../errors/index.ts'
import { ulid } from '../internal/ids.ts'
import type { ServerServices } from './services.ts'

/** The catalogued error of anything thrown: what is not catalogued is logged whole and answered by its reference only. */
export function catalogued(error: unknown, log: ServerServices['log']): MillraceError {
  const known = systemError(error)
  if (known) return known
  const reference = ulid()
  log({ level: 'error', reference, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  return fail('unexpected', { reference })
}

/** RFC 9457. */
export function problem(error: unknown, log: ServerServices['log']): Response {
  const known = catalogued(error, log)
  return new Response(JSON.stringify(known), {
    status: known.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(known.status === 401 ? { 'www-authenticate': 'Bearer realm="millrace"' } : {}),
    },
  })
}
