import type { ModelBinding } from '../../../onnx/index.ts'
import type { InferenceBatch } from '../../../ports/inference-runtime.ts'

/** What the process of a challenger is asked, and what it says. */
export type ChildRequest =
  | { readonly load: Uint8Array; readonly binding?: ModelBinding }
  | ({ readonly id: number } & InferenceBatch)

export interface Shape {
  readonly width: number
  readonly categoryWidth: number
  readonly outputs: number
  readonly wide: boolean
}

/** `peak`: the most bytes that the process has ever had in memory. */
export type Told =
  | { readonly loaded: Shape; readonly peak: number }
  | { readonly id: number; readonly scores: Float32Array; readonly took: number; readonly peak: number }
  /** `known`: a catalogued error as it is told. */
  | { readonly id?: number; readonly failed: string; readonly known?: unknown }
