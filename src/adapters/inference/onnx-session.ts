import { fail } from '../../errors/catalogue.ts'
import { type ModelSignature, readModel, signatureOf } from '../../onnx/index.ts'
import type { InferenceBatch, InferenceResult, InferenceRuntime, LoadedModel } from '../../ports/inference-runtime.ts'
import { checkBatch } from './check-batch.ts'
import { messageOf } from '../../internal/message-of.ts'

/** What we use of ONNX Runtime's two packages, which share their interface. */
export interface OnnxRuntimeModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options: Record<string, unknown>): Promise<OnnxSession>
  }
  readonly Tensor: {
    new (type: 'float32', data: Float32Array, dims: readonly number[]): unknown
    new (type: 'string', data: string[], dims: readonly number[]): unknown
  }
}

interface OnnxSession {
  run(
    feeds: Record<string, unknown>,
    outputs: readonly string[],
    options: Record<string, unknown>,
  ): Promise<Record<string, { readonly data: unknown }>>
  release(): Promise<void>
}

/** One thread: rows take microseconds, and its own pool costs more CPU than it saves. */
const options = {
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  graphOptimizationLevel: 'extended',
  logSeverityLevel: 4,
}

/** Failures are thrown; the runtime need not write them to the terminal as well. */
const quietly = { logSeverityLevel: 4 }

/**
 * Since 1.29 ONNX Runtime reports its use over the network and keeps a device id below the home folder, unless the
 * environment says no before the library is loaded. Versions read one name or the other.
 */
function refuseTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY = '1'
  process.env.ORT_TELEMETRY_DISABLED = '1'
}

/** Imports an ONNX Runtime package; throws `inferenceRuntimeMissing` when it is not installed or cannot start. */
export async function loadRuntime(
  name: string,
  load: () => Promise<unknown>,
  prepare: (module: OnnxRuntimeModule) => void = () => {},
): Promise<InferenceRuntime> {
  let module: OnnxRuntimeModule
  try {
    refuseTelemetry()
    const loaded = (await load()) as OnnxRuntimeModule & { readonly default?: OnnxRuntimeModule }
    module = loaded.InferenceSession ? loaded : (loaded.default ?? loaded)
    prepare(module)
  } catch (error) {
    throw fail('inferenceRuntimeMissing', { runtime: name, reason: reasonOf(error) }, error)
  }
  return { name, load: model => loadModel(name, module, model) }
}

function reasonOf(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? ''
}

async function loadModel(name: string, ort: OnnxRuntimeModule, bytes: Uint8Array): Promise<LoadedModel> {
  const signature = signatureOf(readModel(bytes))
  const { width, categoryWidth } = signature
  const failed = (error: unknown): Error =>
    fail('inferenceFailed', { runtime: name, file: 'the model', reason: reasonOf(error) }, error)
  let session: OnnxSession
  try {
    session = await ort.InferenceSession.create(bytes, options)
  } catch (error) {
    throw failed(error)
  }
  const ask = async (batch: InferenceBatch): Promise<Float32Array> => {
    try {
      const result = await session.run(feedsOf(ort, signature, batch), [signature.scores], quietly)
      return scoresOf(signature, result[signature.scores]?.data)
    } catch (error) {
      throw failed(error)
    }
  }
  // One row tells the number of outputs, and runtimes find some faults only when they run.
  let outputs: number
  try {
    const categories = Array.from({ length: categoryWidth }, () => '')
    outputs = (await ask({ rows: 1, features: new Float32Array(width), categories })).length
  } catch (error) {
    await session.release()
    throw error
  }
  return {
    width,
    categoryWidth,
    outputs,
    async run(batch): Promise<InferenceResult> {
      checkBatch(batch, width, categoryWidth)
      return { scores: batch.rows === 0 ? new Float32Array(0) : await ask(batch) }
    },
    close: () => session.release(),
  }
}

function feedsOf(ort: OnnxRuntimeModule, signature: ModelSignature, batch: InferenceBatch): Record<string, unknown> {
  const feeds: Record<string, unknown> = {}
  const { features, categories, width, categoryWidth } = signature
  if (features !== undefined) feeds[features] = new ort.Tensor('float32', batch.features, [batch.rows, width])
  if (categories !== undefined) {
    feeds[categories] = new ort.Tensor('string', [...(batch.categories ?? [])], [batch.rows, categoryWidth])
  }
  return feeds
}

function scoresOf(signature: ModelSignature, data: unknown): Float32Array {
  if (!(data instanceof Float32Array)) throw new TypeError(`output ${signature.scores} is not float32`)
  return signature.secondOfTwo ? data.filter((_, at) => at % 2 === 1) : data
}
