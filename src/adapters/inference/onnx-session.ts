import { fail } from '../../errors/catalogue.ts'
import { isMillraceError } from '../../errors/index.ts'
import { messageOf } from '../../internal/message-of.ts'
import {
  assumedBinding,
  checkBinding,
  type ModelBinding,
  readModel,
  signatureOf,
  tensorOutput,
} from '../../onnx/index.ts'
import type { InferenceBatch, InferenceResult, InferenceRuntime, LoadedModel } from '../../ports/inference-runtime.ts'
import { inPieces, tryRows } from './batches.ts'
import { checkBatch } from './check-batch.ts'
import { feedersOf, type TensorData } from './feeds.ts'
import { asRead, checkProbabilities, type ReadScores, scoreReader } from './read-scores.ts'

/** What we use of ONNX Runtime's two packages, which share their interface. */
export interface OnnxRuntimeModule {
  readonly InferenceSession: {
    create(model: Uint8Array, options: Record<string, unknown>): Promise<OnnxSession>
  }
  readonly Tensor: new (type: string, data: TensorData, dims: readonly number[]) => unknown
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
  return { name, load: (model, binding) => loadModel(name, module, model, binding) }
}

function reasonOf(error: unknown): string {
  return messageOf(error).split('\n')[0] ?? ''
}

async function loadModel(
  name: string,
  ort: OnnxRuntimeModule,
  bytes: Uint8Array,
  given: ModelBinding | undefined,
): Promise<LoadedModel> {
  const parsed = readModel(bytes)
  const signature = signatureOf(parsed)
  if (given) checkBinding(signature, given)
  const binding = given ?? assumedBinding(signature)
  const { feeders, wide, ...size } = feedersOf(signature, binding)
  const asked = tensorOutput(bytes, parsed, binding.scores.output)
  const failed = (error: unknown): Error =>
    isMillraceError(error)
      ? error
      : fail('inferenceFailed', { runtime: name, file: 'the model', reason: reasonOf(error) }, error)
  let session: OnnxSession
  try {
    session = await ort.InferenceSession.create(asked.bytes, options)
  } catch (error) {
    throw failed(error)
  }
  const wanted = [asked.output]
  const outputOf = async (batch: InferenceBatch): Promise<unknown> => {
    const feeds: Record<string, unknown> = {}
    for (const { input, type, dims, data } of feeders) {
      feeds[input] = new ort.Tensor(type, data(batch), dims(batch.rows))
    }
    return (await session.run(feeds, wanted, quietly))[asked.output]?.data
  }
  const fixed = signature.inputs[0]?.rows
  const score = async (batch: InferenceBatch, read: ReadScores): Promise<Float32Array> => {
    try {
      if (fixed === undefined || fixed === batch.rows) return read(await outputOf(batch), batch.rows)
      return await inPieces(batch, fixed, size, async piece => read(await outputOf(piece), fixed))
    } catch (error) {
      throw failed(error)
    }
  }
  try {
    // Runtimes find some faults only when they run, and declared widths of outputs are not always right.
    const first = tryRows(fixed ?? 1, size, 'zeros')
    const reading = given ? binding.scores : asRead(binding.scores, await outputOf(first), first.rows)
    const read = scoreReader(reading)
    await score(first, read)
    if (given && !signature.own) await checkProbabilities(binding, batch => score(batch, read), size)
    return {
      ...size,
      wide,
      outputs: reading.columns.length,
      async run(batch): Promise<InferenceResult> {
        checkBatch(batch, size.width, size.categoryWidth)
        return { scores: batch.rows === 0 ? new Float32Array(0) : await score(batch, read) }
      },
      close: () => session.release(),
    }
  } catch (error) {
    await session.release()
    throw failed(error)
  }
}
