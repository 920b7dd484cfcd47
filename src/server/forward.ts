import { fail } from '../errors/index.ts'
import { messageOf } from '../internal/message-of.ts'

/** What this process knows of who leads. */
export interface Lead {
  /** This one does. */
  leads(): boolean
  /** Where another does, if that is known. */
  url(): string | undefined
}

const mark = 'x-millrace-forwarded'
/** Who asks is known by these; what the answer is depends on these. */
const passed = ['authorization', 'cookie', 'content-type', 'accept']
const patienceMs = 30_000

/** Asks the instance that leads, as whoever asked this one. Undefined where this one leads. Throws `noLeader`. */
export async function forward(request: Request, path: string, lead: Lead): Promise<Response | undefined> {
  if (lead.leads()) return undefined
  const url = lead.url()
  const missing = (reason: string, error?: unknown): Error => fail('noLeader', { what: 'this project', reason }, error)
  if (url === undefined || url === '') throw missing('none is known yet')
  // It has just let go: whoever comes next is not known to it either
  if (request.headers.has(mark)) throw missing('the one that did has let go')
  const headers = new Headers({ [mark]: '1' })
  for (const name of passed) {
    const value = request.headers.get(name)
    if (value !== null) headers.set(name, value)
  }
  try {
    const body = request.method === 'GET' ? undefined : await request.arrayBuffer()
    const answer = await fetch(`${url}${path}`, {
      method: request.method,
      headers,
      ...(body === undefined ? {} : { body }),
      signal: AbortSignal.timeout(patienceMs),
    })
    const type = answer.headers.get('content-type')
    return new Response(await answer.arrayBuffer(), {
      status: answer.status,
      headers: type === null ? {} : { 'content-type': type },
    })
  } catch (error) {
    throw missing(messageOf(error), error)
  }
}
