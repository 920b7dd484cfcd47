import type { LabelledScores } from '../../../math/metrics/catalogue.ts'
import { seeded, type SeededRandom } from '../../../math/random/seeded.ts'
import { deviation } from '../deviation.ts'
import { type FrameRows, type Subject, scoreRows } from '../subject.ts'

/** A value of an input: NaN and '' are missing ones, booleans are 0 and 1. */
export type Value = number | string

/** One row, and what some of its inputs are set to before and after. */
export interface Case {
  /** Values of all inputs, in their order. */
  readonly row: readonly Value[]
  readonly moved: readonly number[]
  readonly before: readonly Value[]
  readonly after: readonly Value[]
}

/** The row of a case as the model sees it. */
export function rowOf({ row, moved, ...one }: Case, side: 'before' | 'after'): Value[] {
  const values = [...row]
  moved.forEach((input, i) => {
    values[input] = one[side][i] as Value
  })
  return values
}

/** Scores rows as they come; counts how many. */
export class Scorer {
  readonly #subject: Subject
  /** 1 but for several classes, of which one may be meant. */
  readonly #outputs: number
  readonly #of: number | undefined
  scored = 0

  constructor(subject: Subject, outputs: number, of: number | undefined) {
    this.#subject = subject
    this.#outputs = outputs
    this.#of = of
  }

  /** One list of scores a row: that of the class that is meant, or all of them. */
  async score(rows: readonly (readonly Value[])[]): Promise<Float32Array[]> {
    this.scored += rows.length
    const columns = this.#subject.inputs.map((input, i) =>
      input.kind === 'text' ? rows.map(row => row[i] as string) : Float32Array.from(rows, row => row[i] as number),
    )
    const scores = await scoreRows(this.#subject, columns, rows.length)
    const [n, of] = [this.#outputs, this.#of]
    return rows.map((_, i) =>
      of === undefined ? scores.slice(i * n, (i + 1) * n) : scores.slice(i * n + of, i * n + of + 1),
    )
  }
}

/** What an input takes in training. */
export interface InputProfile {
  readonly kind: 'number' | 'text'
  /** Ascending numbers: quantiles, evenly spaced ones between the extremes, and both sides of the thresholds that the model asks for; or texts. */
  readonly values: readonly Value[]
  /** Of a number: quantiles alone, twenty-one of them. */
  readonly quantiles: readonly number[]
  readonly deviation: number
  readonly hasMissing: boolean
}

const evenly = 120
const maxTexts = 50

export function profileOf(
  column: FrameRows['inputs'][number],
  categories: readonly string[],
  thresholds: readonly number[],
): InputProfile {
  if (!(column instanceof Float32Array)) {
    const counts = new Map<string, number>(categories.map(one => [one, 0]))
    for (const value of column) counts.set(value, (counts.get(value) ?? 0) + 1)
    const hasMissing = (counts.get('') ?? 0) > 0
    counts.delete('')
    const values = [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value)
    return { kind: 'text', values: values.slice(0, maxTexts), quantiles: [], deviation: 0, hasMissing }
  }
  const sorted = column.filter(Number.isFinite).sort()
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  const [low, high] = [at(0), at(1)]
  const distinct = new Set(sorted)
  const values = new Set<number>()
  // Few values, such as those of a boolean or a count, are all there are
  if (distinct.size <= evenly) for (const value of distinct) values.add(value)
  else
    for (let i = 0; i <= evenly; i++) {
      values.add(at(i / evenly))
      values.add(Math.fround(low + ((high - low) * i) / evenly))
    }
  if (distinct.size > 2)
    for (const threshold of thresholds)
      if (threshold >= low && threshold < high) {
        values.add(Math.fround(threshold))
        values.add(next(Math.fround(threshold)))
      }
  const kind = 'number'
  return {
    kind,
    values: [...values].sort((a, b) => a - b),
    quantiles: Array.from({ length: 21 }, (_, i) => at(i / 20)),
    deviation: deviation(sorted),
    hasMissing: sorted.length < column.length && column.some(Number.isNaN),
  }
}

const bits = new Int32Array(1)
const float = new Float32Array(bits.buffer)

/** The next float32 above. */
export function next(value: number): number {
  if (value === 0) return 2 ** -149
  float[0] = value
  bits[0] = (bits[0] as number) + (value > 0 ? 1 : -1)
  return float[0] as number
}

/** What all properties of a suite are tried on. */
export interface Ground {
  readonly names: readonly string[]
  readonly profiles: readonly InputProfile[]
  /** Real rows that are moved. */
  readonly rows: readonly (readonly Value[])[]
  /** The most ordinary of them. */
  readonly ordinary: readonly Value[]
  /** The unit of scores: 1 for probabilities, the deviation of numbers. */
  readonly unit: number
  readonly random: SeededRandom
}

const maxRows = 500

export function groundOf(
  subject: Subject,
  frame: FrameRows,
  train: FrameRows | undefined,
  thresholds: readonly (readonly number[])[],
  judged: LabelledScores,
  seed: number,
): Ground {
  const profiles = subject.inputs.map((input, i) =>
    profileOf(
      (train ?? frame).inputs[i] as FrameRows['inputs'][number],
      input.kind === 'text' ? (input.categories ?? []) : [],
      thresholds[i] ?? [],
    ),
  )
  const random = seeded(seed)
  const count = Math.min(maxRows, frame.rows)
  const rows = Array.from({ length: count }, (_, i) => {
    // One of each of as many parts of the frame, which one the seed says
    const at = Math.min(frame.rows - 1, Math.floor(((i + random.next()) * frame.rows) / count))
    return frame.inputs.map(column => column[at] as Value)
  })
  const probabilities = judged.task === 'binary' || judged.task === 'multiclass'
  return {
    names: subject.inputs.map(input => input.name),
    profiles,
    rows,
    ordinary: ordinaryOf(rows, profiles),
    unit: probabilities ? 1 : Math.max(deviation(judged.scores), 2 ** -126),
    random,
  }
}

/** The row nearest to the middle of every number, with the most frequent texts where that says nothing. */
function ordinaryOf(rows: readonly (readonly Value[])[], profiles: readonly InputProfile[]): readonly Value[] {
  let [best, least]: [readonly Value[], number] = [rows[0] ?? [], Infinity]
  for (const row of rows) {
    let far = 0
    profiles.forEach((profile, i) => {
      const value = row[i] as Value
      if (profile.kind === 'text') far += value === profile.values[0] ? 0 : 0.5
      else if (Number.isNaN(value)) far += 3
      else far += Math.abs((value as number) - (profile.quantiles[10] as number)) / (profile.deviation || 1)
    })
    if (far < least) [best, least] = [row, far]
  }
  return best
}
