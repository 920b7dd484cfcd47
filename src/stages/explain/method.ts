import type { Task } from '../../math/task.ts'
import type { InferenceBatch, InferenceRuntime, LoadedModel } from '../../ports/inference-runtime.ts'
import type { InputRows, ModelCard } from '../../ports/trainer.ts'
import { batchOf } from '../evaluate/subject.ts'
import type { ExplanationBasis } from './basis.ts'

/** How contributions are computed. All but the last are exact. */
export const explanationMethods = {
  'tree-paths': 'TreeSHAP: an input that is not known sends a row both ways, in the proportion of the training rows',
  'trees-and-background': 'interventional TreeSHAP: an input that is not known has the values of the background rows',
  linear: 'what each input adds, against what it adds to the background rows on average',
  'all-subsets': 'Shapley values over all subsets of the inputs, against the background rows',
  'sampled-orders':
    'Shapley values over random orders of the inputs, against the background rows, with their standard errors',
} as const

export type ExplanationMethod = keyof typeof explanationMethods

/** What the explained number is: the score itself, or what the model makes it of. */
export type AnswerUnit =
  | 'score'
  | 'log odds'
  | 'log odds before calibration'
  | 'log odds before softmax'
  | 'log of the count'

/** Contributions by output, in the order of the inputs. */
export interface Contributions {
  readonly expected: readonly number[]
  readonly values: readonly ArrayLike<number>[]
  readonly errors?: readonly ArrayLike<number>[]
}

/** One way to explain the rows of a model. */
export interface Method {
  readonly method: ExplanationMethod
  readonly unit: AnswerUnit
  /** Background rows that it compares with. */
  readonly background: number
  explain(row: InputRows, pause: () => Promise<void>): Promise<Contributions>
  close(): Promise<void>
}

export interface Explainable {
  readonly task: Task
  readonly loaded: LoadedModel
  readonly card: ModelCard
  readonly onnx: Uint8Array
  readonly basis: ExplanationBasis
  readonly runtime: () => Promise<InferenceRuntime>
}

/** The background rows with the model's scores of them. */
export type Background = InputRows & { readonly scores: Float32Array }

/** Numbers and texts of rows as the runtime takes them. */
export const wholeBatch = (card: ModelCard, { rows, inputs }: InputRows): InferenceBatch =>
  batchOf(
    card.inputs,
    inputs,
    Int32Array.from({ length: rows }, (_, at) => at),
  )
