import type { ModelBinding } from '../../../onnx/index.ts'
import type { InferenceBatch } from '../../../ports/inference-runtime.ts'

/** What a thread is asked, and what it says. */
export type WorkerRequest =
  | { readonly load: Uint8Array; readonly binding: ModelBinding | undefined }
  | { readonly id: number; readonly batch: InferenceBatch }

export interface Shape {
  readonly width: number
  readonly categoryWidth: number
  readonly outputs: number
  readonly wide: boolean
}

export type Told =
  | { readonly loaded: Shape }
  | { readonly id: number; readonly scores: Float32Array }
  /** `known`: a catalogued error as it is told. */
  | { readonly id?: number; readonly failed: string; readonly known: unknown }
