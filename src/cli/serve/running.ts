import { rmSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from '@hono/zod-openapi'
import { fail, reviveError } from '../../errors/index.ts'
import { serverFile, serverLock, serversFolder } from '../../config/state-folder.ts'
import { isFileLocked, isHeldLock, takeFileLock, type HeldLock } from '../../internal/file-lock.ts'
import { leadingInstance } from '../../stages/instances/leadership.ts'
import { ulid } from '../../internal/ids.ts'
import { makeFolder, publishFile } from '../../internal/publish.ts'
import { messageOf } from '../../internal/message-of.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ProcessIdentity } from '../../ports/executor.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'

const form = z.object({
  url: z.string(),
  auth: z.boolean(),
  certificate: z.string().optional(),
  process: z.object({ host: z.string(), bootId: z.string(), pid: z.number(), startTime: z.string() }),
})

/** The server that serves this project now, as it wrote itself down. */
export interface RunningServer {
  readonly url: string
  /** Whether it asks for tokens. None stands here: commands make one of their own for each call. */
  readonly auth: boolean
  /** The file of its certificate, where it speaks TLS and lies on this machine. */
  readonly certificate?: string | undefined
  readonly process: ProcessIdentity
}

/** Undefined when none is running, whatever a dead one left behind; one of them where several are. */
export async function runningServer(folder: string): Promise<RunningServer | undefined> {
  for (const one of [onlyServer(folder), ...(await serversBeside(folder))]) {
    if (!(await isFileLocked(one.lock))) continue
    const text = await readFile(one.file, 'utf8').catch(() => undefined)
    const read = text === undefined ? undefined : form.safeParse(safeJson(text))
    if (read?.success) return read.data
  }
  return undefined
}

/** Files of one server: a lock that it holds for as long as it lives, and where it has written itself down. */
interface ServerFiles {
  readonly lock: string
  readonly file: string
}

const onlyServer = (folder: string): ServerFiles => ({ lock: serverLock(folder), file: serverFile(folder) })

const besideFiles = (folder: string, name: string): ServerFiles => ({
  lock: join(serversFolder(folder), `${name}.lock`),
  file: join(serversFolder(folder), `${name}.json`),
})

async function serversBeside(folder: string): Promise<readonly ServerFiles[]> {
  const names = await readdir(serversFolder(folder)).catch(() => [])
  return names.filter(name => name.endsWith('.lock')).map(name => besideFiles(folder, name.slice(0, -'.lock'.length)))
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

/** This process serves the project, for all who look, until it lets go. */
export interface Claim extends HeldLock {
  /** Where it writes itself down. */
  readonly file: string
}

/**
 * Makes this process the one that serves the project, before it opens anything: of two that start at the same moment one
 * is told here that the other serves. Throws `alreadyUp`. Where there may be several it is one of them.
 */
export async function claimServing(folder: string, several = false): Promise<Claim> {
  if (several) await makeFolder(serversFolder(folder), 0o700)
  const { lock, file } = several ? besideFiles(folder, ulid()) : onlyServer(folder)
  const taken = await takeFileLock(lock, patienceMs)
  if (isHeldLock(taken))
    return {
      file,
      release() {
        taken.release()
        if (several) for (const path of [lock, `${lock}.holder`, file]) rmSync(path, { force: true })
      },
    }
  const other = await runningServer(folder)
  throw fail('alreadyUp', {
    pid: other?.process.pid ?? taken.pid,
    host: other?.process.host ?? taken.host,
    where: other === undefined ? 'and is just starting or ending' : `at ${other.url}`,
  })
}

export async function announce({ file }: Claim, server: RunningServer): Promise<void> {
  await publishFile(file, `${JSON.stringify(server)}\n`, 0o600)
}

export async function withdraw({ file }: Claim): Promise<void> {
  await rm(file, { force: true })
}

interface Services {
  readonly store: MetadataStore
  readonly clock: Clock
}

/** An instance on another machine: it asks for tokens wherever it can be reached from here. */
async function serverElsewhere(services: Services): Promise<RunningServer | undefined> {
  const leader = await leadingInstance(services)
  return leader && { url: leader.url, auth: true, process: leader.process }
}

/** The server that serves a project, on this machine or another. */
export async function serverOf(workspace: Services & { readonly folder: string }): Promise<RunningServer | undefined> {
  return (await runningServer(workspace.folder)) ?? (await serverElsewhere(workspace))
}

interface ServerRequest {
  readonly path: string
  readonly body?: unknown
}

/** Posts to the running server. Throws `serverSilent` and `serverRefused`. */
export function ask(services: Services, server: RunningServer, path: string, body: unknown): Promise<unknown> {
  return call(services, server, { path, body: body ?? {} })
}

/** Reads from the running server. Throws as `ask` does. */
export function see(services: Services, server: RunningServer, path: string): Promise<unknown> {
  return call(services, server, { path })
}

async function call(services: Services, server: RunningServer, asked: ServerRequest): Promise<unknown> {
  if (!server.auth) return send(server, asked, undefined)
  const given = process.env.MILLRACE_TOKEN
  if (given !== undefined && given !== '') return send(server, asked, given)
  const { withOwnToken } = await import('../../server/index.ts')
  return withOwnToken(services, token => send(server, asked, token))
}

async function send(server: RunningServer, { path, body }: ServerRequest, token: string | undefined): Promise<unknown> {
  let answer: Response
  try {
    const sent = {
      method: body === undefined ? 'GET' : 'POST',
      signal: AbortSignal.timeout(30_000),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    }
    const { certificate } = server
    const url = `${server.url}${path}`
    answer =
      certificate === undefined
        ? await fetch(url, { ...sent, body: sent.body ?? null })
        : await (await import('./pinned.ts')).askPinned(url, certificate, sent)
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
