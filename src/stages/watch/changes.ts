import { studentSf } from '../../math/special/student.ts'
import { baselineCounters, type DirectionKind, directionsOf, meansOf, rowVariance } from '../windows/directions.ts'
import type { ColumnProfile } from '../windows/profile.ts'
import { type SmallestChange, smallestOf } from './sensitivity.ts'
import { type Variation, varianceOfMean } from '../windows/variation.ts'

/** Windows over which a change is added up: a small one that stays shows in their mean long before it does in one. */
export const spans = [1, 2, 3, 5, 7, 14] as const
/** Windows that are remembered. */
export const maxRecent = 14
/** A window counts among others for at most so many of its standard deviations beyond the smallest change. */
const clipAt = 3

/** What a window says about one direction of one column. */
export interface DirectionObservation {
  readonly name: string
  readonly kind: DirectionKind
  readonly words: string
  /**
   * Mean that the baseline expects of this window, and the mean that it has. Where the column's level explains a part of a
   * change (`byLevel`), that part is expected.
   */
  readonly expected: number
  readonly byLevel: boolean
  readonly current: number
  /** Variance of `current` and of the baseline's mean by the number of their rows, were the change the smallest that matters. */
  readonly sampling: number
  readonly baseline: number
  /** Smallest change that matters. */
  readonly smallest: number
  readonly variation: Variation | undefined
  /** Tests that it shares the column's error rate with. */
  readonly tests: number
}

/** Change and its sampling variance, of one window that is over. */
export type RememberedChange = readonly [change: number, sampling: number]

/** The change that stands out most in a column. */
export interface Change {
  readonly direction: string
  readonly kind: DirectionKind
  readonly from: number
  readonly to: number
  /** In units of the smallest change that matters. */
  readonly times: number
  /** Windows, up to this one, that it is the mean of. */
  readonly windows: number
  /** `mean +0.31 sd over 3 windows`. */
  readonly text: string
}

export interface ColumnJudgement {
  /** Probability of such a change, in some direction and over some span, were the true one the smallest that alerts. */
  readonly p: number
  /** Likewise the smallest that warns. */
  readonly pWarn: number
  readonly change: Change | null
}

/** Place of a window on the cycle that the variation knows. */
const expectedAt = ({ means }: Variation, index: number | undefined): number =>
  means[index === undefined ? 0 : ((index % means.length) + means.length) % means.length] as number

/** What a window's counters of one column say. `index`: the window's number on the calendar. */
export function observe(
  column: ColumnProfile,
  counters: ArrayLike<number>,
  index: number | undefined,
  smallest: SmallestChange,
): DirectionObservation[] {
  const directions = directionsOf(column)
  const base = baselineCounters(column)
  const inKind = (kind: DirectionKind): number => directions.filter(one => one.kind === kind).length
  const kinds = new Set(directions.map(one => one.kind)).size
  const now = meansOf(directions, counters)
  const before = meansOf(directions, base)
  return directions.flatMap(({ name, kind, words, byLevel }, i) => {
    const seen = now[i]
    const whole = before[i]
    if (!seen || !whole || seen.rows === 0 || whole.rows === 0) return []
    const known = column.variation?.[i] ?? undefined
    // without the time of the window its place in a cycle is not known: then the whole cycle is what it varies by
    const variation = known && (index === undefined ? withoutCycle(known) : known)
    const expected = (variation ? expectedAt(variation, index) : whole.mean) + seen.byLevel
    const least = smallestOf(kind, smallest)
    const edge = Math.min(1, Math.max(0, expected + Math.sign(seen.mean - expected) * least))
    return [
      {
        name,
        kind,
        words,
        expected,
        byLevel: byLevel !== undefined,
        current: seen.mean,
        sampling: rowVariance(kind, edge) / seen.rows,
        baseline: rowVariance(kind, edge) / whole.rows,
        smallest: least,
        variation,
        tests: kinds * inKind(kind) * spans.length,
      },
    ]
  })
}

function withoutCycle(variation: Variation): Variation {
  const { means } = variation
  if (means.length === 1) return variation
  const mean = means.reduce((sum, x) => sum + x / means.length, 0)
  const cycle = means.reduce((sum, x) => sum + (x - mean) ** 2 / means.length, 0)
  return { ...variation, means: [mean], between: variation.between + cycle, total: variation.total + cycle }
}

const changeOf = ({ current, expected }: DirectionObservation): number => current - expected

/** What is remembered of a window for those that follow. */
export const remembered = (observed: DirectionObservation): RememberedChange => [
  Number(changeOf(observed).toPrecision(6)),
  Number(observed.sampling.toPrecision(4)),
]

