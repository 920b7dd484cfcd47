import { fail } from '../errors/catalogue.ts'
import { ulid } from '../internal/ids.ts'
import { ownIdentity } from '../internal/process-identity.ts'
import type { RunRecord } from '../ports/metadata-store.ts'
import type { EngineEvent } from './events.ts'
import { planOf, type Plan } from './graph.ts'
import { holderOf } from './holders.ts'
import { Journal } from './journal.ts'
import type { Drive, EngineOptions } from './options.ts'
import { RunDriver } from './run-driver.ts'
import type { RunRequest, RunResult, StepDefinition } from './step.ts'

export interface RunHandle {
  readonly runId: string
  readonly done: Promise<RunResult>
}

interface Active {
  readonly driver: RunDriver
  readonly stop: AbortController
  readonly done: Promise<RunResult>
}

const cancelKind = 'run-cancel'

/** Runs graphs of steps. One engine drives any number of runs; several engines may share a store. */
export class Engine {
  readonly #options: EngineOptions
  readonly #active = new Map<string, Active>()
  readonly #owner = ownIdentity()
  #watch: NodeJS.Timeout | undefined
  #recovering: Promise<readonly RunHandle[]> | undefined

  constructor(options: EngineOptions) {
    this.#options = options
  }

  /** Starts a run. Throws `graphInvalid`, and what the executor lacks, before anything is written. */
  async start(request: RunRequest): Promise<RunHandle> {
    const runId = request.runId ?? ulid()
    const plan = planOf(request.steps, runId)
    if (request.steps.some(step => step.runsIn === 'process')) await this.#options.executor.check()
    const run: RunRecord = {
      id: runId,
      kind: 'pipeline',
      name: request.name,
      status: 'running',
      trigger: request.trigger ?? 'manual',
      startedAt: this.#options.clock.now(),
      environment: request.environment ?? {},
      parameters: request.parameters ?? {},
      lease: { owner: this.#owner, until: this.#leaseEnd() },
    }
    await this.#options.store.createRun(run)
    return this.#go(run, plan, false)
  }

  /** `start`, and wait for the end. A run that fails resolves too: look at its status. */
  async run(request: RunRequest): Promise<RunResult> {
    return (await this.start(request)).done
  }

  /**
   * Goes on with a run that failed, was cancelled, or whose process died, without repeating what is finished.
   * Throws `runUnknown`, `runHeld`, `runFinished` (it succeeded), `definitionGone`.
   */
  async resume(runId: string, steps?: readonly StepDefinition[]): Promise<RunHandle> {
    const { store, clock, executor } = this.#options
    const run = await store.getRun(runId)
    if (run === undefined || run.kind !== 'pipeline') throw fail('runUnknown', { run: runId })
    if (run.status === 'succeeded') throw fail('runFinished', { run: runId, status: run.status })
    const holder = holderOf(run, clock.now(), executor)
    const held = (owner: { pid: number; host: string }): Error => fail('runHeld', { run: runId, ...owner })
    if (this.#active.has(runId)) throw held(this.#owner)
    if (holder.state === 'held') throw held(holder.owner)
    const definitions = steps ?? (await this.#options.resolve?.(run))
    if (definitions === undefined) throw fail('definitionGone', { run: runId, name: run.name })
    const plan = planOf(definitions, runId)
    if (run.status !== 'running') await store.updateRun(runId, { status: 'running' })
    const dead = holder.state === 'dead' ? holder.owner : undefined
    if (!(await store.acquireRunLease(runId, this.#owner, this.#leaseEnd(), clock.now(), dead))) {
      const now = await store.getRun(runId)
      throw held(now?.lease?.owner ?? this.#owner)
    }
    return this.#go({ ...run, status: 'running' }, plan, true)
  }

  /**
   * Takes up every unfinished run whose process is gone. What another engine takes first is left to it; a run whose
   * definition is gone, or is another one now, is ended as failed, saying so.
   */
  async recover(): Promise<readonly RunHandle[]> {
    this.#recovering ??= this.#recoverOnce().finally(() => {
      this.#recovering = undefined
    })
    return this.#recovering
  }

  /** Unfinished runs whose process is gone. */
  async orphans(): Promise<readonly RunRecord[]> {
    const { store, clock, executor } = this.#options
    const open = await Promise.all(
      (['running', 'queued'] as const).map(status => store.listRuns({ kind: 'pipeline', status })),
    )
    return open.flat().filter(run => !this.#active.has(run.id) && holderOf(run, clock.now(), executor).state !== 'held')
  }

  async #recoverOnce(): Promise<readonly RunHandle[]> {
    const handles: RunHandle[] = []
    const errors: unknown[] = []
    for (const run of await this.orphans())
      try {
        handles.push(await this.resume(run.id))
      } catch (error) {
        const { code } = error as { code?: string }
        if (code === fail('definitionGone').code || code === fail('definitionChanged').code)
          await this.#giveUp(run, error as Error)
        else if (code !== fail('runHeld').code && code !== fail('runFinished').code) errors.push(error)
      }
    // One run that cannot be taken up does not keep the others from it.
    if (errors.length > 0 && handles.length === 0) throw errors[0]
    return handles
  }

  async #giveUp(run: RunRecord, error: Error): Promise<void> {
    const endedAt = this.#options.clock.now()
    await this.#options.store.updateRun(run.id, {
      status: 'failed',
      endedAt,
      error: { reason: error.message, exit: 2 },
    })
    this.#emit({ type: 'run', runId: run.id, name: run.name, status: 'failed', at: endedAt, reason: error.message })
  }

  /** Looks every second (or `everyMs`) for runs whose process died. `onError` hears what went wrong with looking. */
  watch(onError: (error: unknown) => void, everyMs = 1000): void {
    const look = (): void => {
      this.recover()
        .then(handles => {
          for (const { done } of handles) done.catch(onError)
        })
        .catch(onError)
        .finally(() => {
          if (this.#watch !== undefined) this.#watch = setTimeout(look, everyMs)
        })
    }
    this.#watch ??= setTimeout(look, 0)
  }

  /** Ends a run: its processes are killed, its other steps cancelled. Another process' run stops at its next heartbeat. */
  async cancel(runId: string): Promise<void> {
    const { store, clock, executor } = this.#options
    const active = this.#active.get(runId)
    if (active !== undefined) {
      active.stop.abort(new Error('the run was cancelled'))
      await active.done.catch(() => undefined)
      return
    }
    const run = await store.getRun(runId)
    if (run === undefined) throw fail('runUnknown', { run: runId })
    if (run.status !== 'running' && run.status !== 'queued')
      throw fail('runFinished', { run: runId, status: run.status })
    if (holderOf(run, clock.now(), executor).state === 'held') {
      await store.putDocument(cancelKind, runId, true, clock.now())
      return
    }
    for (const step of await store.listSteps(runId))
      if (step.status === 'running' && step.process !== undefined) executor.kill(step.process)
    await store.updateRun(runId, { status: 'cancelled', endedAt: clock.now() })
  }

  /** Runs that this engine drives now. */
  active(): readonly string[] {
    return [...this.#active.keys()]
  }

  /** Stops driving. Runs stay as they are; their processes go on, and the next engine takes them up. */
  async close(): Promise<void> {
    clearTimeout(this.#watch)
    this.#watch = undefined
    await this.#recovering?.catch(() => undefined)
    for (const { driver } of this.#active.values()) driver.detach()
  }

  #leaseEnd(): number {
    return this.#options.clock.now() + (this.#options.leaseMs ?? 30_000) * 1000
  }

  #emit(event: EngineEvent): void {
    this.#options.listener?.(event)
  }

  /** A run that a step of another one asked for: started, gone on with where it was begun, or awaited where another process drives it. */
  async #below(request: RunRequest, signal: AbortSignal): Promise<RunResult> {
    const { store, clock } = this.#options
    const known = request.runId === undefined ? undefined : await store.getRun(request.runId)
    if (known === undefined) return this.#until(await this.start(request), signal)
    try {
      return await this.#until(await this.resume(known.id, request.steps), signal)
    } catch (error) {
      if ((error as { code?: string }).code !== fail('runHeld').code) throw error
    }
    for (;;) {
      const run = await store.getRun(known.id)
      if (run && run.status !== 'running' && run.status !== 'queued')
        return {
          runId: run.id,
          status: run.status,
          steps: await store.listSteps(run.id),
          ...(run.error ? { error: run.error } : {}),
        }
      await clock.sleep(500, signal)
    }
  }

  /** Waits for a run's end, and ends it when the signal is aborted. */
  async #until({ runId, done }: RunHandle, signal: AbortSignal): Promise<RunResult> {
    const stop = (): void => void this.cancel(runId).catch(() => undefined)
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    try {
      return await done
    } finally {
      signal.removeEventListener('abort', stop)
    }
  }

  #go(run: RunRecord, plan: Plan, again: boolean): RunHandle {
    const { store, clock, leaseMs = 30_000 } = this.#options
    const stop = new AbortController()
    const journal = new Journal(store, run.id, this.#owner, clock, leaseMs)
    const emit = (event: EngineEvent): void => this.#emit(event)
    const drive: Drive = {
      options: this.#options,
      runId: run.id,
      owner: this.#owner,
      journal,
      signal: stop.signal,
      emit,
      runBelow: (request, signal) => this.#below(request, signal),
    }
    emit({ type: 'run', runId: run.id, name: run.name, status: 'running', at: clock.now() })
    const driver = new RunDriver(drive, run.name, plan)
    const { heartbeatMs = 5_000 } = this.#options
    let missed = 0
    const beat = setInterval(() => {
      this.#beat(run.id, stop).then(
        () => {
          missed = 0
        },
        (error: unknown) => {
          // A store that is busy for a moment costs nothing as long as the lease lasts.
          missed++
          if (missed * heartbeatMs >= leaseMs) stop.abort(error)
        },
      )
    }, heartbeatMs)
    const before = again ? store.listSteps(run.id) : Promise.resolve([])
    const done = before
      .then(records => driver.drive(records))
      .finally(() => {
        clearInterval(beat)
        journal.stop()
        this.#active.delete(run.id)
      })
    this.#active.set(run.id, { driver, stop, done })
    // Whoever waits hears of it; nobody has to wait.
    done.catch(() => undefined)
    return { runId: run.id, done }
  }

  async #beat(runId: string, stop: AbortController): Promise<void> {
    const { store, clock } = this.#options
    if (!(await store.acquireRunLease(runId, this.#owner, this.#leaseEnd(), clock.now())))
      stop.abort(fail('leaseLost', { run: runId }))
    if ((await store.getDocument(cancelKind, runId)) !== undefined) {
      await store.removeDocument(cancelKind, runId)
      stop.abort(new Error('the run was cancelled'))
    }
  }
}
