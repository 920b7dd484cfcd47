import { digestBytes } from '../../src/internal/digest.ts'
import type { InferenceBatch, InferenceResult, InferenceRuntime } from '../../src/ports/inference-runtime.ts'

/** What becomes of a run; `answer` gives what the model really says. */
export type Fault = (answer: () => Promise<InferenceResult>, batch: InferenceBatch) => Promise<InferenceResult>

export interface FaultyRuntime {
  readonly runtime: () => Promise<InferenceRuntime>
  /** Faults by the digest of the ONNX file; models without one answer as they are. */
  readonly faults: Map<string, Fault>
  /** Digests of the models that are loaded and not closed. */
  readonly open: string[]
}

/** The real runtime, with faults that a test puts in: what a broken or slow model does to those who serve it. */
export function faultyRuntime(real: () => Promise<InferenceRuntime>): FaultyRuntime {
  const faults = new Map<string, Fault>()
  const open: string[] = []
  return {
    faults,
    open,
    async runtime() {
      const runtime = await real()
      return {
        name: runtime.name,
        async load(bytes, binding) {
          const loaded = await runtime.load(bytes, binding)
          const digest = digestBytes(bytes)
          open.push(digest)
          return {
            width: loaded.width,
            categoryWidth: loaded.categoryWidth,
            outputs: loaded.outputs,
            wide: loaded.wide,
            run: batch => {
              const fault = faults.get(digest)
              return fault ? fault(() => loaded.run(batch), batch) : loaded.run(batch)
            },
            async close() {
              open.splice(open.indexOf(digest), 1)
              await loaded.close()
            },
          }
        },
      }
    },
  }
}
