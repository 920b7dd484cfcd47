import { isMillraceError } from '../../errors/index.ts'
import { type ModelBinding, readModel, withColumns } from '../../onnx/index.ts'
import type { InferenceRuntime, LoadedModel } from '../../ports/inference-runtime.ts'

/**
 * What a graph makes of its inputs on the way, as a model that gives `width` columns: those of `values`, one value behind the other.
 * Undefined where the runtime does not give them.
 */
export async function openColumns(
  runtime: InferenceRuntime,
  onnx: Uint8Array,
  binding: ModelBinding,
  values: readonly string[],
  width: number,
): Promise<LoadedModel | undefined> {
  const { bytes, output } = withColumns(onnx, readModel(onnx), values)
  const columns = Array.from({ length: width }, (_, at) => at)
  try {
    return await runtime.load(bytes, {
      ...binding,
      task: 'regression',
      scores: { output, form: 'tensor', width, columns },
    })
  } catch (error) {
    if (isMillraceError(error)) return undefined
    throw error
  }
}
