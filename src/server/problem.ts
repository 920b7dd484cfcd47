import { catalogue, fail, MillraceError, systemError } from '../errors/index.ts'
import { ulid } from '../internal/ids.ts'
import type { ServerServices } from './services.ts'

export interface ProblemServices {
  readonly log: ServerServices['log']
  readonly workspace: { readonly root: string }
}

/** Where the project lies on this machine is nobody's business outside: paths are told from its folder on. */
export const fromRoot = (text: string, root: string): string =>
  root === '' ? text : text.replaceAll(`${root}/`, '').replaceAll(root, '.')

function withoutRoot(error: MillraceError, root: string): MillraceError {
  const told = JSON.stringify(error)
  if (root === '' || !told.includes(root)) return error
  const entry = Object.values(catalogue).find(one => one.code === error.code)
  if (entry === undefined) return error
  const details = Object.fromEntries(
    Object.entries(error.details).map(([key, value]) => [
      key,
      typeof value === 'string' ? fromRoot(value, root) : value,
    ]),
  )
  return new MillraceError(entry, details, { cause: error })
}

/** The catalogued error of anything thrown: what is not catalogued is logged whole and answered by its reference only. */
export function catalogued(error: unknown, { log, workspace }: ProblemServices): MillraceError {
  const known = systemError(error)
  if (known) return withoutRoot(known, workspace.root)
  const reference = ulid()
  log({ level: 'error', reference, error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  return fail('unexpected', { reference })
}

/** Seconds after which it is worth asking again, where that is known. */
export const retryAfter = ({ details }: MillraceError): string | undefined =>
  typeof details.seconds === 'number' ? String(details.seconds) : undefined

/** RFC 9457. */
export function problem(error: unknown, services: ProblemServices): Response {
  const known = catalogued(error, services)
  const wait = known.status === 429 ? retryAfter(known) : undefined
  return new Response(JSON.stringify(known), {
    status: known.status,
    headers: {
      'content-type': 'application/problem+json',
      ...(wait === undefined ? {} : { 'retry-after': wait }),
      ...(known.status === 401 ? { 'www-authenticate': 'Bearer realm="millrace"' } : {}),
    },
  })
}

/** As clients of the inference protocol read it: `error` in words, beside the problem's own members. */
export function protocolProblem(error: unknown, services: ProblemServices): Response {
  const known = catalogued(error, services)
  return Response.json({ error: known.message, ...known.toJSON() }, { status: known.status })
}
