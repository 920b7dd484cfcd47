import { fail } from '../errors/catalogue.ts'
import type { Clock } from '../ports/clock.ts'
import type { ProcessIdentity } from '../ports/executor.ts'
import type { MetadataStore, RunChange, StepRecord } from '../ports/metadata-store.ts'

type Change = Omit<RunChange, 'runId' | 'lease' | 'steps'>

const lazyMs = 50

/**
 * Gathers what happens in a run and writes it in as few transactions as durability allows: what is noted while one
 * transaction is on its way goes into the next. Every one of them is guarded by the run's lease.
 */
export class Journal {
  readonly #store: MetadataStore
  readonly #runId: string
  readonly #owner: ProcessIdentity
  readonly #clock: Clock
  readonly #leaseMs: number
  #steps = new Map<string, StepRecord>()
  #changes: Change[] = []
  #writing: Promise<void> = Promise.resolve()
  #queued: Promise<void> | undefined
  #timer: NodeJS.Timeout | undefined
  /** Why a lazy write failed; the next write that somebody waits for throws it. */
  #failed: unknown

  constructor(store: MetadataStore, runId: string, owner: ProcessIdentity, clock: Clock, leaseMs: number) {
    this.#store = store
    this.#runId = runId
    this.#owner = owner
    this.#clock = clock
    this.#leaseMs = leaseMs
  }

  /** To be written soon: for what is good to see and not bad to lose. */
  note(step: StepRecord, change: Change = {}): void {
    this.#steps.set(step.step, step)
    if (Object.keys(change).length > 0) this.#changes.push(change)
    this.#timer ??= setTimeout(() => {
      this.flush().catch((error: unknown) => {
        this.#failed = error
      })
    }, lazyMs)
  }

  /** Resolves when it, and everything noted before it, is on the disk. Throws `leaseLost`. */
  write(step: StepRecord, change: Change = {}): Promise<void> {
    this.#steps.set(step.step, step)
    this.#changes.push(change)
    return this.flush()
  }

  flush(end?: RunChange['end']): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#failed !== undefined) return Promise.reject(this.#failed as Error)
    if (end === undefined && this.#queued !== undefined) return this.#queued
    const queued = this.#writing
      .catch(() => undefined)
      .then(() => {
        this.#queued = undefined
        return this.#commit(end)
      })
    this.#queued = queued
    this.#writing = queued
    return queued
  }

  async #commit(end: RunChange['end']): Promise<void> {
    const steps = [...this.#steps.values()]
    const changes = this.#changes
    if (steps.length === 0 && changes.length === 0 && end === undefined) return
    this.#steps = new Map()
    this.#changes = []
    const kept = await this.#store.commitRun({
      runId: this.#runId,
      lease: { owner: this.#owner, until: this.#clock.now() + this.#leaseMs * 1000 },
      steps,
      cache: changes.flatMap(change => change.cache ?? []),
      edges: changes.flatMap(change => change.edges ?? []),
      decisions: changes.flatMap(change => change.decisions ?? []),
      reports: changes.flatMap(change => change.reports ?? []),
      remove: changes.flatMap(change => change.remove ?? []),
      ...(end === undefined ? {} : { end }),
    })
    if (!kept) throw fail('leaseLost', { run: this.#runId })
  }

  /** Stops lazy writes; what was only noted is given up. */
  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
  }
}
