import { stepNode } from '../../engine/index.ts'
import { isMillraceError } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { messageOf } from '../../internal/message-of.ts'
import { ownIdentity } from '../../internal/process-identity.ts'
import type { ArtifactRef, StepRecord } from '../../ports/metadata-store.ts'
import type { StageServices } from '../services.ts'
import type { ScoreManifest, ScoreTask } from './manifest.ts'

const step = 'score'
/** How long others take the run for driven after its process was heard of last. */
const leaseMicros = 300_000_000

/** A file of scores as it stands in the record. */
export interface ScoredFile {
  readonly name: string
  readonly digest: ArtifactRef['digest']
  readonly size: number
  readonly rows: number
}

/** The run that stands for the scoring of files, from its first process to its last. */
export class ScoreRun {
  readonly #services: Pick<StageServices, 'store' | 'clock'>
  readonly #id: string

  constructor(services: Pick<StageServices, 'store' | 'clock'>, { run }: Pick<ScoreManifest, 'run'>) {
    this.#services = services
    this.#id = run
  }

  #lease() {
    return { owner: ownIdentity(), until: this.#services.clock.now() + leaseMicros }
  }

  /** Begins it, or takes it up where a process before this one was cut off. */
  async begin(task: ScoreTask, trigger: string): Promise<void> {
    const { store, clock } = this.#services
    const now = clock.now()
    const known = await store.getRun(this.#id)
    if (known) await store.updateRun(this.#id, { status: 'running', lease: this.#lease() })
    else
      await store.createRun({
        id: this.#id,
        kind: 'score',
        name: `score-${task.model}`,
        status: 'running',
        trigger,
        startedAt: now,
        environment: {},
        parameters: task as unknown as Record<string, Json>,
        lease: this.#lease(),
      })
    const [before] = await store.listSteps(this.#id)
    const attempt = (before?.attempt ?? 0) + 1
    await this.#put({ status: 'running', attempt, startedAt: before?.startedAt ?? now })
  }

  async #put(record: Omit<StepRecord, 'runId' | 'step'>): Promise<void> {
    await this.#services.store.putStep({ runId: this.#id, step, ...record })
  }

  /** Says that it goes on. */
  async goesOn(): Promise<void> {
    await this.#services.store.updateRun(this.#id, { lease: this.#lease() })
  }

  async #ended(status: 'succeeded' | 'failed', more: Pick<StepRecord, 'outputs' | 'error' | 'reason'>): Promise<void> {
    const { store, clock } = this.#services
    const endedAt = clock.now()
    const [before] = await store.listSteps(this.#id)
    await this.#put({
      status,
      attempt: before?.attempt ?? 1,
      startedAt: before?.startedAt ?? endedAt,
      endedAt,
      ...more,
    })
    await store.updateRun(this.#id, { status, endedAt, ...(more.error ? { error: more.error } : {}) })
  }

  /** Its files, and what they were made from, for `lineage`. */
  async succeeded(task: ScoreTask, files: readonly ScoredFile[]): Promise<void> {
    const node = stepNode(this.#id, step)
    await this.#services.store.addEdges([
      { from: `model:${task.model}@${task.version}`, to: node, relation: 'input:model' },
      ...task.inputs.map(({ file, digest }) => ({ from: digest, to: node, relation: `input:${file}` })),
      ...files.map(({ name, digest }) => ({ from: node, to: digest, relation: `output:${name}` })),
    ])
    const outputs = files.map(({ name, digest, size, rows }) => [name, { type: 'file', digest, size, meta: { rows } }])
    const rows = files.reduce((sum, file) => sum + file.rows, 0)
    await this.#ended('succeeded', {
      outputs: Object.fromEntries(outputs) as NonNullable<StepRecord['outputs']>,
      reason: `${rows} rows`,
    })
  }

  /** What it failed with; a store that takes nothing more leaves it as one whose process is gone. */
  async failed(error: unknown): Promise<void> {
    const code = isMillraceError(error) ? { code: error.code } : {}
    await this.#ended('failed', { error: { ...code, reason: messageOf(error) } }).catch(() => undefined)
  }
}
