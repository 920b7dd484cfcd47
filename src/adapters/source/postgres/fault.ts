import type { TableFault } from '../table-failure.ts'

export interface PostgresOptions {
  /** The dataset whose source it is, for messages. */
  readonly dataset?: string
  /** The environment variable that the URL is from, for messages. */
  readonly urlFrom?: string
  /** Milliseconds within which a server must have answered to a connection. */
  readonly connectMs?: number
  /** Milliseconds to wait for a table that somebody else has locked. */
  readonly lockMs?: number
}

/** `PostgreSQL database shop at db.example.org:5432 (URL of SHOP_URL)`, without user and password; undefined where it is no URL of it. */
export function placeOf(url: string, urlFrom?: string): string | undefined {
  if (!URL.canParse(url)) return undefined
  const { protocol, hostname, port, pathname, searchParams } = new URL(url)
  if (!/^postgres(ql)?:$/.test(protocol)) return undefined
  const host = searchParams.get('host') ?? (decodeURIComponent(hostname) || 'localhost')
  const database = decodeURIComponent(pathname.slice(1)) || 'of the user'
  const from = urlFrom === undefined ? '' : ` (URL of ${urlFrom})`
  return `PostgreSQL database ${database} at ${host}:${port || '5432'}${from}`
}

/** The URL itself is not shown: it may hold a password. */
export const noUrl = (urlFrom = 'its environment variable'): TableFault => ({
  fault: 'databaseUnreachable',
  reason: `what ${urlFrom} holds is no URL such as postgres://user:password@host:5432/database (characters of a password beyond letters and digits are written as %40)`,
})

/** Classes of SQLSTATE, and codes of the system, that mean the connection or the server. */
const ofServer = /^(08|28|3D|53|57P|58|E[A-Z]+)/

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors[0] !== undefined) return reasonOf(error.errors[0])
  return error instanceof Error ? error.message || String((error as { code?: string }).code) : String(error)
}

/** What an error of the driver means. */
export function faultOf(
  error: unknown,
  known: { readonly connected: boolean; readonly connectMs: number; readonly lockMs: number },
): TableFault {
  const code = String((error as { readonly code?: string } | undefined)?.code ?? '')
  if (code === '55P03') return { fault: 'tableLocked', waited: known.lockMs / 1000 }
  const reason = reasonOf(error)
  if (!known.connected && /timeout expired/i.test(reason))
    return { fault: 'databaseUnreachable', reason: `it did not answer within ${known.connectMs / 1000} s` }
  const server = !known.connected || ofServer.test(code) || /connection.*(terminated|closed|error)/i.test(reason)
  return { fault: server ? 'databaseUnreachable' : 'tableUnreadable', reason }
}
