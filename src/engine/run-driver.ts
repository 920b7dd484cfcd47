import type { Json } from '../internal/canonical-json.ts'
import type { ArtifactRef, RunStatus, StepRecord } from '../ports/metadata-store.ts'
import { cacheKeyOf, keyPartsOf } from './cache-key.ts'
import { lostArtifact } from './failure.ts'
import { isArtifact, type Plan, type PlannedStep } from './graph.ts'
import type { Drive } from './options.ts'
import { allPresent } from './result.ts'
import { reuse, runStep, type ReadyStep } from './run-step.ts'
import type { RunResult } from './step.ts'

/** Takes one run from wherever it stands to its end. */
export class RunDriver {
  readonly #drive: Drive
  readonly #plan: Plan
  readonly #name: string
  /** Records of an earlier driver of this run, and of steps that are to run once more. */
  #before = new Map<string, StepRecord>()
  readonly #done = new Map<string, StepRecord>()
  /** Those that are ready, runnable or running. */
  readonly #begun = new Set<string>()
  /** Artifacts that were found damaged or gone, and are made again: each once. */
  readonly #remade = new Set<string>()
  readonly #dependents = new Map<string, string[]>()
  readonly #running = new Map<string, Promise<void>>()
  #ready: string[] = []
  #runnable: ReadyStep[] = []
  #broken: unknown
  #detached = false
  #letGo: () => void = () => undefined
  readonly #released = new Promise<void>(resolve => {
    this.#letGo = resolve
  })

  constructor(drive: Drive, name: string, plan: Plan) {
    this.#drive = drive
    this.#plan = plan
    this.#name = name
    for (const [step, { upstream }] of plan) {
      if (upstream.size === 0) this.#begin(step)
      for (const other of upstream) this.#dependents.set(other, [...(this.#dependents.get(other) ?? []), step])
    }
  }

  /** Stops driving without ending anything: processes go on, and whoever recovers the run takes their results up. */
  detach(): void {
    this.#detached = true
    this.#letGo()
  }

  /** `before`: the records that an earlier driver of this run left. */
  async drive(before: readonly StepRecord[]): Promise<RunResult> {
    this.#before = new Map(before.map(record => [record.step, record]))
    const limit = this.#drive.options.concurrency ?? 2
    for (;;) {
      while (this.#ready.length > 0 && !this.#detached) await this.#lookUp(this.#ready.splice(0))
      if (this.#broken !== undefined) break
      while (this.#runnable.length > 0 && this.#running.size < limit && !this.#detached) {
        const next = this.#runnable.shift()
        if (next !== undefined) this.#start(next)
      }
      if (this.#running.size === 0 || this.#detached) break
      await Promise.race([...this.#running.values(), this.#released])
    }
    if (this.#broken !== undefined) {
      await Promise.allSettled(this.#running.values())
      throw this.#broken
    }
    return this.#detached ? this.#result('running', undefined) : this.#end()
  }

  #begin(step: string): void {
    this.#begun.add(step)
    this.#ready.push(step)
  }

  #inputsOf({ definition }: PlannedStep): Record<string, ArtifactRef> {
    const inputs: Record<string, ArtifactRef> = {}
    for (const [role, { from }] of Object.entries(definition.inputs)) {
      const ref = isArtifact(from) ? from : this.#done.get(from.step)?.outputs?.[from.output]
      if (ref !== undefined) inputs[role] = ref
    }
    return inputs
  }

  /** One question to the cache for all steps that became ready together; what is not there becomes runnable. */
  async #lookUp(names: readonly string[]): Promise<void> {
    const { store, artifacts } = this.#drive.options
    const ready: ReadyStep[] = []
    for (const name of names) {
      const planned = this.#plan.get(name)
      if (planned === undefined) continue
      const inputs = this.#inputsOf(planned)
      const parts = keyPartsOf(planned.definition, inputs)
      const before = this.#before.get(name)
      const step: ReadyStep = { planned, inputs, parts, key: cacheKeyOf(parts), ...(before ? { before } : {}) }
      const finished = before?.status === 'succeeded' || before?.status === 'reused'
      if (finished && before.cacheKey === step.key && (await allPresent(before.outputs ?? {}, artifacts)))
        this.#finish(before)
      else ready.push(step)
    }
    const cachable = ready.filter(step => step.planned.definition.cache !== 'never')
    const found = cachable.length === 0 ? new Map() : await store.getCache(cachable.map(step => step.key))
    const present = await Promise.all(
      ready.map(async step => {
        const entry = found.get(step.key)
        return entry !== undefined &&
          step.planned.definition.cache !== 'never' &&
          (await allPresent(entry.outputs, artifacts))
          ? entry
          : undefined
      }),
    )
    ready.forEach((step, i) => {
      const entry = present[i]
      if (entry === undefined) this.#runnable.push(step)
      else this.#finish(reuse(this.#drive, step, entry))
    })
  }

  #start(step: ReadyStep): void {
    const { name } = step.planned.definition
    const work = runStep(this.#drive, step).then(
      record => {
        this.#running.delete(name)
        if (!this.#remake(record)) this.#finish(record)
      },
      (error: unknown) => {
        this.#running.delete(name)
        this.#broken ??= error
      },
    )
    this.#running.set(name, work)
  }

  /**
   * A step that failed because an artifact is damaged or gone runs once more, after the step of this run that makes the
   * artifact. False where none does, or where making it again did not help.
   */
  #remake(failed: StepRecord): boolean {
    const lost = lostArtifact(failed.error)
    if (failed.status !== 'failed' || lost === undefined || this.#drive.signal.aborted) return false
    const makers = [...this.#done.values()].filter(record =>
      Object.values(record.outputs ?? {}).some(output => output.digest === lost),
    )
    // Another step may have come upon it first: whoever makes it is then at work already
    if (makers.length === 0 ? !this.#isRemaking(lost) : this.#remade.has(lost)) return false
    this.#remade.add(lost)
    for (const maker of makers) this.#undo(maker)
    this.#undo(failed)
    for (const { step } of [...makers, failed]) if (this.#isNext(step)) this.#begin(step)
    return true
  }

  #isRemaking(lost: string): boolean {
    return [...this.#before.values()].some(
      ({ step, outputs }) =>
        this.#begun.has(step) && Object.values(outputs ?? {}).some(output => output.digest === lost),
    )
  }

  /** Takes a step back to where it has not begun, and those with it that wait for their turn because of it. */
  #undo(record: StepRecord): void {
    this.#before.set(record.step, record)
    this.#done.delete(record.step)
    this.#begun.delete(record.step)
    for (const next of this.#dependents.get(record.step) ?? []) {
      if (this.#running.has(next)) continue
      this.#begun.delete(next)
      this.#ready = this.#ready.filter(name => name !== next)
      this.#runnable = this.#runnable.filter(({ planned }) => planned.definition.name !== next)
    }
  }

  #isNext(name: string): boolean {
    if (this.#done.has(name) || this.#begun.has(name)) return false
    return [...(this.#plan.get(name)?.upstream ?? [])].every(other => this.#done.has(other))
  }

  #finish(record: StepRecord): void {
    this.#done.set(record.step, record)
    this.#begun.delete(record.step)
    this.#drive.emit({
      type: 'step',
      runId: this.#drive.runId,
      step: record.step,
      status: record.status,
      attempt: record.attempt,
      at: this.#drive.options.clock.now(),
      ...(record.reason === undefined ? {} : { reason: record.reason }),
    })
    const good = record.status === 'succeeded' || record.status === 'reused'
    for (const next of this.#dependents.get(record.step) ?? []) {
      if (this.#done.has(next)) continue
      if (!good) {
        this.#skip(next, record)
        continue
      }
      if (this.#isNext(next)) this.#begin(next)
    }
  }

  #skip(name: string, because: StepRecord): void {
    const cause = because.status === 'skipped' ? because.reason : `step ${because.step} ended as ${because.status}`
    const record: StepRecord = {
      runId: this.#drive.runId,
      step: name,
      status: this.#drive.signal.aborted ? 'cancelled' : 'skipped',
      attempt: 0,
      ...(cause === undefined ? {} : { reason: cause }),
    }
    this.#drive.journal.note(record)
    this.#finish(record)
  }

  async #end(): Promise<RunResult> {
    const { journal, signal, options, runId } = this.#drive
    const failed = [...this.#done.values()].find(record => record.status === 'failed')
    const status: RunStatus = signal.aborted ? 'cancelled' : failed === undefined ? 'succeeded' : 'failed'
    const error =
      status === 'failed' && failed !== undefined
        ? { step: failed.step, exit: failed.error?.['class'] === 'gate' ? 1 : 3, ...failed.error }
        : undefined
    const endedAt = options.clock.now()
    await journal.flush({ status, endedAt, ...(error === undefined ? {} : { error }) })
    const reason = error === undefined ? undefined : String(error['reason' as keyof typeof error])
    this.#drive.emit({
      type: 'run',
      runId,
      name: this.#name,
      status,
      at: endedAt,
      ...(reason === undefined ? {} : { reason }),
    })
    return this.#result(status, error)
  }

  #result(status: RunStatus, error: Readonly<Record<string, Json>> | undefined): RunResult {
    const steps = [...this.#plan.keys()].flatMap(name => this.#done.get(name) ?? [])
    return { runId: this.#drive.runId, status, steps, ...(error === undefined ? {} : { error }) }
  }
}
