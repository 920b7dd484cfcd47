import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from '@hono/zod-openapi'
import { fail } from '../../errors/index.ts'
import { isAlive } from '../../internal/process-identity.ts'
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

const fileOf = (folder: string): string => join(folder, 'server.json')

/** Undefined when none is running; what a dead server left is taken away. */
export async function runningServer(folder: string): Promise<RunningServer | undefined> {
  const text = await readFile(fileOf(folder), 'utf8').catch(() => undefined)
  const read = text === undefined ? undefined : form.safeParse(safeJson(text))
  if (!read?.success) return undefined
  if (isAlive(read.data.process) === false) {
    await rm(fileOf(folder), { force: true })
    return undefined
  }
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

export async function announce(folder: string, server: RunningServer): Promise<void> {
  await publishFile(fileOf(folder), `${JSON.stringify(server)}\n`, 0o600)
}

export async function withdraw(folder: string): Promise<void> {
  await rm(fileOf(folder), { force: true })
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
  if (!answer.ok)
    throw fail('serverRefused', {
      url: server.url,
      reason: value.title ?? `status ${answer.status}`,
      advice: value.hint ?? 'See its log.',
    })
  return value
}
