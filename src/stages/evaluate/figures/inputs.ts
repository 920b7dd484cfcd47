import { permutationImportance } from '../../../math/explain/index.ts'
import type { SuiteContext } from '../context.ts'
import { mean, rowLosses } from '../../../math/metrics/row-loss.ts'
import { scoreRows, type FrameRows } from '../subject.ts'
import { frameRows } from '../context.ts'
import type { Dependence } from './shape.ts'

const maxPermuted = 1_000
const fewestPermuted = 50
/** Most values that are scored for it: of very wide models fewer rows are dealt out. */
const maxPermutedValues = 200_000_000
const dependenceRows = 150
const maxInputs = 6
const maxImportances = 20

/** Tests draw anew with every run; a picture of a version is the same whoever makes it. */
const pictureSeed = 1

/**
 * How much worse the loss of held-out rows gets when one input is dealt out anew among them, in the order of the inputs; none
 * below 0. Undefined of models with so many inputs that it would take too long.
 */
export async function lossWithout({ frame, judged, subject }: SuiteContext): Promise<number[] | undefined> {
  const most = Math.min(maxPermuted, Math.floor(maxPermutedValues / frame.inputs.length ** 2))
  if (most < fewestPermuted) return undefined
  const some = someRows(frame, most)
  const own = { ...judged, labels: some.labels }
  delete (own as { weights?: unknown }).weights
  const { mean: rises } = await permutationImportance(
    some.inputs,
    async inputs => mean(rowLosses({ ...own, scores: await scoreRows(subject, inputs, some.rows) })),
    { repeats: 1, seed: pictureSeed },
  )
  return rises.map(rise => (Number.isFinite(rise) ? Math.max(0, rise) : 0))
}

/** Shares that add up to 1; all 0 where there is nothing. */
export function sharesOf(values: readonly number[]): number[] {
  const total = values.reduce((a, b) => a + b, 0)
  return values.map(one => (total > 0 ? one / total : 0))
}

/** Shares by input, the largest first. */
export function ranked(names: readonly string[], shares: readonly number[]): { input: string; share: number }[] {
  return names
    .map((input, i) => ({ input, share: Number((shares[i] ?? 0).toPrecision(4)) }))
    .sort((a, b) => b.share - a.share)
    .slice(0, maxImportances)
}

function someRows(frame: FrameRows, most: number): FrameRows {
  if (frame.rows <= most) return frame
  return frameRows(
    frame,
    Int32Array.from({ length: most }, (_, i) => Math.floor((i * frame.rows) / most)),
  )
}

/** What the score is on average where an input has a value, all else as it is: for the inputs that matter most. */
export async function dependenceOf(
  { frame, judged, subject }: SuiteContext,
  inputs: readonly string[],
): Promise<Dependence[]> {
  const some = someRows(frame, dependenceRows)
  const made: Dependence[] = []
  for (const name of inputs.slice(0, maxInputs)) {
    const i = subject.inputs.findIndex(input => input.name === name)
    const column = frame.inputs[i]
    if (column === undefined) continue
    const values = valuesOf(column)
    const points: Dependence['points'][number][] = []
    for (const value of values) {
      const set =
        typeof value === 'number'
          ? new Float32Array(some.rows).fill(value)
          : Array.from({ length: some.rows }, () => value)
      const all = await scoreRows(
        subject,
        some.inputs.map((one, k) => (k === i ? set : one)),
        some.rows,
      )
      // Of several classes the first stands for them: each is drawn by its curves
      const scores = Float64Array.from({ length: some.rows }, (_, row) => all[row * judged.outputs] as number).sort()
      const at = (share: number): number => scores[Math.floor(share * (scores.length - 1))] as number
      points.push({ value, mean: mean(scores), lower: at(0.1), upper: at(0.9) })
    }
    if (points.every(one => Number.isFinite(one.mean)))
      made.push({ input: name, kind: column instanceof Float32Array ? 'number' : 'text', points })
  }
  return made
}

/** Twenty quantiles, each value where there are fewer; the ten most frequent texts. */
function valuesOf(column: FrameRows['inputs'][number]): (number | string)[] {
  if (column instanceof Float32Array) {
    const sorted = column.filter(Number.isFinite).sort()
    const distinct = [...new Set(sorted)]
    if (distinct.length <= 20) return distinct
    return [
      ...new Set(Array.from({ length: 20 }, (_, i) => sorted[Math.floor((i / 19) * (sorted.length - 1))] as number)),
    ]
  }
  const counts = new Map<string, number>()
  for (const value of column) counts.set(value, (counts.get(value) ?? 0) + 1)
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, 10)
    .map(([value]) => value)
}
