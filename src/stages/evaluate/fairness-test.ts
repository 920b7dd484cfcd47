import type { FairnessTest } from '../../define/model-test/index.ts'
import type { CheckResult } from '../../define/report.ts'
import { isClassification } from '../../math/task.ts'
import type { LabelledScores } from '../../math/metrics/catalogue.ts'
import { likeliest, ofClass } from '../../math/metrics/multiclass.ts'
import { normalQuantile } from '../../math/special/normal.ts'
import type { SuiteContext } from './context.ts'
import { mean } from '../../math/metrics/row-loss.ts'
import { slicesOf, type Slice } from './slices/groups.ts'

/** One figure of one group beside the rest, with its interval: beyond the limit for certain, perhaps, or not. */
interface Comparison {
  readonly group: string
  readonly what: string
  readonly value: number
  readonly lower: number
  readonly upper: number
  readonly limit: number
  readonly verdict: 'unfair' | 'perhaps' | 'fair'
}

/** Truth and call of each row, for one class where there are several. */
interface ClassView {
  readonly words: string
  readonly labels: ArrayLike<number>
  readonly scores: ArrayLike<number>
  readonly positive: (row: number) => boolean
}

/** Compares each group with all others: shares called positive, rates of true and false positives, mean score against truth. */
export function fairnessTest(test: FairnessTest, context: SuiteContext): CheckResult {
  const { frame, train, judged } = context
  const groups = test.by.flatMap(({ name }) => {
    const column = frame.slices.get(name)
    return column ? slicesOf(name, column, train?.frame.slices.get(name)) : []
  })
  const judgedGroups = groups.filter(one => one.rows.length >= test.minRows && one.rows.length < frame.rows)
  const small = groups.filter(one => one.rows.length < test.minRows)
  const called = calls(judged, context.classes)
  // Simultaneous over all that is compared: 5 % for the whole test
  const count = judgedGroups.length * called.length * (test.criteria.length + (test.criteria.includes('odds') ? 1 : 0))
  const z = -normalQuantile(0.025 / Math.max(1, count))
  const found = judgedGroups.flatMap(group =>
    called.flatMap(one => compare(test, group, rest(group, frame.rows), one, judged, z)),
  )
  const unfair = found.filter(one => one.verdict === 'unfair')
  const perhaps = found.filter(one => one.verdict === 'perhaps')
  const order = { unfair: 0, perhaps: 1, fair: 2 }
  const ordered = [...found].sort((a, b) => order[a.verdict] - order[b.verdict])
  const few = small.length === 0 ? '' : `; fewer than ${test.minRows} rows: ${small.map(one => one.name).join(', ')}`
  const [first] = ordered
  const words = (one: Comparison): string =>
    `${one.group}: ${one.what} ${one.value.toFixed(3)} (${one.lower.toFixed(3)} to ${one.upper.toFixed(3)}), limit ${one.limit}`
  return {
    id: test.id,
    kind: 'fairness',
    target: { model: context.name, ...(first && first.verdict !== 'fair' ? { slice: first.group } : {}) },
    severity: test.severity,
    status: unfair.length > 0 ? 'fail' : found.length === 0 || perhaps.length > 0 || small.length > 0 ? 'warn' : 'pass',
    observed: { groups: judgedGroups.length, unfair: unfair.length, undecided: perhaps.length },
    evaluated: found.length,
    bad: unfair.length,
    threshold: [
      test.criteria.includes('parity') ? `parity ≥ ${test.minParity}` : '',
      test.criteria.includes('odds') ? `odds within ${test.maxOdds}` : '',
      test.criteria.includes('calibration') ? `calibration within ${test.maxCalibration}` : '',
    ]
      .filter(Boolean)
      .join(', '),
    message:
      found.length === 0
        ? `no group was compared: two of ${test.minRows} rows or more are needed${few}`
        : unfair.length > 0 || perhaps.length > 0
          ? `${unfair.length > 0 ? `${unfair.length} of ${found.length} comparisons are beyond their limit` : `${perhaps.length} of ${found.length} comparisons may be beyond their limit, the rows are too few to tell`}; ${words(first as Comparison)}${few}`
          : `${judgedGroups.length} groups are treated alike${few}`,
    sample: ordered.slice(0, 20).map(one => ({ ...one })),
  }
}

function rest(group: Slice, rows: number): number[] {
  const own = new Set(group.rows)
  return Array.from({ length: rows }, (_, i) => i).filter(row => !own.has(row))
}

function calls(judged: LabelledScores, classes: readonly string[]): ClassView[] {
  const { task, labels, scores, outputs, threshold } = judged
  if (task !== 'multiclass')
    return [{ words: '', labels, scores, positive: row => (scores[row] as number) >= threshold }]
  return Array.from({ length: outputs }, (_, k) => ({
    words: ` as ${classes[k] ?? k}`,
    ...ofClass(judged, k),
    positive: (row: number) => likeliest(scores, outputs, row) === k,
  }))
}

