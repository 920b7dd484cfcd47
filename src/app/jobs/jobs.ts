import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { fail, reviveError } from '../../errors/index.ts'
import { compiledModule } from '../../internal/compiled.ts'
import { ulid } from '../../internal/ids.ts'
import { messageOf } from '../../internal/message-of.ts'
import { isAlive, ownIdentity } from '../../internal/process-identity.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Executor, StepHandle } from '../../ports/executor.ts'
import { useCases, type AnswerOf, type InputOf, type UseCaseName } from '../use-cases.ts'
import type { UseCase } from '../use-case.ts'
import { jobFiles, progressFrom, type JobProgress, type JobRequest, type JobResult, type JobStatus } from './folder.ts'

/** A job as it stands. */
export interface JobView {
  readonly id: string
  readonly useCase: UseCaseName
  readonly input: unknown
  readonly actor: string
  readonly at: number
  readonly status: JobStatus
  /** When it ended, microseconds. */
  readonly endedAt: number | null
  readonly answer: unknown
  readonly error: unknown
}

export interface Job<Name extends UseCaseName> {
  readonly id: string
  /** The answer. Throws what the use case threw, and `jobLost` where its process ended without a result. */
  readonly answer: Promise<AnswerOf<Name>>
}

export interface StartOptions {
  /** Default: a new one. */
  readonly id?: string
  readonly actor: string
  /** Whether it waits for nothing that is under way (default: it waits for its line). */
  readonly now?: boolean
}

/** Use cases in processes of their own, so that answers never wait for them. */
export interface Jobs {
  start<Name extends UseCaseName>(useCase: Name, input: InputOf<Name>, options: StartOptions): Promise<Job<Name>>
  /** Throws `recordUnknown`. */
  get(id: string): Promise<JobView>
  /** Newest first. */
  list(limit: number): Promise<readonly JobView[]>
  /** Ends it, and what it started; what is over stays as it is. Throws `recordUnknown`. */
  cancel(id: string): Promise<JobView>
  /** What it tells from the beginning on, as it tells it, until it is over or `signal`. Throws `recordUnknown`. */
  follow(id: string, signal: AbortSignal): AsyncIterable<JobProgress>
  /** Ends what still runs; training runs among it are taken up by the next server. */
  close(): Promise<void>
}

export interface JobServices {
  readonly root: string
  readonly folder: string
  readonly processes: Executor
  readonly clock: Clock
}

const lookMs = 150
const idForm = /^[\w-]{1,80}$/
const script = fileURLToPath(compiledModule('./process.ts', import.meta.url))

