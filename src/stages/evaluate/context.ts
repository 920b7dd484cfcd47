import type { Node } from '../../define/expression/index.ts'
import type { LabelledScores } from '../../math/metrics/catalogue.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Counterexample } from './counterexamples.ts'
import type { ChampionScores } from './metric-tests.ts'
import type { FrameRows, Subject } from './subject.ts'

/** The training rows beside what the model makes of them. */
export interface TrainingSide {
  readonly frame: FrameRows
  /** Scored when first asked for. */
  judged(): Promise<LabelledScores>
}

/** What every test of a suite looks at. */
export interface SuiteContext {
  /** `lateness@3`, or the model's name before it has a version. */
  readonly name: string
  readonly subject: Subject
  /** The test rows. */
  readonly frame: FrameRows
  readonly judged: LabelledScores
  /** Absent where a version's training rows are gone. */
  readonly train: TrainingSide | undefined
  /** Names of the classes of `multiclass`. */
  readonly classes: readonly string[]
  readonly champion: ChampionScores | undefined
  /** How the label and the inputs are made of columns; absent where that is not known. */
  readonly label: Node | undefined
  readonly nodes: readonly (Node | undefined)[]
  /** The ONNX file, and its size. */
  readonly onnx: Uint8Array | undefined
  readonly bytes: number
  /** What broke properties of earlier versions. */
  readonly kept: readonly Counterexample[]
  readonly seed: number
  readonly clock: Clock
}

/** Rows of a frame, in the order of a choice. */
export function frameRows(frame: FrameRows, pick: ArrayLike<number>): FrameRows {
  const take = (values: Float32Array): Float32Array =>
    Float32Array.from({ length: pick.length }, (_, i) => values[pick[i] as number] as number)
  const words = (values: readonly string[]): string[] =>
    Array.from({ length: pick.length }, (_, i) => values[pick[i] as number] as string)
  const { at, weights } = frame
  return {
    ...frame,
    rows: pick.length,
    ...(at ? { at: Float64Array.from({ length: pick.length }, (_, i) => at[pick[i] as number] as number) } : {}),
    labels: take(frame.labels),
    ...(weights ? { weights: take(weights) } : {}),
    inputs: frame.inputs.map(column => (column instanceof Float32Array ? take(column) : words(column))),
    slices: new Map(
      [...frame.slices].map(([name, column]) => [
        name,
        column instanceof Uint8Array
          ? Uint8Array.from({ length: pick.length }, (_, i) => column[pick[i] as number] as number)
          : column instanceof Float32Array
            ? take(column)
            : words(column),
      ]),
    ),
  }
}
