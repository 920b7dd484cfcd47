import type { InferenceRuntime } from '../../../ports/inference-runtime.ts'
import { loadRuntime } from '../onnx-session.ts'

interface WasmEnvironment {
  readonly env?: { readonly wasm?: { numThreads?: number } }
}

/** ONNX Runtime compiled to WebAssembly: runs wherever Node does, nearly as fast for tabular models. */
export function openWasm(): Promise<InferenceRuntime> {
  return loadRuntime(
    'onnxruntime-web',
    () => import('onnxruntime-web'),
    module => {
      const wasm = (module as WasmEnvironment).env?.wasm
      // More threads would need workers, which keep a process alive.
      if (wasm) wasm.numThreads = 1
    },
  )
}
