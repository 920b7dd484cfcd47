import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sortedQuantile } from '../distribution/quantile-bins.ts'
import { normalQuantile } from '../special/normal.ts'
import { calibrationError, calibrationLine } from './calibration.ts'
import { brier, confusion, logLoss } from './classification.ts'
import { bootstrap } from './bootstrap.ts'
import { areaUnderCurve, auc, aucInterval } from './ranking.ts'
import { mae, r2, rmse } from './regression.ts'

const mean = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length
const share = fc.double({ min: 0, max: 1, noNaN: true })
const rows = fc.array(fc.tuple(fc.constantFrom(0, 1), share), { minLength: 1, maxLength: 50 })
const split = (list: readonly (readonly [number, number])[]) => [list.map(([y]) => y), list.map(([, p]) => p)] as const

describe('metrics are what their definitions say', () => {
  it('confusion at any threshold, the threshold itself included', () => {
    fc.assert(
      fc.property(rows, fc.oneof(share, fc.constant(undefined)), (list, threshold) => {
        const [labels, scores] = split(list)
        const t = threshold ?? 0.5
        const count = (y: number, positive: boolean) =>
          list.filter(([label, p]) => label === y && p >= t === positive).length
        const [tp, fp, tn, fn] = [count(1, true), count(0, true), count(0, false), count(1, false)]
        const found = threshold === undefined ? confusion(labels, scores) : confusion(labels, scores, threshold)
        expect(found).toMatchObject({ truePositives: tp, falsePositives: fp, trueNegatives: tn, falseNegatives: fn })
        expect(found.accuracy).toBeCloseTo((tp + tn) / list.length, 12)
        expect(found.precision).toBeCloseTo(tp + fp === 0 ? 0 : tp / (tp + fp), 12)
        expect(found.recall).toBeCloseTo(tp + fn === 0 ? 0 : tp / (tp + fn), 12)
        expect(found.f1).toBeCloseTo(2 * tp + fp + fn === 0 ? 0 : (2 * tp) / (2 * tp + fp + fn), 12)
      }),
    )
    expect(confusion([1, 0], [0.5, 0.4999]).accuracy).toBe(1)
    const odd = confusion([1, 0, 1], [0.9, 0.1, Number.NaN])
    expect(odd).toMatchObject({ truePositives: 1, trueNegatives: 1, falsePositives: 0, falseNegatives: 0 })
    expect([odd.accuracy, odd.precision, odd.recall, odd.f1]).toEqual([NaN, NaN, NaN, NaN])
  })

  it('log loss, Brier score, errors', () => {
    fc.assert(
      fc.property(rows, list => {
        const [labels, scores] = split(list)
        const held = (p: number) => Math.min(1 - 2 ** -23, Math.max(2 ** -23, p))
        expect(logLoss(labels, scores)).toBeCloseTo(
          mean(list.map(([y, p]) => -Math.log(y === 1 ? held(p) : 1 - held(p)))),
          8,
        )
        expect(brier(labels, scores)).toBeCloseTo(mean(list.map(([y, p]) => (p - y) ** 2)), 10)
        expect(rmse(labels, scores) ** 2).toBeCloseTo(mean(list.map(([y, p]) => (p - y) ** 2)), 10)
        expect(mae(labels, scores)).toBeCloseTo(mean(list.map(([y, p]) => Math.abs(p - y))), 10)
        const whole = mean(labels.map(y => (y - mean(labels)) ** 2))
        if (whole > 0) expect(r2(labels, scores)).toBeCloseTo(1 - mean(list.map(([y, p]) => (y - p) ** 2)) / whole, 9)
      }),
    )
    // labels that do not differ: all is explained, or nothing
    expect([r2([3, 3], [3, 3]), r2([3, 3], [3, 4])]).toEqual([1, 0])
  })

  it('calibration: equal shares of the rows in the order of their scores', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(undefined, 1, 4, 15), (list, bins) => {
        const [labels, scores] = split(list)
        const b = bins ?? 15
        const order = list.map((one, i) => ({ one, i })).sort((x, y) => x.one[1] - y.one[1] || x.i - y.i)
        let sum = 0
        for (let bin = 0; bin < b; bin++) {
          const own = order.slice(Math.floor((bin * list.length) / b), Math.floor(((bin + 1) * list.length) / b))
          sum += Math.abs(own.reduce((d, { one: [y, p] }) => d + p - y, 0))
        }
        const found = bins === undefined ? calibrationError(labels, scores) : calibrationError(labels, scores, bins)
        expect(found).toBeCloseTo(sum / list.length, 10)
      }),
    )
  })

  it('the calibration line is where the likelihood is flat, and none where nothing determines it', () => {
    const labels = Array.from({ length: 80 }, (_, i) => ((i * 7) % 10 < i / 8 ? 1 : 0))
    const scores = Array.from({ length: 80 }, (_, i) => (i + 0.5) / 80)
    const { slope, intercept } = calibrationLine(labels, scores)
    const x = scores.map(p => Math.log(p / (1 - p)))
    const rest = labels.map((y, i) => y - 1 / (1 + Math.exp(-(intercept + slope * (x[i] as number)))))
    expect(rest.reduce((a, b) => a + b, 0)).toBeCloseTo(0, 8)
    expect(rest.reduce((a, b, i) => a + b * (x[i] as number), 0)).toBeCloseTo(0, 8)
    expect(calibrationLine([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9])).toMatchObject({ slope: NaN, intercept: NaN })
    expect(calibrationLine([0, 1], [0.5, 0.5])).toMatchObject({ slope: NaN, intercept: NaN })
    // scores of 0 and 1 count as those of float32's epsilon
    const ends = (low: number, high: number) => calibrationLine([...labels, 0, 1], [...scores, low, high])
    expect(ends(0, 1)).toEqual(ends(2 ** -23, 1 - 2 ** -23))
    expect(ends(0, 1).slope).not.toBeCloseTo(ends(2 ** -20, 1 - 2 ** -20).slope, 6)
  })

  it('AUC of float32 and float64 scores alike, whatever they are', () => {
    const score = fc.oneof(
      fc.float({ noNaN: true }),
      fc.constantFrom(0, -0, 1, -1, 1e-45, -1e-45, Infinity, -Infinity, 2 ** -11, 2 ** 22),
    )
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), score), { minLength: 2, maxLength: 40 }), list => {
        const labels = list.map(([y]) => (y ? 1 : 0))
        const narrow = Float32Array.from(list, ([, s]) => s)
        const pairs = labels.flatMap((y, i) =>
          labels.flatMap((z, j) => {
            const [a, b] = [narrow[i] as number, narrow[j] as number]
            return y === 1 && z === 0 ? [a > b ? 1 : a === b ? 0.5 : 0] : []
          }),
        )
        for (const scores of [narrow, Float64Array.from(narrow), [...narrow]])
          if (pairs.length === 0) expect(auc(labels, scores)).toBeNaN()
          else expect(auc(labels, scores)).toBeCloseTo(mean(pairs), 10)
      }),
      { numRuns: 300 },
    )
  })

  it('an area knows how many of each class it saw; of one class, or with a score that is none, it is NaN', () => {
    expect(areaUnderCurve([1, 1, 0], [3, 2, 1])).toMatchObject({ auc: 1, positives: 2, negatives: 1 })
    expect(areaUnderCurve([1, 1], [3, 2])).toEqual({ auc: NaN, variance: NaN, positives: 2, negatives: 0 })
    expect(areaUnderCurve([0], [3])).toEqual({ auc: NaN, variance: NaN, positives: 0, negatives: 1 })
    expect(areaUnderCurve([0, 1, 1], [3, NaN, 4])).toEqual({ auc: NaN, variance: NaN, positives: 2, negatives: 1 })
    // of one member a class has no spread that could be told
    expect(areaUnderCurve([1, 0, 0], [3, 2, 1]).variance).toBeNaN()
    expect(areaUnderCurve([1, 1, 0], [3, 2, 1]).variance).toBeNaN()
  })

  it('a label is positive above one half, not at it', () => {
    const [scores, zeros, halves, more] = [
      [0.9, 0.2, 0.6, 0.4],
      [0, 0, 1, 1],
      [0.5, 0.5, 1, 1],
      [0.51, 0, 1, 1],
    ]
    for (const metric of [auc, logLoss, brier, calibrationError])
      expect(metric(halves, scores)).toBe(metric(zeros, scores))
    expect(confusion(halves, scores)).toEqual(confusion(zeros, scores))
    expect(calibrationLine(halves, scores)).toEqual(calibrationLine(zeros, scores))
    expect(calibrationLine(zeros, scores).slope).not.toBeNaN()
    for (const metric of [auc, logLoss, brier]) expect(metric(more, scores)).toBe(metric([1, 0, 1, 1], scores))
  })

  it('the interval of an area is the normal one on the logit', () => {
    const area = { auc: 0.8, variance: 0.0009, positives: 50, negatives: 90 }
    for (const confidence of [0.9, 0.95, 0.99]) {
      const { lower, upper } = aucInterval(area, confidence)
      const half = (-normalQuantile((1 - confidence) / 2) * 0.03) / (0.8 * 0.2)
      expect(Math.log(lower / (1 - lower))).toBeCloseTo(Math.log(4) - half, 10)
      expect(Math.log(upper / (1 - upper))).toBeCloseTo(Math.log(4) + half, 10)
    }
    // by hand: the logit 1.3862944 ∓ 1.9599640 · 0.1875
    expect(aucInterval(area)).toEqual(aucInterval(area, 0.95))
    expect(aucInterval(area).lower).toBeCloseTo(0.734739, 5)
    expect(aucInterval(area).upper).toBeCloseTo(0.85243, 5)
    for (const odd of [{ auc: 1 }, { auc: 0 }, { auc: NaN }, { variance: NaN }])
      expect(aucInterval({ ...area, ...odd })).toEqual({ lower: 0, upper: 1 })
  })
})