export function openJobs({ root, folder, processes, clock }: JobServices): Jobs {
  const jobsFolder = join(folder, 'jobs')
  const lines = new Map<string, Promise<unknown>>()
  const waiting = new Set<string>()
  const running = new Map<string, StepHandle>()
  const cancelled = new Set<string>()
  let closed = false
  const folderOf = (id: string): string => join(jobsFolder, id)

  /** Where one stands that has no result. */
  const unendedStatus = async (request: JobRequest): Promise<JobStatus> => {
    if (waiting.has(request.id)) return 'queued'
    if (running.has(request.id)) return 'running'
    const identity = await jobFiles.process(folderOf(request.id))
    if (identity) return isAlive(identity) === false ? 'lost' : 'running'
    return isAlive(request.server) === false ? 'lost' : 'queued'
  }

  const view = async (id: string): Promise<JobView | undefined> => {
    if (!idForm.test(id)) return undefined
    const request = await jobFiles.request(folderOf(id))
    if (!request) return undefined
    // The status first: one that ends between the two looks is then read with its result
    const before = await unendedStatus(request)
    const result = await jobFiles.result(folderOf(id))
    const { useCase, input, actor, at } = request
    return {
      id,
      useCase,
      input,
      actor,
      at,
      status: result?.status ?? before,
      endedAt: result?.at ?? null,
      answer: result?.answer ?? null,
      error: result?.error ?? null,
    }
  }

  const get = async (id: string): Promise<JobView> => {
    const found = await view(id)
    if (!found) throw fail('recordUnknown', { kind: 'job', name: id.slice(0, 80), where: 'GET /v1/jobs' })
    return found
  }

  const perform = async (request: JobRequest): Promise<JobResult | string> => {
    const own = folderOf(request.id)
    if (cancelled.has(request.id) || closed) return { status: 'cancelled', at: clock.now() }
    const handle = await processes.start({
      runId: request.id,
      step: request.useCase,
      attempt: 1,
      cwd: root,
      folder: own,
      argv: [process.execPath, script, own],
      // The same program on the same project: it needs what this process has
      env: Object.fromEntries(
        Object.entries(process.env).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
      ),
    })
    running.set(request.id, handle)
    waiting.delete(request.id)
    // For the server after this one: what runs here is known here, also where the disk takes nothing
    await jobFiles.writeProcess(own, handle.identity).catch(() => undefined)
    const { exitCode, signal, stderrTail } = await handle.outcome
    const result = await jobFiles.result(own)
    if (result) return result
    if (cancelled.has(request.id)) return { status: 'cancelled', at: clock.now() }
    const last = stderrTail.trim().split('\n').at(-1) ?? ''
    return `${signal ? `it was ended by ${signal}` : `exit code ${exitCode}`}${last === '' ? '' : `: ${last.slice(-300)}`}`
  }

  /** Carries it to its result, which is then in its folder whatever it is. */
  const carry = async (request: JobRequest): Promise<unknown> => {
    try {
      const ended = await perform(request).catch(messageOf)
      const result: JobResult =
        typeof ended === 'string'
          ? {
              status: 'failed',
              at: clock.now(),
              error: fail('jobLost', { useCase: request.useCase, job: request.id, reason: ended }),
            }
          : ended
      // What ends with the server is taken up by the next one: it is lost, not failed
      if (!closed || result.status === 'done') await jobFiles.writeResult(folderOf(request.id), result)
      if (result.status === 'done') return result.answer
      throw result.status === 'cancelled'
        ? fail('jobCancelled', { useCase: request.useCase, job: request.id })
        : (reviveError(JSON.parse(JSON.stringify(result.error))) ??
            fail('unexpected', { reference: `job ${request.id}` }))
    } finally {
      // Not before its result is there: it would count as lost meanwhile
      running.delete(request.id)
      waiting.delete(request.id)
      cancelled.delete(request.id)
    }
  }

  return {
    get,
    async start(name, input, { id = ulid(), actor, now = false }) {
      const request: JobRequest = { id, useCase: name, input, actor, at: clock.now(), server: ownIdentity() }
      const own = folderOf(id)
      // A retrain that was cut off is begun again under the same name
      await rm(own, { recursive: true, force: true })
      await mkdir(own, { recursive: true, mode: 0o700 })
      await jobFiles.writeRequest(own, request)
      waiting.add(id)
      const { line } = useCases[name] as unknown as UseCase<typeof input, unknown>
      const key = line(input)
      const before = now ? Promise.resolve() : (lines.get(key) ?? Promise.resolve())
      const answer = before.catch(() => undefined).then(() => carry(request))
      if (!now) lines.set(key, answer)
      // Whoever only follows it hears of the failure from its result
      answer.catch(() => undefined)
      return { id, answer: answer as Promise<never> }
    },
    async list(limit) {
      const names = (await readdir(jobsFolder).catch(() => [])).filter(name => idForm.test(name))
      const found: JobView[] = []
      // They begin with the time at which they were given
      for (const name of names.toSorted((a, b) => (a < b ? 1 : -1))) {
        if (found.length === limit) break
        const one = await view(name)
        if (one) found.push(one)
      }
      return found
    },
    async cancel(id) {
      const found = await get(id)
      if (found.status !== 'queued' && found.status !== 'running') return found
      cancelled.add(id)
      const handle = running.get(id)
      if (handle) {
        handle.kill('SIGTERM')
        await handle.outcome
        while ((await get(id)).status === 'running') await sleep(lookMs)
      } else {
        // One that waits has none, one of a server that is gone may have
        const identity = await jobFiles.process(folderOf(id))
        if (identity) processes.kill(identity)
        await jobFiles.writeResult(folderOf(id), { status: 'cancelled', at: clock.now() })
      }
      return get(id)
    },
    async *follow(id, signal) {
      let next = 0
      for (;;) {
        const { status } = await get(id)
        const read = await progressFrom(folderOf(id), next)
        next = read.next
        yield* read.lines
        if (signal.aborted || (status !== 'queued' && status !== 'running' && read.lines.length === 0)) return
        if (read.lines.length === 0) await sleep(lookMs, undefined, { signal }).catch(() => undefined)
      }
    },
    async close() {
      closed = true
      const all = [...running.values()]
      for (const handle of all) handle.kill('SIGTERM')
      await Promise.all(all.map(handle => handle.outcome))
      await Promise.all([...lines.values()].map(line => line.catch(() => undefined)))
    },
  }
}
