import type { Node, ScalarType } from '../../define/expression/node.ts'
import type { Task } from '../../math/task.ts'

/** A value that the caller gives for each row. */
export interface EdgeColumn {
  readonly name: string
  readonly type: ScalarType
  readonly nullable: boolean
  /** It is a feature of a view, which is computed where the history is: the caller must know it. */
  readonly feature: boolean
}

/** One input of the graph: which inputs of the model make a row of it, by their places among its numbers or its texts. */
export interface EdgeFeed {
  readonly input: string
  readonly type: string
  /** Dimensions behind the rows. */
  readonly dims: readonly number[]
  readonly of: readonly number[]
}

/** Everything of a model version that scoring a row needs besides its ONNX file; `model.json` of an exported folder. */
export interface EdgeDescription {
  readonly kind: 'edge model'
  readonly schema: 1
  readonly model: string
  readonly version: number
  readonly digest: string
  readonly task: Task
  readonly classes: readonly string[]
  readonly threshold: number
  readonly columns: readonly EdgeColumn[]
  readonly inputs: readonly { readonly name: string; readonly type: ScalarType; readonly node: Node }[]
  readonly feeds: readonly EdgeFeed[]
  /** Rows that the graph takes at once, where it says so. */
  readonly rows?: number
  readonly scores: {
    readonly output: string
    readonly label: boolean
    readonly width: number
    readonly columns: readonly (number | string)[]
  }
}
