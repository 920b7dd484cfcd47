import { fail } from '../../errors/index.ts'
import { type Duration, micros } from '../../internal/time.ts'
import { binIndex, quantileBins } from '../../math/distribution/quantile-bins.ts'
import { baselinePerformance } from './baseline-performance.ts'
import { excess, type NaturalVariation } from './natural-variation.ts'
import type { ColumnProfile, NumberProfile, Profile, TextProfile } from './profile.ts'

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
  /** One a row: probability of the positive class, or the predicted value. */
  readonly scores: Float32Array
  /** Event time of each row in microseconds; needed for the natural variation. */
  readonly at?: BigInt64Array | Float64Array
  /** 0 or 1, or the value to predict. Rows with NaN have no label. */
  readonly labels?: Float32Array
  /** Length of the windows that will be watched; `7d` by default. */
  readonly naturalWindow?: Duration
}

const topCategories = 50
const mostOthers = 2000
const mostPoints = 20
/** A window with fewer rows than this says too little about natural variation. */
const fewestRows = 200

/** Window number of each row, renumbered without the windows that are too small (-1). */
function windowsOf(at: BigInt64Array | Float64Array, length: number): { of: Int32Array; count: number } {
  const n = at.length
  let first = Number.POSITIVE_INFINITY
  for (let i = 0; i < n; i++) first = Math.min(first, Number(at[i]))
  const of = new Int32Array(n)
  const rows: number[] = []
  for (let i = 0; i < n; i++) {
    const window = Math.floor((Number(at[i]) - first) / length)
    of[i] = window
    rows[window] = (rows[window] ?? 0) + 1
  }
  const sorted = Object.values(rows).sort((a, b) => a - b)
  const least = Math.max(fewestRows, (sorted[sorted.length >> 1] ?? 0) / 2)
  const renumbered = new Map<number, number>()
  for (const [window, count] of rows.entries()) if ((count ?? 0) >= least) renumbered.set(window, renumbered.size)
  for (let i = 0; i < n; i++) of[i] = renumbered.get(of[i] as number) ?? -1
  return { of, count: renumbered.size }
}

/** Natural variation from the test bin of each row: 0 … bins - 1, or below 0 for -1 missing, -2, -3 infinite. */
function naturalOf(
  bins: Int32Array,
  count: number,
  windows: { of: Int32Array; count: number },
  order: 'ordered' | 'unordered',
): NaturalVariation {
  const width = count + 4
  const counters = new Float64Array(windows.count * width)
  const whole = new Float64Array(width)
  for (let i = 0; i < bins.length; i++) {
    const bin = bins[i] as number
    const window = windows.of[i] as number
    const slot = bin >= 0 ? bin : count - bin
    whole[slot] = (whole[slot] as number) + 1
    if (window >= 0) counters[window * width + slot] = (counters[window * width + slot] as number) + 1
  }
  const values: number[] = []
  const presence: number[] = []
  const present = (row: Float64Array): number[] => [
    row.subarray(0, count).reduce((sum, x) => sum + x, 0),
    ...row.subarray(count + 1),
  ]
  for (let window = 0; window < windows.count; window++) {
    const row = counters.subarray(window * width, (window + 1) * width)
    values.push(excess(whole.subarray(0, count), row.subarray(0, count), order))
    presence.push(excess(present(whole), present(row), 'unordered'))
  }
  return { values, presence }
}

function numberProfile(
  name: string,
  values: Float32Array,
  windows: { of: Int32Array; count: number } | undefined,
): NumberProfile {
  const finite = values.filter(Number.isFinite).sort()
  const points: number[] = []
  for (let i = 0; i < finite.length && points.length <= mostPoints; i++)
    if (points.length === 0 || (finite[i] as number) !== points.at(-1)) points.push((finite[i] as number) + 0)
  const form = points.length <= mostPoints ? 'points' : 'bins'
  const bins = form === 'points' ? { edges: points, coarse: points.map((_, i) => i) } : quantileBins(finite)
  const upper = form === 'points' ? bins.edges : bins.edges.slice(1)
  const counts = new Float64Array(upper.length)
  const tested = new Int32Array(values.length)
  let missing = 0
  let positiveInfinity = 0
  let negativeInfinity = 0
  let mean = 0
  let m2 = 0
  let n = 0
  for (let i = 0; i < values.length; i++) {
    const x = values[i] as number
    if (Number.isNaN(x)) {
      missing++
      tested[i] = -1
    } else if (x === Number.POSITIVE_INFINITY) {
      positiveInfinity++
      tested[i] = -2
    } else if (x === Number.NEGATIVE_INFINITY) {
      negativeInfinity++
      tested[i] = -3
    } else {
      const bin = binIndex(upper, x)
      counts[bin] = (counts[bin] as number) + 1
      tested[i] = bins.coarse[bin] as number
      n++
      const delta = x - mean
      mean += delta / n
      m2 += delta * (x - mean)
    }
  }
  const testBins = (bins.coarse.at(-1) ?? -1) + 1
  return {
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
    ...(windows && { natural: naturalOf(tested, testBins, windows, 'ordered') }),
  }
}

function textProfile(
  name: string,
  values: readonly string[],
  windows: { of: Int32Array; count: number } | undefined,
): TextProfile {
  const seen = new Map<string, number>()
  for (const value of values) seen.set(value, (seen.get(value) ?? 0) + 1)
  const missing = seen.get('') ?? 0
  seen.delete('')
  const order = [...seen].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))
  const top = order.slice(0, topCategories)
  const rest = order.slice(topCategories)
  const index = new Map(top.map(([category], i) => [category, i]))
  const tested = Int32Array.from(values, value => (value === '' ? -1 : (index.get(value) ?? top.length)))
  return {
    name,
    kind: 'text',
    categories: top.map(([category]) => category),
    counts: top.map(([, count]) => count),
    other: rest.reduce((sum, [, count]) => sum + count, 0),
    others: rest.length > mostOthers ? null : rest.map(([category]) => category),
    missing,
    ...(windows && { natural: naturalOf(tested, top.length + 1, windows, 'unordered') }),
  }
}

/**
 * Makes the baseline that windows are compared with. Numbers get 60 reference-quantile bins (6 a decile), or a bin a value up
 * to 20 values; texts their 50 most frequent values. With `at`, the baseline also carries how much windows of the training
 * period differ among themselves. Scores should be those of rows that the model was not trained on. `profileMalformed` on
 * unequal lengths.
 */
export function buildProfile(input: ProfileInput): Profile {
  const rows = input.scores.length
  if (rows < 2) throw fail('profileMalformed', { reason: `it has ${rows} rows` })
  const parts = input.columns.map((c): [string, number] => [`column ${c.name}`, c.values.length])
  if (input.at) parts.push(['at', input.at.length])
  if (input.labels) parts.push(['labels', input.labels.length])
  for (const [part, length] of parts)
    if (length !== rows)
      throw fail('profileMalformed', { reason: `${part} has ${length} rows, the scores have ${rows}` })
  const naturalWindow = input.naturalWindow ?? '7d'
  const windows = input.at && windowsOf(input.at, micros(naturalWindow))
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
    score: numberProfile('score', input.scores, windows),
    ...(windows && { naturalWindow }),
    ...(input.labels && { performance: baselinePerformance(input.labels, input.scores, windows) }),
  }
}