function compare(
  test: FairnessTest,
  group: Slice,
  others: readonly number[],
  called: ClassView,
  { task, labels }: LabelledScores,
  z: number,
): Comparison[] {
  const own = [...group.rows]
  const made: Comparison[] = []
  const add = (what: string, interval: Interval, limit: number, atLeast = false): void => {
    const beyond = (value: number): boolean => (atLeast ? value < limit : value > limit)
    const certain = atLeast ? beyond(interval.upper) : beyond(interval.lower)
    made.push({
      group: group.name,
      what: `${what}${called.words}`,
      ...interval,
      limit,
      verdict: certain ? 'unfair' : beyond(interval.value) ? 'perhaps' : 'fair',
    })
  }
  const count = (rows: readonly number[], holds: (row: number) => boolean): number => rows.filter(holds).length
  const { positive } = called
  const truth = (row: number): boolean => (called.labels[row] as number) > 0.5
  if (test.criteria.includes('parity')) {
    if (isClassification(task))
      add(
        'ratio of the shares called positive',
        ratio(count(own, positive), own.length, count(others, positive), others.length, z),
        test.minParity,
        true,
      )
    else
      add(
        'difference of mean scores, in deviations of the label',
        meanGap(own, others, called.scores, labels, z),
        1 - test.minParity,
      )
  }
  if (test.criteria.includes('odds'))
    for (const [what, holds] of [
      ['difference of the rates of true positives', truth],
      ['difference of the rates of false positives', (row: number) => !truth(row)],
    ] as const) {
      const [mine, theirs] = [own.filter(holds), others.filter(holds)]
      // A rate of fewer than ten rows says nothing
      if (Math.min(mine.length, theirs.length) < 10) continue
      add(what, difference(count(mine, positive), mine.length, count(theirs, positive), theirs.length, z), test.maxOdds)
    }
  if (test.criteria.includes('calibration')) {
    const off = Float64Array.from(own, row => (called.scores[row] as number) - (called.labels[row] as number))
    const unit = isClassification(task) ? 1 : deviation(labels)
    add('distance of mean score and truth', distance(off, unit, z), test.maxCalibration)
  }
  return made
}

type Interval = Pick<Comparison, 'value' | 'lower' | 'upper'>

/** Ratio of two shares, the smaller by the larger, with an interval on the log scale; half a row is added to each. */
function ratio(a: number, n: number, b: number, m: number, z: number): Interval {
  const [p, q] = [(a + 0.5) / (n + 1), (b + 0.5) / (m + 1)]
  const middle = -Math.abs(Math.log(p / q))
  const half = z * Math.sqrt((1 - p) / (n * p) + (1 - q) / (m * q))
  return { value: Math.exp(middle), lower: Math.exp(middle - half), upper: Math.min(1, Math.exp(middle + half)) }
}

/** Distance of two shares, with Agresti's and Caffo's interval. */
function difference(a: number, n: number, b: number, m: number, z: number): Interval {
  const [p, q] = [(a + 1) / (n + 2), (b + 1) / (m + 2)]
  return around(Math.abs(p - q), z * Math.sqrt((p * (1 - p)) / (n + 2) + (q * (1 - q)) / (m + 2)))
}

const around = (value: number, half: number): Interval => ({
  value,
  lower: Math.max(0, value - half),
  upper: value + half,
})

function distance(off: Float64Array, unit: number, z: number): Interval {
  const middle = mean(off)
  let squares = 0
  for (const value of off) squares += (value - middle) ** 2
  return around(Math.abs(middle) / unit, (z * Math.sqrt(squares / (off.length - 1) / off.length)) / unit)
}

function meanGap(
  own: readonly number[],
  others: readonly number[],
  scores: ArrayLike<number>,
  labels: Float32Array,
  z: number,
): Interval {
  const unit = deviation(labels)
  const part = (rows: readonly number[]) => {
    const values = Float64Array.from(rows, row => scores[row] as number)
    const middle = mean(values)
    let squares = 0
    for (const value of values) squares += (value - middle) ** 2
    return { middle, variance: squares / Math.max(1, values.length - 1) / values.length }
  }
  const [mine, theirs] = [part(own), part(others)]
  return around(Math.abs(mine.middle - theirs.middle) / unit, (z * Math.sqrt(mine.variance + theirs.variance)) / unit)
}

/** Of the label; 1 where it is constant. */
function deviation(labels: Float32Array): number {
  const middle = mean(labels)
  let squares = 0
  for (const value of labels) squares += (value - middle) ** 2
  return Math.sqrt(squares / labels.length) || 1
}
