import type { ModelBinding } from '../onnx/index.ts'

/**
 * A batch of model inputs, row-major, each part in the order of the model's inputs. `features` is rows × width with NaN for
 * missing and 0 and 1 for truth values: float32, or float64 for models that are `wide`.
 */
export interface InferenceBatch {
  readonly rows: number
  readonly features: Float32Array | Float64Array
  /** rows × categories; empty string for missing. Absent when the model has no text inputs. */
  readonly categories?: readonly string[]
}

/**
 * `scores`: regression and binary one value a row (binary: probability of the positive class); multiclass rows × classes.
 */
export interface InferenceResult {
  readonly scores: Float32Array
  /** Milliseconds of the run alone, where whoever asked cannot measure that: queues and messages count for nothing. */
  readonly took?: number
}

/** Why a run in a process of its own gives no answer that would be the model's: rejects `run`. */
export class RunLost extends Error {
  /** `memory`: that run took too much; `gone`: the process ended, of which another run is the cause or nobody knows one. */
  override readonly cause: 'memory' | 'gone'
  readonly bytes: number

  constructor(cause: 'memory' | 'gone', bytes = 0) {
    super(cause === 'memory' ? `it took ${bytes} bytes` : 'its process has ended')
    this.name = 'RunLost'
    this.cause = cause
    this.bytes = bytes
  }
}

export interface LoadedModel {
  /** Numbers and texts a row. */
  readonly width: number
  readonly categoryWidth: number
  /** 1 for regression and binary, the number of classes for multiclass. */
  readonly outputs: number
  /** It takes numbers that float32 does not hold: give it float64. float32 is taken too, as it was rounded. */
  readonly wide: boolean
  /** It runs in a process of its own: one that hangs, fails or takes too much memory takes nothing else with it. */
  readonly inChildProcess?: boolean
  /** Of one in a process of its own: ends whatever it is at and begins anew. */
  restart?(): void
  /** The same: bytes that it may take beyond what it takes now. A run that takes more is lost. */
  limit?(bytes: number): void
  /**
   * Throws `inferenceInputMismatch` for a batch of the wrong size, `inferenceValueUnfit` for a value that an input of the
   * graph cannot hold, such as a missing integer. Never returns non-finite scores silently: callers check.
   */
  run(batch: InferenceBatch): Promise<InferenceResult>
  close(): Promise<void>
}

/** Loads a verified ONNX model. Tried in the order native, WebAssembly, own evaluator. */
export interface InferenceRuntime {
  readonly name: string
  /**
   * Without a binding the graph's inputs are the row in their order (`assumedBinding`). Throws `onnxNotServable` where graph
   * and binding do not fit, `inferenceFailed` for what the runtime refuses.
   */
  load(model: Uint8Array, binding?: ModelBinding): Promise<LoadedModel>
}