/** Mean change over the last windows, this one last, and its p for both effects. */
function over(
  observed: DirectionObservation,
  windows: readonly RememberedChange[],
): { change: number; p: number; pWarn: number } {
  const { smallest, baseline, variation } = observed
  const count = windows.length
  let sum = 0
  let sampling = 0
  for (const [change, own] of windows) {
    // One window beside itself, a holiday, must not make those after it look changed
    const most = smallest + clipAt * Math.sqrt(varianceOfMean(variation, 1, own, baseline).variance)
    sum += count === 1 ? change : Math.min(most, Math.max(-most, change))
    sampling += own
  }
  const change = sum / count
  // below half of what matters nothing is sure beyond chance
  if (Math.abs(change) <= smallest / 2) return { change, p: 1, pWarn: 1 }
  const { variance, freedom } = varianceOfMean(variation, count, sampling / count ** 2, baseline)
  const beyond = (effect: number): number => {
    if (variance === 0) return Math.abs(change) > effect ? 0 : 1
    const tail = (distance: number): number => studentSf(distance / Math.sqrt(variance), freedom)
    return Math.min(1, observed.tests * (tail(Math.abs(change) - effect) + tail(Math.abs(change) + effect)))
  }
  return { change, p: beyond(smallest), pWarn: beyond(smallest / 2) }
}

const percent = (share: number): string => `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)} %`

function textOf({ kind, words, expected, byLevel }: DirectionObservation, change: number, windows: number): string {
  const signed = (x: number, digits: number): string => `${x < 0 ? '−' : '+'}${Math.abs(x).toFixed(digits)}`
  const over = windows > 1 ? ` over ${windows} windows` : ''
  if (kind === 'level') return `${words} ${signed(change, 2)} sd${over}`
  // the score of the spread is (s² - 1) / √2 for a deviation multiplied by s
  if (kind === 'spread')
    return `${words} ${signed(100 * (Math.sqrt(Math.max(0, 1 + Math.SQRT2 * change)) - 1), 0)} %${over}`
  // what is expected then changes from window to window
  if (byLevel) {
    const points = `${Math.abs(100 * change).toFixed(1)} points ${change < 0 ? 'below' : 'above'}`
    return `${words} ${points} what its mean explains${over}`
  }
  return `${words} ${percent(expected)} → ${percent(expected + change)}${over}`
}

interface Found {
  readonly observed: DirectionObservation
  readonly windows: number
  readonly change: number
  /** Times the number of tests that the error rate is shared with (Bonferroni). */
  readonly p: number
  readonly pWarn: number
}

/** The surer one; where both are beyond doubt, the greater one. */
function standsOut(one: Found, other: Found): boolean {
  if (one.p !== other.p) return one.p < other.p
  if (one.pWarn !== other.pWarn) return one.pWarn < other.pWarn
  return Math.abs(one.change) / one.observed.smallest > Math.abs(other.change) / other.observed.smallest
}

/** Judges a column over the spans of windows that end with this one. */
export function judgeColumn(
  observed: readonly DirectionObservation[],
  recent: Readonly<Record<string, readonly RememberedChange[]>>,
): ColumnJudgement {
  let p = 1
  let pWarn = 1
  let best: Found | undefined
  for (const one of observed) {
    const known = [...(recent[one.name] ?? []), remembered(one)]
    for (const span of spans) {
      if (span > known.length) break
      const found = { observed: one, windows: span, ...over(one, known.slice(-span)) }
      p = Math.min(p, found.p)
      pWarn = Math.min(pWarn, found.pWarn)
      if (!best || standsOut(found, best)) best = found
    }
  }
  if (!best) return { p, pWarn, change: null }
  const { observed: seen, change, windows } = best
  return {
    p,
    pWarn,
    change: {
      direction: seen.name,
      kind: seen.kind,
      from: seen.expected,
      to: seen.expected + change,
      times: Math.abs(change) / seen.smallest,
      windows,
      text: textOf(seen, change, windows),
    },
  }
}

/**
 * Whether values lie or spread certainly otherwise than in the windows of training, at that rate of error: an input that
 * tells the weekday never does, although within a day it does not vary. Undefined where it is not known how those differ.
 */
export function unlikeTraining(observed: readonly DirectionObservation[], rate: number): boolean | undefined {
  const known = observed.filter(({ kind, variation }) => (kind === 'level' || kind === 'spread') && variation)
  if (known.length === 0) return undefined
  return known.some(one => {
    const { variance, freedom } = varianceOfMean(one.variation, 1, one.sampling, one.baseline)
    const change = Math.abs(changeOf(one))
    if (variance === 0) return change > 0
    return 2 * known.length * studentSf(change / Math.sqrt(variance), freedom) <= rate
  })
}

/** Whether a change that was found before is, in this window alone, less than half of what it was. */
export function hasGone(observed: readonly DirectionObservation[], change: Change): boolean | undefined {
  const now = observed.find(one => one.name === change.direction)
  if (!now) return undefined
  const was = change.to - change.from
  return changeOf(now) * Math.sign(was) < Math.abs(was) / 2
}
