import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applySteps, fitIsotonic, fitPlatt, fitTemperature, stepAt } from './index.ts'

const reference = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/calibration/reference.json', import.meta.url), 'utf8'),
) as {
  readonly margins: number[]
  readonly scores: number[]
  readonly labels: number[]
  readonly weights: number[]
  readonly asked: number[]
  readonly platt: Readonly<Record<string, { slope: number; offset: number }>>
  readonly isotonic: Readonly<Record<string, number[]>>
}

describe.each(['plain', 'weighted'])('against scikit-learn, %s', name => {
  const weights = name === 'weighted' ? reference.weights : undefined
  test('Platt', () => {
    const { slope, offset } = fitPlatt(reference.margins, reference.labels, weights)
    expect(slope).toBeCloseTo(reference.platt[name]?.slope as number, 4)
    expect(offset).toBeCloseTo(reference.platt[name]?.offset as number, 4)
  })
  test('isotonic', () => {
    const steps = fitIsotonic(reference.scores, reference.labels, weights)
    reference.asked.forEach((score, at) =>
      expect(stepAt(steps, score)).toBeCloseTo(reference.isotonic[name]?.[at] as number, 9),
    )
  })
})

test('the isotonic line is the nearest of all rising ones at the scores', () => {
  const points = fc.array(fc.tuple(fc.integer({ min: 0, max: 5 }), fc.nat(1), fc.integer({ min: 1, max: 3 })), {
    minLength: 1,
    maxLength: 8,
  })
  fc.assert(
    fc.property(points, list => {
      const steps = fitIsotonic(
        list.map(([x]) => x),
        list.map(([, y]) => y),
        list.map(([, , w]) => w),
      )
      const error = (of: (x: number) => number): number =>
        list.reduce((sum, [x, y, w]) => sum + w * (of(x) - y) ** 2, 0)
      const values = [0, 1, 2, 3, 4, 5].map(x => stepAt(steps, x))
      values.forEach((value, x) => expect(value).toBeGreaterThanOrEqual(values[x - 1] ?? 0))
      // Against every rising function with values in sixths
      const least = (x: number, from: number): number =>
        x > 5
          ? 0
          : Math.min(
              ...[0, 1, 2, 3, 4, 5, 6]
                .filter(sixth => sixth >= from)
                .map(sixth => error_at(x, sixth / 6) + least(x + 1, sixth)),
            )
      const error_at = (x: number, value: number): number =>
        list.filter(([one]) => one === x).reduce((sum, [, y, w]) => sum + w * (value - y) ** 2, 0)
      expect(error(x => stepAt(steps, x))).toBeLessThanOrEqual(least(0, 0) + 1e-9)
    }),
    { numRuns: 40 },
  )
})

test('margins that say nothing, or the contrary, become the share of positives; certainties are drawn in', () => {
  const labels = [1, 0, 0, 0, 1, 0, 0, 0]
  for (const margins of [labels.map(() => 3), labels.map(label => -label)]) {
    const { slope, offset } = fitPlatt(margins, labels)
    expect(slope).toBe(0)
    expect(1 / (1 + Math.exp(-offset))).toBeCloseTo((2 * 0.75 + 6 * (1 / 8)) / 8, 9)
  }
  const one = fitPlatt([-1, 1], [0, 1])
  expect(1 / (1 + Math.exp(-(one.slope + one.offset)))).toBeCloseTo(2 / 3, 6)
  expect(() => fitPlatt([1], [1], [0])).toThrow(/no row to calibrate on/)
  expect(() => fitIsotonic([NaN], [1])).toThrow(/no row to calibrate on/)
})

test('a temperature is found where the labels are likeliest, and cannot be infinite', () => {
  const margins = [2, 0, -1, 0, 3, 0, 0, 0, 1, 1, 0, 0]
  const labels = [0, 2, 2, 1]
  const loss = (factor: number): number =>
    labels.reduce((sum, label, row) => {
      const own = margins.slice(row * 3, row * 3 + 3).map(m => factor * m)
      return sum + Math.log(own.reduce((a, m) => a + Math.exp(m), 0)) - (own[label] as number)
    }, 0)
  const factor = fitTemperature(margins, labels, 3)
  for (const other of [0.99, 1.01]) expect(loss(factor)).toBeLessThanOrEqual(loss(factor * other))
  expect(fitTemperature([1, 0, 0, 1], [0, 1], 2)).toBeLessThan(200)
  expect(fitTemperature(margins, labels, 3, [1, 0, 0, 0])).toBeGreaterThan(factor)
})

test('beyond the knots the ends hold, and what is no number stays none', () => {
  const steps = { scores: [0.2, 0.4], probabilities: [0.1, 0.5] }
  const scores = Float32Array.from([0, 0.2, 0.3, 0.4, 1, NaN])
  applySteps(steps, scores)
  for (const [at, wanted] of [0.1, 0.1, 0.3, 0.5, 0.5].entries()) expect(scores[at]).toBeCloseTo(wanted, 6)
  expect(scores[5]).toBeNaN()
})
