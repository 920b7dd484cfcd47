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

/** What is asked of the one that leads: as it came, and by whom. */
export interface Question {
  readonly method: string
  readonly path: string
  readonly header: (name: string) => string | undefined
  readonly body?: string | ArrayBuffer | undefined
}

/** Asks the instance that leads, as whoever asked this one. Throws `noLeader` where none is reached within that time. */
export async function askLeader(lead: Lead, asked: Question, milliseconds = patienceMs): Promise<Response> {
  const url = lead.url()
  const missing = (reason: string, error?: unknown): Error => fail('noLeader', { what: 'this project', reason }, error)
  if (url === undefined || url === '') throw missing('none is known yet')
  // It has just let go: whoever comes next is not known to it either
  if (asked.header(mark) !== undefined) throw missing('the one that did has let go')
  const headers = new Headers({ [mark]: '1' })
  for (const name of passed) {
    const value = asked.header(name)
    if (value !== undefined) headers.set(name, value)
  }
  try {
    const answer = await fetch(`${url}${asked.path}`, {
      method: asked.method,
      headers,
      ...(asked.body === undefined ? {} : { body: asked.body }),
      signal: AbortSignal.timeout(milliseconds),
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

/** Lets the instance that leads answer. Undefined where this one leads. Throws `noLeader`. */
export async function forward(request: Request, path: string, lead: Lead): Promise<Response | undefined> {
  if (lead.leads()) return undefined
  const { method, headers } = request
  const body = method === 'GET' ? undefined : await request.arrayBuffer()
  return askLeader(lead, { method, path, header: name => headers.get(name) ?? undefined, body })
}
