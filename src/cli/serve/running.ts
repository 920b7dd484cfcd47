import { readFile, rm } from 'node:fs/promises'
import { z } from '@hono/zod-openapi'
import { fail, reviveError } from '../../errors/index.ts'
import { serverFile, serverLock } from '../../config/state-folder.ts'
import { isFileLocked, isHeldLock, takeFileLock, type HeldLock } from '../../internal/file-lock.ts'
import { publishFile } from '../../internal/publish.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { ProcessIdentity } from '../../ports/executor.ts'

const form = z.object({
  url: z.string(),
  token: z.string().optional(),
  process: z.object({ host: z.string(), bootId: z.string(), pid: z.number(), startTime: z.string() }),
})

/** The server that serves this project now, as it wrote itself down. */
export interface RunningServer {
  readonly url: string
  /** For commands of this user on this machine, when the server asks for tokens. */
  readonly token?: string
  readonly process: ProcessIdentity
}

/** Undefined when none is running, whatever a dead one left behind. */
export async function runningServer(folder: string): Promise<RunningServer | undefined> {
  if (!(await isFileLocked(serverLock(folder)))) return undefined
  const text = await readFile(serverFile(folder), 'utf8').catch(() => undefined)
  const read = text === undefined ? undefined : form.safeParse(safeJson(text))
  if (!read?.success) return undefined
  const { token, ...server } = read.data
  return token === undefined ? server : { ...server, token }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A server that is just ending is waited for so long. */
const patienceMs = 1_000

/**
 * Makes this process the one that serves the project, before it opens anything: of two that start at the same moment one
 * is told here that the other serves. Throws `alreadyUp`.
 */
export async function claimServing(folder: string): Promise<HeldLock> {
  const taken = await takeFileLock(serverLock(folder), patienceMs)
  if (isHeldLock(taken)) return taken
  const other = await runningServer(folder)
  throw fail('alreadyUp', {
    pid: other?.process.pid ?? taken.pid,
    host: other?.process.host ?? taken.host,
    where: other === undefined ? 'and is just starting or ending' : `at ${other.url}`,
  })
}

export async function announce(folder: string, server: RunningServer): Promise<void> {
  await publishFile(serverFile(folder), `${JSON.stringify(server)}\n`, 0o600)
}

export async function withdraw(folder: string): Promise<void> {
  await rm(serverFile(folder), { force: true })
}

/** Posts to the running server. Throws `serverSilent` and `serverRefused`. */
export async function ask(server: RunningServer, path: string, body: unknown): Promise<unknown> {
  let answer: Response
  try {
    answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body ?? {}),
      signal: AbortSignal.timeout(30_000),
      headers: {
        'content-type': 'application/json',
        ...(server.token ? { authorization: `Bearer ${server.token}` } : {}),
      },
    })
  } catch (error) {
    throw fail('serverSilent', { url: server.url, pid: server.process.pid, reason: messageOf(error) }, error)
  }
  const value = (await answer.json().catch(() => ({}))) as { title?: string; hint?: string }
  // What has gone wrong there is told as if it had gone wrong here
  if (answer.status >= 500) {
    const told = reviveError(value)
    if (told) throw told
  }
  if (!answer.ok)
    throw fail('serverRefused', {
      url: server.url,
      reason: value.title ?? `status ${answer.status}`,
      advice: value.hint ?? 'See its log.',
    })
  return value
}
