import { Worker } from 'node:worker_threads'
import { fail, reviveError } from '../../../errors/index.ts'
import { compiledModule } from '../../../internal/compiled.ts'
import type { ModelBinding } from '../../../onnx/index.ts'
import type {
  InferenceBatch,
  InferenceResult,
  InferenceRuntime,
  LoadedModel,
} from '../../../ports/inference-runtime.ts'
import { checkBatch } from '../check-batch.ts'
import type { WorkerRequest, Shape, Told } from './messages.ts'

/** One model in one thread. */
class ModelInThread {
  readonly #worker = new Worker(compiledModule('./host.ts', import.meta.url), { execArgv: [] })
  readonly #waiting = new Map<number, { resolve(scores: Float32Array): void; reject(error: Error): void }>()
  #last = 0

  /** Runs that it has been given and has not ended. */
  get load(): number {
    return this.#waiting.size
  }

  begin(model: Uint8Array, binding: ModelBinding | undefined): Promise<Shape> {
    return new Promise((resolve, reject) => {
      const lost = (error: Error): void => {
        reject(error)
        for (const one of this.#waiting.values()) one.reject(error)
        this.#waiting.clear()
      }
      const failed = (reason: string, cause?: Error): Error =>
        fail('inferenceFailed', { runtime: 'a thread of its own', file: 'the model', reason }, cause)
      this.#worker.on('error', error => lost(failed(error.message, error)))
      this.#worker.once('exit', code => lost(failed(`it ended with ${code}`)))
      this.#worker.on('message', (told: Told) => {
        if ('loaded' in told) return resolve(told.loaded)
        if ('failed' in told) {
          const error = reviveError(told.known) ?? new Error(told.failed)
          if (told.id === undefined) return reject(error)
          this.#waiting.get(told.id)?.reject(error)
        } else this.#waiting.get(told.id)?.resolve(told.scores)
        this.#waiting.delete(told.id as number)
      })
      this.#worker.postMessage({ load: model, binding } satisfies WorkerRequest)
    })
  }

  run(batch: InferenceBatch): Promise<Float32Array> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, batch } satisfies WorkerRequest)
    })
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}

async function loadInThreads(
  count: number,
  model: Uint8Array,
  binding: ModelBinding | undefined,
): Promise<LoadedModel> {
  const threads = Array.from({ length: count }, () => new ModelInThread())
  const close = async (): Promise<void> => {
    await Promise.all(threads.map(thread => thread.end()))
  }
  try {
    const [shape] = (await Promise.all(threads.map(thread => thread.begin(model, binding)))) as [Shape]
    return {
      ...shape,
      close,
      async run(batch): Promise<InferenceResult> {
        checkBatch(batch, shape.width, shape.categoryWidth)
        const idlest = threads.reduce((least, one) => (one.load < least.load ? one : least))
        return { scores: await idlest.run(batch) }
      },
    }
  } catch (error) {
    await close()
    throw error
  }
}

/**
 * Large batches on several cores, a copy of the model in each of so many threads. Each has one core: a runtime that shares a
 * row's trees out among cores adds their values in another order, and the last bit of a score would depend on that.
 */
export function openThreads(count: number): InferenceRuntime {
  return {
    name: `onnxruntime in ${count} threads`,
    load: (model, binding) => loadInThreads(count, model, binding),
  }
}
