/** A batch of model inputs, row-major. `features` is rows × width float32 with NaN for missing. */
export interface InferenceBatch {
  readonly rows: number
  readonly features: Float32Array
  /** rows × categories; empty string for missing. Absent when the model has no text inputs. */
  readonly categories?: readonly string[]
}

/**
 * `scores`: regression and binary one value a row (binary: probability of the positive class); multiclass rows × classes.
 */
export interface InferenceResult {
  readonly scores: Float32Array
}

export interface LoadedModel {
  /** Number of float32 features and of text categories a row. */
  readonly width: number
  readonly categoryWidth: number
  /** 1 for regression and binary, the number of classes for multiclass. */
  readonly outputs: number
  /** Throws `onnxMalformed`-family errors on wrong shapes, never returns non-finite scores silently: callers check. */
  run(batch: InferenceBatch): Promise<InferenceResult>
  close(): Promise<void>
}

/** Loads a verified ONNX model. Tried in the order native, WebAssembly, own evaluator. */
export interface InferenceRuntime {
  readonly name: string
  load(model: Uint8Array): Promise<LoadedModel>
}
