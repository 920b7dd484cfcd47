import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { calibrationError, calibrationLine } from './calibration.ts'
import { brier, confusion, logLoss } from './classification.ts'
import { bootstrap } from './bootstrap.ts'
import { areaUnderCurve, auc, aucInterval } from './ranking.ts'
import { mae, r2, rmse } from './regression.ts'

type Names = 'auc' | 'logLoss' | 'brier' | 'accuracy' | 'precision' | 'recall' | 'f1' | 'rmse' | 'mae' | 'r2' | 'ece'
type Case = Record<Names, number> & Record<'labels' | 'scores' | 'target' | 'guess' | 'calibration', number[]>
const cases = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/statistics/metrics.json', import.meta.url), 'utf8'),
) as Case[]

describe('metrics equal scikit-learn', () => {
  for (const [i, one] of cases.entries())
    it(`case ${i}: ${one.labels.length} rows`, () => {
      const { labels, scores, target, guess } = one
      const counts = confusion(labels, scores)
      const pairs: [number, number][] = [
        [auc(labels, scores), one.auc],
        [logLoss(labels, scores), one.logLoss],
        [brier(labels, scores), one.brier],
        [counts.accuracy, one.accuracy],
        [counts.precision, one.precision],
        [counts.recall, one.recall],
        [counts.f1, one.f1],
        [rmse(target, guess), one.rmse],
        [mae(target, guess), one.mae],
        [r2(target, guess), one.r2],
        [calibrationError(labels, scores), one.ece],
      ]
      for (const [actual, wanted] of pairs)
        expect(Math.abs(actual - wanted)).toBeLessThan(1e-9 * (1 + Math.abs(wanted)))
      const line = calibrationLine(labels, scores)
      expect(line.slope).toBeCloseTo(one.calibration[0] as number, 5)
      expect(line.intercept).toBeCloseTo(one.calibration[1] as number, 5)
    })
})

describe('area under the curve', () => {
  it('equals the share of pairs in order, ties half, and DeLong by its definition', () => {
    const row = fc.tuple(fc.boolean(), fc.integer({ min: -5, max: 5 }))
    fc.assert(
      fc.property(fc.array(row, { minLength: 4, maxLength: 60 }), rows => {
        const positives = rows.filter(([label]) => label).map(([, score]) => score)
        const negatives = rows.filter(([label]) => !label).map(([, score]) => score)
        if (positives.length < 2 || negatives.length < 2) return
        const beats = (a: number, b: number): number => (a > b ? 1 : a === b ? 0.5 : 0)
        const mean = (x: number[]): number => x.reduce((a, b) => a + b, 0) / x.length
        const variance = (x: number[]): number => x.reduce((a, b) => a + (b - mean(x)) ** 2, 0) / (x.length - 1)
        const v10 = positives.map(p => mean(negatives.map(q => beats(p, q))))
        const v01 = negatives.map(q => mean(positives.map(p => beats(p, q))))
        const area = areaUnderCurve(
          rows.map(([label]) => (label ? 1 : 0)),
          Float32Array.from(rows, ([, score]) => score),
        )
        expect(area.auc).toBeCloseTo(mean(v10), 10)
        expect(area.variance).toBeCloseTo(variance(v10) / v10.length + variance(v01) / v01.length, 10)
      }),
    )
  })

  it('has an interval that covers about as often as it says', () => {
    const random = seeded(3)
    let covered = 0
    for (let repeat = 0; repeat < 300; repeat++) {
      const labels = Float32Array.from({ length: 400 }, () => (random.next() < 0.3 ? 1 : 0))
      const scores = labels.map(label => random.normal() + label)
      const { lower, upper } = aucInterval(areaUnderCurve(labels, scores))
      // Φ(1/√2)
      if (lower <= 0.76025 && upper >= 0.76025) covered++
    }
    expect(covered / 300).toBeGreaterThan(0.91)
  })
})

it('the paired bootstrap is reproducible and sees a difference that both models share noise around', () => {
  const random = seeded(4)
  const labels = Float32Array.from({ length: 1000 }, () => (random.next() < 0.4 ? 1 : 0))
  const first = labels.map(label => 1 / (1 + Math.exp(-(random.normal() + label))))
  const second = first.map(score => Math.min(0.999, Math.max(0.001, score + 0.15 * random.normal())))
  const picked = (of: Float32Array, pick: Int32Array) => Float32Array.from(pick, row => of[row] as number)
  const measure = (pick: Int32Array) =>
    auc(picked(labels, pick), picked(first, pick)) - auc(picked(labels, pick), picked(second, pick))
  const options = { rows: labels.length, measure, seed: 5, resamples: 300 }
  const interval = bootstrap(options)
  expect(bootstrap(options)).toEqual(interval)
  expect(interval.lower).toBeGreaterThan(0)
  expect(interval.lower).toBeLessThan(interval.value)
  expect(interval.upper).toBeGreaterThan(interval.value)
})
