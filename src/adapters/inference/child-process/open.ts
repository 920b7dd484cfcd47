import { type ChildProcess, fork } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fail, reviveError } from '../../../errors/index.ts'
import { compiledModule } from '../../../internal/compiled.ts'
import type { ModelBinding } from '../../../onnx/index.ts'
import {
  type InferenceBatch,
  type InferenceResult,
  type InferenceRuntime,
  type LoadedModel,
  RunLost,
} from '../../../ports/inference-runtime.ts'
import { checkBatch } from '../check-batch.ts'
import type { ChildRequest, Shape, Told } from './messages.ts'

const loadMs = 60_000
const lookMs = 100
const pageBytes = 4_096

/** One that ran, and who waits for it. */
interface WaitingBatch {
  readonly resolve: (result: InferenceResult) => void
  readonly reject: (error: Error) => void
}

/** Bytes that a process has in memory; undefined where nobody can be asked. */
function bytesOf(pid: number | undefined): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageBytes
  } catch {
    return undefined
  }
}

/** One model in a process of its own, which is begun anew when it has to be ended. */
class ModelInChildProcess implements LoadedModel {
  readonly inChildProcess = true
  readonly #model: Uint8Array
  readonly #binding: ModelBinding | undefined
  #shape: Shape = { width: 0, categoryWidth: 0, outputs: 0, wide: false }
  #child: ChildProcess | undefined
  #ready = false
  #idleBytes = 0
  #idlePeak = 0
  #maxBytes = Number.POSITIVE_INFINITY
  /** In the order in which they are run: the first is the one that is being run. */
  readonly #waiting = new Map<number, WaitingBatch>()
  #last = 0
  #looking: NodeJS.Timeout | undefined
  #closed = false
  /** Why it cannot be begun any more. */
  #broken: Error | undefined

  private constructor(model: Uint8Array, binding: ModelBinding | undefined) {
    this.#model = model
    this.#binding = binding
  }

  static async load(model: Uint8Array, binding: ModelBinding | undefined): Promise<LoadedModel> {
    const made = new ModelInChildProcess(model, binding)
    try {
      await made.#begin()
    } catch (error) {
      await made.close()
      throw error
    }
    return made
  }

  get width(): number {
    return this.#shape.width
  }
  get categoryWidth(): number {
    return this.#shape.categoryWidth
  }
  get outputs(): number {
    return this.#shape.outputs
  }
  get wide(): boolean {
    return this.#shape.wide
  }

  limit(bytes: number): void {
    this.#maxBytes = bytes
  }

  #begin(): Promise<void> {
    const child = fork(fileURLToPath(compiledModule('./host.ts', import.meta.url)), [], {
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
      execArgv: [],
    })
    this.#child = child
    this.#ready = false
    return new Promise((resolve, reject) => {
      const refuse = (reason: string): void => {
        child.kill('SIGKILL')
        reject(fail('inferenceFailed', { runtime: 'a process of its own', file: 'the model', reason }))
      }
      const late = setTimeout(() => refuse(`it was not loaded within ${loadMs / 1000} s`), loadMs)
      child.on('message', (told: Told) => {
        if ('loaded' in told) {
          clearTimeout(late)
          this.#shape = told.loaded
          this.#idlePeak = told.peak
          this.#idleBytes = bytesOf(child.pid) ?? told.peak
          this.#ready = true
          this.#looking ??= setInterval(() => this.#look(), lookMs).unref()
          resolve()
        } else if (told.id === undefined) {
          clearTimeout(late)
          const { failed, known } = told as Extract<Told, { failed: string }>
          child.kill('SIGKILL')
          reject(reviveError(known) ?? new Error(failed))
        } else if ('scores' in told && told.peak - this.#idlePeak > this.#maxBytes)
          this.#lost(new RunLost('memory', told.peak - this.#idlePeak))
        else this.#settle(told)
      })
      child.once('error', error => refuse(error.message))
      child.once('exit', (code, signal) => {
        clearTimeout(late)
        if (this.#child !== child) return
        const begun = this.#ready
        refuse(`its process ended with ${signal ?? `code ${code}`}`)
        if (begun) this.#lost(new Error(`its process ended with ${signal ?? `code ${code}`}`))
      })
      child.send({ load: this.#model, ...(this.#binding ? { binding: this.#binding } : {}) } satisfies ChildRequest)
    })
  }

  #settle(told: Exclude<Told, { loaded: Shape }>): void {
    const waiting = this.#waiting.get(told.id as number)
    this.#waiting.delete(told.id as number)
    if ('scores' in told) waiting?.resolve({ scores: told.scores, took: told.took })
    else waiting?.reject(reviveError(told.known) ?? new Error(told.failed))
  }

  /** A run that takes more than it may is ended, wherever it is; one that is over by then has told its peak. */
  #look(): void {
    const bytes = (this.#ready ? bytesOf(this.#child?.pid) : undefined) ?? 0
    const more = bytes - this.#idleBytes
    if (more > this.#maxBytes) this.#lost(new RunLost('memory', more))
  }

  /** The process is gone or has to go: `cause` is what it was at. It begins anew unless it is closed. */
  #lost(cause: Error): void {
    const child = this.#child
    this.#child = undefined
    this.#ready = false
    child?.kill('SIGKILL')
    const [first, ...others] = this.#waiting.values()
    this.#waiting.clear()
    first?.reject(cause)
    for (const one of others) one.reject(new RunLost('gone'))
    if (!this.#closed)
      void this.#begin().catch((error: Error) => {
        this.#broken = error
      })
  }

  restart(): void {
    if (this.#ready) this.#lost(new RunLost('gone'))
  }

  async run(batch: InferenceBatch): Promise<InferenceResult> {
    checkBatch(batch, this.width, this.categoryWidth)
    const child = this.#child
    if (this.#broken) throw this.#broken
    if (!this.#ready || !child) throw new RunLost('gone')
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      child.send({ id, ...batch } satisfies ChildRequest, error => {
        if (error && this.#waiting.delete(id)) reject(new RunLost('gone'))
      })
    })
  }

  close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#looking)
    this.#lost(new RunLost('gone'))
    return Promise.resolve()
  }
}

/** Runs each model in a process of its own, on ONNX Runtime: what one does there, nobody else feels. */
export function openChildProcesses(): InferenceRuntime {
  return { name: 'onnxruntime in a child process', load: (model, binding) => ModelInChildProcess.load(model, binding) }
}
