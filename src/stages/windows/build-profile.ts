import { fail } from '../../errors/index.ts'
import { type Duration, micros } from '../../internal/time.ts'
import { binIndex, quantileBins } from '../../math/distribution/quantile-bins.ts'
import { headlines, scoreOf } from '../../math/metrics/row-loss.ts'
import type { Task } from '../../math/task.ts'
import { baselinePerformance } from './baseline-performance.ts'
import { baselineCounters, directionsOf, type Mean, meansOf, rowVariance, valuesOf } from './directions.ts'
import type { ColumnProfile, NumberProfile, Profile, TextProfile } from './profile.ts'
import { type Variation, variationOf } from './variation.ts'

export interface ProfileColumn {
  readonly name: string
  readonly kind: 'number' | 'text'
  /** NaN and the empty string mean missing. */
  readonly values: Float32Array | readonly string[]
  /** Share of the model's importance, 0…1. */
  readonly importance?: number
}

export interface ProfileInput {
  readonly columns: readonly ProfileColumn[]
  /** What is predicted; where it is not said, a probability if all labels are 0 or 1 and all scores between. */
  readonly task?: Task
  /** Of quantiles: the share of the truths that is to stay below. */
  readonly level?: number
  /** How many scores a row has: the number of classes of a multiclass model (default 1). */
  readonly outputs?: number
  /** Rows × outputs: probabilities of the positive class or of each class, or the predicted values. */
  readonly scores: Float32Array
  /**
   * Scores of rows that the model was not trained on: what live scores are compared with. A model knows its training rows
   * too well: their scores are wider spread than any to come. Only how windows differ is then taken from `scores`.
   */
  readonly heldOutScores?: Float32Array
  /** Event time of each row in microseconds; needed for the natural variation. */
  readonly at?: BigInt64Array | Float64Array
  /** 0 or 1, or the value to predict. Rows with NaN have no label. */
  readonly labels?: Float32Array
  /** Length of the windows that will be watched; `7d` by default. */
  readonly naturalWindow?: Duration
}

const topCategories = 50
const maxOthers = 2000
const maxPoints = 20
/** Windows with fewer rows than this say too little: about the variation of a column, and about that of the quality. */
const fewestRows = 30
const fewestLabelledRows = 200
/** Windows that the variation is learnt from, the newest ones. */
const maxWindows = 4_096

/** The windows of the training period, numbered in the order of time. */
interface TrainingWindows {
  /** Window of each row; -1 where it is too small. */
  readonly of: Int32Array
  readonly count: number
  /** Number of each window on the calendar. */
  readonly indices: readonly number[]
  /** Windows after which a day and a week repeat, where they are whole numbers of windows. */
  readonly periods: readonly number[]
}

function windowsOf(at: BigInt64Array | Float64Array, length: number, fewest: number): TrainingWindows {
  const n = at.length
  const index = Float64Array.from({ length: n }, (_, i) => Math.floor(Number(at[i]) / length))
  const rows = new Map<number, number>()
  for (const window of index) rows.set(window, (rows.get(window) ?? 0) + 1)
  const sorted = [...rows.values()].sort((a, b) => a - b)
  const least = Math.max(fewest, (sorted[sorted.length >> 1] ?? 0) / 2)
  const indices = [...rows]
    .filter(([, count]) => count >= least)
    .map(([window]) => window)
    .sort((a, b) => a - b)
    .slice(-maxWindows)
  const numbers = new Map(indices.map((window, i) => [window, i]))
  const periods = [micros('1d') / length, micros('7d') / length].filter(one => one > 1 && Number.isInteger(one))
  return { of: Int32Array.from(index, window => numbers.get(window) ?? -1), count: indices.length, indices, periods }
}

