import { parentPort } from 'node:worker_threads'
import { isMillraceError } from '../../../errors/index.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { LoadedModel } from '../../../ports/inference-runtime.ts'
import { openNative } from '../onnx-native/open.ts'
import { openWasm } from '../onnx-wasm/open.ts'
import type { WorkerRequest, Told } from './messages.ts'

// A thread that runs large batches: it loads one model and runs what it is given, one after another.

const tell = (told: Told, moved: readonly ArrayBufferLike[] = []): void =>
  parentPort?.postMessage(told, moved as ArrayBuffer[])

async function load(asked: Extract<WorkerRequest, { load: Uint8Array }>): Promise<LoadedModel> {
  const model = await (await openNative().catch(openWasm)).load(asked.load, asked.binding)
  const { width, categoryWidth, outputs, wide } = model
  tell({ loaded: { width, categoryWidth, outputs, wide } })
  return model
}

async function answer(model: LoadedModel, { id, batch }: Extract<WorkerRequest, { id: number }>): Promise<void> {
  // of its own: what the runtime gives may lie in memory of its own, which cannot be moved
  const scores = Float32Array.from((await model.run(batch)).scores)
  tell({ id, scores }, [scores.buffer])
}

let work: Promise<LoadedModel | undefined> = Promise.resolve(undefined)
parentPort?.on('message', (asked: WorkerRequest) => {
  const failed = (error: unknown): void =>
    tell({
      ...('id' in asked ? { id: asked.id } : {}),
      failed: messageOf(error),
      known: isMillraceError(error) ? error.toJSON() : undefined,
    })
  work = work.then(async model => {
    try {
      if ('load' in asked) return await load(asked)
      if (model) await answer(model, asked)
    } catch (error) {
      failed(error)
    }
    return model
  })
})
