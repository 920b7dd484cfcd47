import { readFile, rm } from 'node:fs/promises'
import { z } from '@hono/zod-openapi'
import { fail, reviveError } from '../../errors/index.ts'
import { serverFile, serverLock } from '../../config/state-folder.ts'
import { isFileLocked, isHeldLock, takeFileLock, type HeldLock } from '../../internal/file-lock.ts'
import { publishFile } from '../../internal/publish.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ProcessIdentity } from '../../ports/executor.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'

const form = z.object({
  url: z.string(),
  auth: z.boolean(),
  process: z.object({ host: z.string(), bootId: z.string(), pid: z.number(), startTime: z.string() }),
})

/** The server that serves this project now, as it wrote itself down. */
export interface RunningServer {
  readonly url: string
  /** Whether it asks for tokens. None stands here: commands make one of their own for each call. */
  readonly auth: boolean
  readonly process: ProcessIdentity
}

/** Undefined when none is running, whatever a dead one left behind. */
export async function runningServer(folder: string): Promise<RunningServer | undefined> {
  if (!(await isFileLocked(serverLock(folder)))) return undefined
  const text = await readFile(serverFile(folder), 'utf8').catch(() => undefined)
  const read = text === undefined ? undefined : form.safeParse(safeJson(text))
  return read?.success ? read.data : undefined
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
export async function ask(
  services: { readonly store: MetadataStore; readonly clock: Clock },
  server: RunningServer,
  path: string,
  body: unknown,
): Promise<unknown> {
  if (!server.auth) return post(server, path, body, undefined)
  const { withOwnToken } = await import('../../server/index.ts')
  return withOwnToken(services, token => post(server, path, body, token))
}

async function post(server: RunningServer, path: string, body: unknown, token: string | undefined): Promise<unknown> {
  let answer: Response
  try {
    answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      body: JSON.stringify(body ?? {}),
      signal: AbortSignal.timeout(30_000),
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
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