/** How each direction of a column varies between the windows; `slots` is the counter that each row falls into. */
function variationsOf(
  column: ColumnProfile,
  slots: Int32Array,
  windows: TrainingWindows,
): readonly (Variation | null)[] {
  const base = baselineCounters(column)
  const counters = new Float64Array(windows.count * base.length)
  const together = new Float64Array(base.length)
  slots.forEach((slot, row) => {
    const at = (windows.of[row] as number) * base.length + slot
    if (at < 0) return
    counters[at] = (counters[at] as number) + 1
    together[slot] = (together[slot] as number) + 1
  })
  const directions = directionsOf(column)
  const whole = meansOf(directions, base)
  // rows of all windows as one: where they lie elsewhere than the baseline's, their level explains its part of that
  const pooled = meansOf(directions, together)
  const seen = windows.indices.map((_, window) =>
    meansOf(directions, counters.subarray(window * base.length, (window + 1) * base.length)),
  )
  return directions.map(({ kind }, direction) => {
    const sampled = rowVariance(kind, whole[direction]?.mean ?? 0)
    const means = windows.indices.flatMap((index, window) => {
      const one = seen[window]?.[direction]
      return !one || one.rows === 0 ? [] : [{ index, mean: beyondLevel(one), sampling: sampled / one.rows }]
    })
    const variation = variationOf(means, windows.periods)
    const own = pooled[direction]
    const by = own && own.rows > 0 ? (whole[direction]?.mean ?? 0) - beyondLevel(own) : 0
    return variation ? moved(by, variation) : null
  })
}

/** What the level does not explain. */
const beyondLevel = ({ mean, byLevel }: Mean): number => mean - byLevel

/**
 * The same variation where the rows of the baseline lie elsewhere than those of the windows. What windows vary by stays what
 * it is: within a day an input that tells the weekday has no spread at all, however wide it is over a week.
 */
function moved(by: number, variation: Variation): Variation {
  return { ...variation, means: variation.means.map(x => Number((x + by).toPrecision(9))) }
}

/** Counter that a value falls into: a bin, or one of those for values that are missing, infinite, or not among the points. */
function slotOf(x: number, upper: ArrayLike<number>, form: NumberProfile['form']): number {
  if (Number.isNaN(x)) return upper.length
  if (x === Number.POSITIVE_INFINITY) return upper.length + 1
  if (x === Number.NEGATIVE_INFINITY) return upper.length + 2
  const bin = binIndex(upper, x)
  return form === 'points' && upper[bin] !== x ? upper.length + 3 : bin
}

/** `varied`: the values whose windows tell how it varies, where those are others than `values`. */
function numberProfile(
  name: string,
  values: Float32Array,
  windows: TrainingWindows | undefined,
  varied = values,
): NumberProfile {
  const finite = values.filter(Number.isFinite).sort()
  const points: number[] = []
  for (let i = 0; i < finite.length && points.length <= maxPoints; i++)
    if (points.length === 0 || (finite[i] as number) !== points.at(-1)) points.push((finite[i] as number) + 0)
  const form = points.length <= maxPoints ? 'points' : 'bins'
  const bins = form === 'points' ? { edges: points, coarse: points.map((_, i) => i) } : quantileBins(finite)
  const upper = form === 'points' ? bins.edges : bins.edges.slice(1)
  const counts = new Float64Array(upper.length)
  const extras = new Float64Array(4)
  let mean = 0
  let m2 = 0
  let n = 0
  for (const x of values) {
    const slot = slotOf(x, upper, form)
    if (slot >= upper.length) {
      extras[slot - upper.length] = (extras[slot - upper.length] as number) + 1
      continue
    }
    counts[slot] = (counts[slot] as number) + 1
    n++
    const delta = x - mean
    mean += delta / n
    m2 += delta * (x - mean)
  }
  const [missing = 0, positiveInfinity = 0, negativeInfinity = 0] = extras
  const profile: NumberProfile = {
    name,
    kind: 'number',
    form,
    edges: bins.edges,
    counts: [...counts],
    coarse: bins.coarse,
    missing,
    positiveInfinity,
    negativeInfinity,
    mean,
    std: n > 0 ? Math.sqrt(m2 / n) : 0,
  }
  if (!windows) return profile
  const slots = Int32Array.from(varied, x => slotOf(x, upper, form))
  return { ...profile, variation: variationsOf(profile, slots, windows) }
}

