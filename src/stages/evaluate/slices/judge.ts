import { benjaminiHochberg } from '../../../math/distribution/benjamini-hochberg.ts'
import { judgedRows, type LabelledScores } from '../../../math/metrics/catalogue.ts'
import { topClass } from '../../../math/metrics/calibration.ts'
import { studentSf } from '../../../math/special/student.ts'
import { mean, rowLosses } from '../../../math/metrics/row-loss.ts'
import { summary } from '../single-input.ts'
import { pairsOf, type Slice } from './groups.ts'
import { crossFitted, fitRecalibration } from './recalibrate.ts'

/** How the model does in one slice, against what could be had there. */
export interface SliceVerdict {
  readonly slice: string
  readonly rows: number
  /** Mean loss of a row. */
  readonly loss: number
  /** The same after the best shift and stretch of the scores in this slice, fitted on other rows of it. */
  readonly reachable: number
  /** What is lost, as a share of the loss (of a fifth of the overall one where it is less), with its interval. */
  readonly lost: number
  readonly lower: number
  readonly upper: number
  /** Chance of such a gain where a quarter of the tolerance is to be had, corrected for the number of slices looked at. */
  readonly p: number
  /** What the scores are worth beside the slice's own base rate: 1 − loss ÷ loss of the base rate. */
  readonly skill: number
  readonly verdict: 'weak' | 'no use' | 'holds'
}

export interface SliceRules {
  /** Fewest rows of a slice. */
  readonly minRows: number
  /** Share of its loss that a slice may lose against what it can reach. */
  readonly tolerance: number
  readonly pairs: boolean
}

/** Most rows of a slice that are judged, evenly spaced, and most pairs that are looked at closely. */
const maxRows = 4_000
const maxPairs = 60
const falseDiscoveries = 0.05
/** Overall skill above which a slice without any is worth a word. */
const someSkill = 0.05

/**
 * A slice is weak where shifting and stretching its scores, fitted on other rows of it, makes them better by more than the
 * tolerance, and for certain: the model is too sure there, too unsure, too high or too low. How hard a slice is, and how its base rate
 * differs, does not count. What is wrong with all scores alike is taken off first: that is calibration, not a slice.
 */
export function judgeSlices(
  given: LabelledScores,
  slices: readonly Slice[],
  { minRows, tolerance, pairs }: SliceRules,
): readonly SliceVerdict[] {
  const many = given.outputs > maxClasses
  const judged = many ? ofLikeliest(given) : given
  const fair = { ...judged, scores: fitRecalibration(judged)(judged) }
  const losses = rowLosses(fair)
  const overall = 1 - mean(losses) / mean(rowLosses({ ...judged, scores: constant(judged) }))
  // Of next to no loss a large share is next to nothing
  const leastLoss = mean(losses) / 5
  const singles = slices.filter(slice => slice.rows.length >= minRows && slice.rows.length < judged.labels.length)
  const double = pairs ? pairsOf(singles, minRows, judged.labels.length) : []
  const surprise = surpriseOf(fair)
  const close = double
    .map(slice => ({ slice, size: surprise(slice.rows) }))
    .sort((a, b) => b.size - a.size)
    .slice(0, maxPairs)
    .map(({ slice }) => slice)
  const found = [...singles, ...close].map(slice => ({
    slice,
    ...measureSlice(fair, losses, slice.rows, tolerance, leastLoss),
  }))
  // Pairs that were looked at only from afar were looked at: they count among the tests
  const adjusted = benjaminiHochberg([
    ...found.map(one => one.p),
    ...Array.from({ length: double.length - close.length }, () => 1),
  ])
  return found.map(({ slice, ...figures }, i) => {
    const p = adjusted[i] as number
    // A range of a number holds scores that hardly vary, and in a small part nobody looks for more
    const useless =
      p >= falseDiscoveries &&
      !many &&
      i < singles.length &&
      !slice.isRange &&
      overall > someSkill &&
      slice.rows.length >= judged.labels.length / 20 &&
      figures.skillUpper < someSkill / 5
    const { skillUpper: _, ...rest } = figures
    return {
      slice: slice.name,
      ...rest,
      p,
      verdict: p < falseDiscoveries && figures.lost > tolerance ? 'weak' : useless ? 'no use' : 'holds',
    }
  })
}

/**
 * Most classes of which each has a weight of its own in a slice. Of more, a slice has too few rows of each: there it is judged
 * whether the likeliest class is as likely to be the truth as it is said to be.
 */
const maxClasses = 50

const ofLikeliest = (judged: LabelledScores): LabelledScores => ({
  ...judged,
  ...topClass(judged),
  task: 'binary',
  outputs: 1,
})

/** The base rate as scores. */
function constant(judged: LabelledScores): Float32Array {
  const base = summary(judged.labels, judged.task, judged.outputs, judged.level)
  return Float32Array.from({ length: judged.scores.length }, (_, i) => base[i % judged.outputs] as number)
}

const z95 = 1.959963984540054

function measureSlice(
  fair: LabelledScores,
  losses: Float64Array,
  all: Int32Array,
  tolerance: number,
  leastLoss: number,
) {
  const step = Math.max(1, all.length / maxRows)
  const rows = Int32Array.from({ length: Math.min(all.length, maxRows) }, (_, i) => all[Math.floor(i * step)] as number)
  const own = judgedRows(fair, rows)
  const reached = rowLosses({ ...own, scores: crossFitted(own) })
  const base = rowLosses({ ...own, scores: constant(own) })
  const now = Float64Array.from(rows, row => losses[row] as number)
  const loss = mean(now)
  const whole = Math.max(loss, leastLoss)
  const gains = now.map((value, i) => value - (reached[i] as number))
  const error = standardError(gains)
  const gain = mean(gains)
  // A trained model is never quite right anywhere: a quarter of what is tolerated must be lost for certain
  const z = (gain - (tolerance / 4) * whole) / error
  const skills = now.map((value, i) => (base[i] as number) - value)
  const baseLoss = mean(base)
  return {
    rows: all.length,
    loss,
    reachable: mean(reached),
    lost: gain / whole,
    lower: (gain - z95 * error) / whole,
    upper: (gain + z95 * error) / whole,
    // Where there is no loss there is nothing to lose
    p: Number.isFinite(z) ? studentSf(z, rows.length - 1) : 1,
    skill: mean(skills) / baseLoss,
    skillUpper: (mean(skills) + z95 * standardError(skills)) / baseLoss,
  }
}

function standardError(values: Float64Array): number {
  const n = values.length
  const middle = mean(values)
  let sum = 0
  for (const value of values) sum += (value - middle) ** 2
  return Math.sqrt(sum / (n - 1) / n)
}

/** How far the truths of some rows are from their scores, in level and in slope: two squared normal deviates, cheap to have. */
function surpriseOf(fair: LabelledScores): (rows: Int32Array) => number {
  const { labels, scores } = fair.task === 'multiclass' ? topClass(fair) : fair
  const residuals = Float64Array.from(labels, (label, i) => label - (scores[i] as number))
  const centre = mean(scores)
  let whole = 0
  for (const value of residuals) whole += value * value
  const variance = whole / Math.max(1, residuals.length) || 1
  return rows => {
    let [level, slope, squares] = [0, 0, 0]
    for (const row of rows) {
      const off = (scores[row] as number) - centre
      level += residuals[row] as number
      slope += (residuals[row] as number) * off
      squares += off * off
    }
    return level ** 2 / (variance * rows.length) + (squares > 0 ? slope ** 2 / (variance * squares) : 0)
  }
}
