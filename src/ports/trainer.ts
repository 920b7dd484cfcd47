import type { ScaleKind } from '../define/model.ts'
import type { ScalarType } from '../define/expression/node.ts'
import type { OnnxTrainer, ProgramTrainer, Reproducible } from '../define/script-trainer.ts'
import type { OwnTrainer, Trainer } from '../define/trainer.ts'
import type { Task } from '../math/task.ts'
import type { ScalerParameters } from '../math/scaler/index.ts'
import type { ModelBinding } from '../onnx/index.ts'
import type { Column } from './data-engine.ts'

export { filesOfTrainer } from '../define/script-trainer.ts'
export { categoriesOf, isOwn } from '../define/trainer.ts'
export type { OnnxTrainer, OwnTrainer, ProgramTrainer, Reproducible, ScaleKind, Trainer }

/** One column of inputs: float32 with NaN for missing (booleans are 0 and 1), or text with '' for missing. */
export type InputColumn = Float32Array | readonly string[]

/** What tests part rows by, beside the inputs. */
export type SliceColumn = Uint8Array | InputColumn

/** Rows as a model sees them, column by column in the order of its inputs. */
export interface InputRows {
  readonly rows: number
  readonly inputs: readonly InputColumn[]
}

/** Rows of a training frame in memory, in the frame's order. */
export interface FrameRows extends InputRows {
  /** Event times in microseconds; absent where the dataset has none. */
  readonly at?: Float64Array
  /** 0 or 1, the number of the class, or the value. */
  readonly labels: Float32Array
  /** What each row counts; absent where all count 1. */
  readonly weights?: Float32Array
  /** What tests part the rows by: conditions as 0 and 1, values as inputs are. */
  readonly slices: ReadonlyMap<string, SliceColumn>
}

/** The training frame of a model: one Parquet file with both parts. */
export interface TrainingFrame {
  readonly path: string
  /** Reads one part; with `limit` at most so many rows, evenly spaced. */
  rows(part: 'train' | 'test', limit?: number): Promise<FrameRows>
  /**
   * Writes one part as Parquet for who reads no memory of ours: the inputs by their names and, of the training part, what its
   * rows are trained by (`millrace_label`, `millrace_class`, `millrace_weight`). Gives the names of the columns.
   */
  write(part: 'train' | 'test', path: string): Promise<readonly string[]>
  /** The columns of a Parquet, CSV or JSON lines file; which of them its name says, or that it was called by. */
  read(path: string, called?: string): Promise<ReadonlyMap<string, Column>>
}

/** What a trainer is asked for. Nothing else reaches it: it knows no project, no store and no other model. */
export interface TrainingRequest {
  readonly model: string
  readonly task: Task
  /** Names of the classes of `multiclass`, in the order of their numbers; empty for other tasks. */
  readonly classes: readonly string[]
  /** Of `quantile`: the share of the truths that is to stay below the answer. */
  readonly quantile?: number
  readonly inputs: readonly { readonly name: string; readonly type: ScalarType }[]
  /** One kind for all numbers, or the kind of each input by name. */
  readonly scale: ScaleKind | Readonly<Record<string, ScaleKind>>
  readonly trainer: Trainer
  /** From which probability on a binary prediction is positive. */
  readonly threshold: number
  readonly seed: number
  readonly frame: TrainingFrame
  readonly signal: AbortSignal
  /** A scratch folder of its own. */
  folder(): Promise<string>
  /** `fraction` 0 to 1. */
  progress(fraction: number, message?: string): void
  metric(key: string, value: number, step?: number): void
}

/** An input of a model, as everything after training sees it. */
export interface CardInput {
  readonly name: string
  readonly kind: 'number' | 'text'
  readonly categories?: readonly string[]
  /** Texts of the training rows that were too rare to be told apart, and how many rows had one. */
  readonly rare?: { readonly texts: number; readonly rows: number }
  /** Training rows without a text. */
  readonly missing?: number
}

/** What everything after training knows of a model besides its ONNX file. Plain JSON. */
export interface ModelCard {
  readonly kind: 'model card'
  readonly schema: 1
  readonly task: Task
  readonly classes: readonly string[]
  /** In the order of the definition; a text with the categories that the model tells apart, where that is known. */
  readonly inputs: readonly CardInput[]
  /** How its file is fed and read, where that is not as Millrace writes files itself. */
  readonly binding?: ModelBinding
  /** How alike another training on the same frame is. */
  readonly reproducible: Reproducible
  /** What trained it, in words that tell trainers apart: `gbt`, `linear`, `python`. */
  readonly trainer: string
  /** Share of each input in the decisions of the model, in the order of `inputs`; empty where the trainer does not tell. */
  readonly importance: readonly number[]
}

/** Rows that the trainer scored by its own arithmetic: rows × outputs, what the ONNX file is held to. */
export interface ReferenceScores extends InputRows {
  readonly scores: Float32Array
}

/** What training gives. */
export interface TrainingResult {
  readonly onnx: Uint8Array
  readonly card: ModelCard
  /** What it said while it trained. */
  readonly log?: string
  /** Absent where the trainer gives no scores of its own. */
  readonly reference?: ReferenceScores
  /** What the graph scales its inputs by, in the order of the inputs; absent where the trainer scales by itself. */
  readonly scaler?: ScalerParameters
}

/** Turns a training frame into an ONNX model: own trees and linear models, a script in any language, a container. */
export interface ModelTrainer {
  train(request: TrainingRequest): Promise<TrainingResult>
}