function textProfile(name: string, values: readonly string[], windows: TrainingWindows | undefined): TextProfile {
  const seen = new Map<string, number>()
  for (const value of values) seen.set(value, (seen.get(value) ?? 0) + 1)
  const missing = seen.get('') ?? 0
  seen.delete('')
  const order = [...seen].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const top = order.slice(0, topCategories)
  const rest = order.slice(topCategories)
  const index = new Map(top.map(([category], i) => [category, i]))
  const profile: TextProfile = {
    name,
    kind: 'text',
    categories: top.map(([category]) => category),
    counts: top.map(([, count]) => count),
    other: rest.reduce((sum, [, count]) => sum + count, 0),
    others: rest.length > maxOthers ? null : rest.map(([category]) => category),
    missing,
  }
  if (!windows) return profile
  const absent = valuesOf(profile) + 1
  const slots = Int32Array.from(values, value => (value === '' ? absent : (index.get(value) ?? top.length)))
  return { ...profile, variation: variationsOf(profile, slots, windows) }
}

function taskLike(labels: Float32Array, scores: Float32Array): Task {
  const binary = labels.every((label, i) => {
    const score = scores[i] as number
    if (!Number.isFinite(label) || !Number.isFinite(score)) return true
    return (label === 0 || label === 1) && score >= 0 && score <= 1
  })
  return binary ? 'binary' : 'regression'
}

/**
 * Makes the baseline that windows are compared with. Numbers get 60 reference-quantile bins (6 a decile), or a bin a value up
 * to 20 values; texts their 50 most frequent values. With `at`, the baseline also carries how windows of the training period
 * differ among themselves, by the day and the week where that shows. `profileMalformed` on unequal lengths.
 */
export function buildProfile(input: ProfileInput): Profile {
  const { outputs = 1 } = input
  const rows = input.scores.length / outputs
  if (rows < 2) throw fail('profileMalformed', { reason: `it has ${rows} rows` })
  const parts = input.columns.map((c): [string, number] => [`column ${c.name}`, c.values.length])
  if (input.at) parts.push(['at', input.at.length])
  if (input.labels) parts.push(['labels', input.labels.length])
  for (const [part, length] of parts)
    if (length !== rows)
      throw fail('profileMalformed', { reason: `${part} has ${length} rows, the scores have ${rows}` })
  const naturalWindow = input.naturalWindow ?? '7d'
  const windows = input.at && windowsOf(input.at, micros(naturalWindow), fewestRows)
  const labelled = input.at && windowsOf(input.at, micros(naturalWindow), fewestLabelledRows)
  const columns = input.columns.map((column): ColumnProfile => {
    const profile =
      column.values instanceof Float32Array
        ? numberProfile(column.name, column.values, windows)
        : textProfile(column.name, column.values, windows)
    return column.importance === undefined ? profile : { ...profile, importance: column.importance }
  })
  return {
    version: 1,
    rows,
    columns: [...columns.filter(c => c.kind === 'number'), ...columns.filter(c => c.kind === 'text')],
    score: numberProfile(
      'score',
      headlines(input.heldOutScores ?? input.scores, outputs),
      windows,
      headlines(input.scores, outputs),
    ),
    ...(windows && { naturalWindow }),
    ...(input.labels && {
      performance: baselinePerformance(
        { ...input, task: input.task ?? taskLike(input.labels, input.scores) },
        input.labels,
        outputs === 1 ? input.scores : Array.from({ length: rows }, (_, row) => scoreOf(input.scores, outputs, row)),
        labelled,
      ),
    }),
  }
}
