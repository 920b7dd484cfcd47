import type { Score } from '../../math/metrics/row-loss.ts'
import type { InferenceBatch, LoadedModel } from '../../ports/inference-runtime.ts'
import type { FrameRows, CardInput } from '../../ports/trainer.ts'

export type { FrameRows }

/** A loaded model with the names and kinds of its inputs: what every test of it calls. */
export interface Subject {
  readonly loaded: LoadedModel
  readonly inputs: readonly CardInput[]
}

const block = 4096

/** Rows as the runtime takes them: numbers row-major, texts behind. `pick` chooses and orders the rows. */
export function batchOf(
  inputs: readonly CardInput[],
  columns: FrameRows['inputs'],
  pick: ArrayLike<number>,
): InferenceBatch {
  const numbers = inputs.flatMap((input, i) => (input.kind === 'number' ? [columns[i] as Float32Array] : []))
  const texts = inputs.flatMap((input, i) => (input.kind === 'text' ? [columns[i] as readonly string[]] : []))
  const features = new Float32Array(pick.length * numbers.length)
  for (let r = 0; r < pick.length; r++)
    for (let c = 0; c < numbers.length; c++)
      features[r * numbers.length + c] = (numbers[c] as Float32Array)[pick[r] as number] as number
  if (texts.length === 0) return { rows: pick.length, features }
  const categories: string[] = []
  for (let r = 0; r < pick.length; r++) for (const text of texts) categories.push(text[pick[r] as number] as string)
  return { rows: pick.length, features, categories }
}

/** Scores of all rows, in blocks: rows × outputs. */
export async function scoreRows(subject: Subject, columns: FrameRows['inputs'], rows: number): Promise<Float32Array> {
  const outputs = subject.loaded.outputs ?? 1
  const out = new Float32Array(rows * outputs)
  for (let from = 0; from < rows; from += block) {
    const pick = Int32Array.from({ length: Math.min(block, rows - from) }, (_, i) => from + i)
    out.set((await subject.loaded.run(batchOf(subject.inputs, columns, pick))).scores, from * outputs)
  }
  return out
}

/** Column number of an input among the numeric features; -1 for text. */
export function featureIndex(inputs: readonly CardInput[], name: string): number {
  const at = inputs.findIndex(input => input.name === name)
  return inputs[at]?.kind === 'number' ? inputs.slice(0, at).filter(input => input.kind === 'number').length : -1
}

/** A score in the classes of another version: one that the version does not know has no chance. */
export function inClassesOf(classes: readonly string[], own: readonly string[], score: Score): Score {
  if (typeof score === 'number' || classes === own) return score
  return classes.map(name => score[own.indexOf(name)] ?? 0)
}