describe('the paired bootstrap', () => {
  const n = 60
  const labels = Float32Array.from({ length: n }, (_, i) => i % 2)
  const first = Float32Array.from({ length: n }, (_, i) => ((i * 37) % 60) / 60)
  const second = Float32Array.from({ length: n }, (_, i) => ((i * 17) % 60) / 60)
  const plain = { labels, first, second, seed: 3 }
  const pairedBootstrap = (options: {
    readonly metric: (labels: Float32Array, scores: Float32Array) => number
    readonly labels: Float32Array
    readonly first: Float32Array
    readonly second: Float32Array
    readonly seed: number
    readonly resamples?: number
    readonly confidence?: number
  }) => {
    const { metric, labels: y, first: a, second: b, ...rest } = options
    const picked = (of: Float32Array, pick: Int32Array) => Float32Array.from(pick, row => of[row] as number)
    const { value: difference, ...interval } = bootstrap({
      ...rest,
      rows: n,
      measure: pick => metric(picked(y, pick), picked(a, pick)) - metric(picked(y, pick), picked(b, pick)),
    })
    return { difference, ...interval }
  }

  it('draws the rows of both together: a constant difference has no spread', () => {
    const shifted = first.map(x => x + 0.25)
    const metric = (_: Float32Array, scores: Float32Array) => mean([...scores])
    const made = pairedBootstrap({ ...plain, metric, first: shifted, second: first, resamples: 50 })
    for (const value of [made.difference, made.lower, made.upper]) expect(value).toBeCloseTo(0.25, 6)
    // the label of a row goes with it
    const own = (y: Float32Array, scores: Float32Array) => mean([...scores].map((x, i) => (x - (y[i] as number)) ** 2))
    const same = pairedBootstrap({
      ...plain,
      metric: own,
      first: labels,
      second: labels.map(x => x + 1),
      resamples: 50,
    })
    expect([same.lower, same.upper]).toEqual([-1, -1])
  })

  it('gives the quantiles of what was drawn: 1,000 times and 95 % unless it is said', () => {
    const drawn: number[] = []
    let calls = 0
    const metric = (_: Float32Array, scores: Float32Array) => {
      const value = mean([...scores])
      if (calls++ < 2000) drawn.push(value)
      return value
    }
    const made = pairedBootstrap({ ...plain, metric })
    expect(made.resamples).toBe(1000)
    expect(calls).toBe(2002)
    const differences = Float64Array.from(
      { length: 1000 },
      (_, i) => (drawn[2 * i] ?? 0) - (drawn[2 * i + 1] ?? 0),
    ).sort()
    expect(made.lower).toBe(sortedQuantile(differences, 0.025))
    expect(made.upper).toBe(sortedQuantile(differences, 1 - 0.025))
    expect(made.difference).toBeCloseTo(mean([...first]) - mean([...second]), 10)
    const narrow = pairedBootstrap({ ...plain, metric: (_, scores) => mean([...scores]), confidence: 0.5 })
    expect(narrow.lower).toBeCloseTo(sortedQuantile(differences, 0.25), 10)
    expect(narrow.upper).toBeCloseTo(sortedQuantile(differences, 0.75), 10)
  })

  it('leaves out draws in which the metric is not defined', () => {
    let calls = 0
    const metric = () => (calls++ % 4 === 0 ? NaN : 1)
    const made = pairedBootstrap({ ...plain, metric, resamples: 10 })
    expect(made.resamples).toBe(5)
    const none = pairedBootstrap({ ...plain, metric: () => NaN, resamples: 10 })
    expect(none).toEqual({ difference: NaN, lower: NaN, upper: NaN, resamples: 0 })
  })
})
