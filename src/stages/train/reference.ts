import type { InputColumn, ReferenceScores } from '../../ports/trainer.ts'

/** Rows with the scores that the trainer gave them, as JSON: a number that is none is null, infinities are texts. */
export interface WrittenReference {
  readonly kind: 'reference scores'
  readonly schema: 1
  readonly rows: number
  readonly inputs: readonly (readonly WrittenNumber[] | readonly string[])[]
  readonly scores: readonly WrittenNumber[]
}
type WrittenNumber = number | null | 'Infinity' | '-Infinity'

const written = (value: number): WrittenNumber =>
  Number.isNaN(value) ? null : Number.isFinite(value) ? value : value > 0 ? 'Infinity' : '-Infinity'
const read = (value: WrittenNumber): number => (value === null ? Number.NaN : Number(value))

const numbers = (values: Float32Array): WrittenNumber[] => Array.from(values, written)

export function writeReference(reference: ReferenceScores | undefined): WrittenReference | null {
  if (!reference) return null
  const { rows, inputs, scores } = reference
  return {
    kind: 'reference scores',
    schema: 1,
    rows,
    inputs: inputs.map(column => (column instanceof Float32Array ? numbers(column) : column)),
    scores: numbers(scores),
  }
}

/** `texts`: which inputs are texts. */
export function readReference(json: WrittenReference | null, texts: readonly boolean[]): ReferenceScores | undefined {
  if (json === null) return undefined
  return {
    rows: json.rows,
    inputs: json.inputs.map(
      (column, i): InputColumn =>
        texts[i] ? (column as readonly string[]) : Float32Array.from(column as readonly WrittenNumber[], read),
    ),
    scores: Float32Array.from(json.scores, read),
  }
}
