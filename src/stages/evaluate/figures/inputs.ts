import { permutationImportance } from '../../../math/explain/index.ts'
import type { SuiteContext } from '../context.ts'
import { mean, rowLosses } from '../../../math/metrics/row-loss.ts'
import { scoreRows, type FrameRows } from '../subject.ts'
import { frameRows } from '../context.ts'
import type { Dependence } from './shape.ts'

const maxPermuted = 1_000
const fewestPermuted = 200
/** Most values that are scored for it: of wide models fewer rows are dealt out, of very wide ones fewer inputs. */
const maxPermutedValues = 200_000_000
const dependenceRows = 150
const maxInputs = 6
const maxImportances = 20

/** Tests draw anew with every run; a picture of a version is the same whoever makes it. */
const pictureSeed = 1

/** By how much the loss rises without an input, by input; 0 of those that were not dealt out. */
export interface LossWithout {
  readonly rises: readonly number[]
  /** Inputs that were dealt out. */
  readonly dealt: number
}

/**
 * How much worse the loss of held-out rows gets when one input is dealt out anew among them, in the order of the inputs; none
 * below 0. Of a model with thousands of inputs those are dealt out that count most by `importance`, or where nobody told it,
 * whose values go most with the scores: each costs a scoring of all inputs.
 */
export async function lossWithout(context: SuiteContext, importance?: readonly number[]): Promise<LossWithout> {
  const { frame, judged, subject } = context
  const inputs = frame.inputs.length
  const most = Math.min(maxPermuted, Math.max(fewestPermuted, Math.floor(maxPermutedValues / inputs ** 2)))
  const some = someRows(frame, most)
  const maxDealt = Math.max(1, Math.floor(maxPermutedValues / (inputs * some.rows)))
  const only =
    inputs <= maxDealt ? Array.from(frame.inputs.keys()) : leading(importance ?? withScores(context), maxDealt)
  const own = { ...judged, labels: some.labels }
  delete (own as { weights?: unknown }).weights
  const { mean: found } = await permutationImportance(
    some.inputs,
    async inputs => mean(rowLosses({ ...own, scores: await scoreRows(subject, inputs, some.rows) })),
    { repeats: 1, seed: pictureSeed, only },
  )
  const rises = Array.from({ length: inputs }, () => 0)
  for (const [i, at] of only.entries()) rises[at] = Math.max(0, Number.isFinite(found[i]) ? (found[i] as number) : 0)
  return { rises, dealt: only.length }
}

/** Places of the largest values, in their own order. */
function leading(values: readonly number[], most: number): number[] {
  return Array.from(values.keys())
    .sort((a, b) => (values[b] as number) - (values[a] as number) || a - b)
    .slice(0, most)
    .sort((a, b) => a - b)
}

/** How much of the variance of the scores goes with each input, in a straight line; 1 of texts, of which it cannot be said. */
function withScores({ frame, judged: { scores, outputs } }: SuiteContext): number[] {
  const columns = Array.from({ length: outputs }, (_, k) =>
    Float64Array.from({ length: frame.rows }, (_unused, row) => scores[row * outputs + k] as number),
  )
  return frame.inputs.map(column =>
    column instanceof Float32Array ? Math.max(...columns.map(own => squaredCorrelation(column, own))) : 1,
  )
}

function squaredCorrelation(x: ArrayLike<number>, y: ArrayLike<number>): number {
  let [n, sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0, 0]
  for (let row = 0; row < x.length; row++) {
    const [a, b] = [x[row] as number, y[row] as number]
    if (!Number.isFinite(a) || !Number.isFinite(b)) continue
    n++
    const [da, db] = [a - sx, b - sy]
    sx += da / n
    sy += db / n
    sxx += da * (a - sx)
    syy += db * (b - sy)
    sxy += da * (b - sy)
  }
  return sxx > 0 && syy > 0 ? (sxy / sxx) * (sxy / syy) : 0
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
