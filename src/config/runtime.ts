import type { InferenceRuntime } from '../ports/inference-runtime.ts'
import { adapters } from './resolve.ts'

/** Native ONNX Runtime where it is installed, else WebAssembly. */
export async function openRuntime(): Promise<InferenceRuntime> {
  try {
    return await (await adapters.inference.native()).openNative()
  } catch {
    return (await adapters.inference.wasm()).openWasm()
  }
}
