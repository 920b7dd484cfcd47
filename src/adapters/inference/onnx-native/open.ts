import type { InferenceRuntime } from '../../../ports/inference-runtime.ts'
import { loadRuntime } from '../onnx-session.ts'

/** ONNX Runtime's native library, the fastest. Throws `inferenceRuntimeMissing` where it is not installed. */
export function openNative(): Promise<InferenceRuntime> {
  return loadRuntime('onnxruntime-node', () => import('onnxruntime-node'))
}
