import { Worker } from 'node:worker_threads'
import { isMillraceError } from '../../../errors/index.ts'
import { compiledModule } from '../../../internal/compiled.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { LoadedModel } from '../../../ports/inference-runtime.ts'
import { openNative } from '../onnx-native/open.ts'
import { openWasm } from '../onnx-wasm/open.ts'
import type { ChildRequest, Told } from './messages.ts'

// The process in which a challenger runs: it loads one model and runs what it is given, one after another.

const peak = (): number => process.resourceUsage().maxRSS * 1024
const tell = (told: Told): void => void process.send?.(told)
const failed = (error: unknown): Pick<Told & { failed: string }, 'failed'> & { known?: unknown } => ({
  failed: messageOf(error),
  ...(isMillraceError(error) ? { known: error.toJSON() } : {}),
})

async function load(asked: Extract<ChildRequest, { load: Uint8Array }>): Promise<LoadedModel> {
  const runtime = await openNative().catch(openWasm)
  const model = await runtime.load(asked.load, asked.binding)
  const { width, categoryWidth, outputs, wide } = model
  tell({ loaded: { width, categoryWidth, outputs, wide }, peak: peak() })
  return model
}

async function answer(model: LoadedModel, { id, ...batch }: Extract<ChildRequest, { id: number }>): Promise<void> {
  const began = performance.now()
  try {
    const { scores } = await model.run(batch)
    const took = performance.now() - began
    tell({ id, scores, took, peak: peak() })
  } catch (error) {
    tell({ id, ...failed(error) })
  }
}

let work: Promise<LoadedModel | undefined> = Promise.resolve(undefined)
process.on('message', (asked: ChildRequest) => {
  work = work.then(async model => {
    if ('load' in asked)
      return load(asked).catch(error => {
        tell(failed(error))
        return undefined
      })
    if (model) await answer(model, asked)
    return model
  })
})
process.on('disconnect', () => process.exit())
new Worker(compiledModule('./watchdog.ts', import.meta.url)).unref()
