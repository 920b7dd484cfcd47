import fc from 'fast-check'
import { expect, it } from 'vitest'
import { scoreDistance, scoreScale } from './score-distance.ts'

const numbers = fc.array(fc.integer({ min: 1, max: 800 }), { minLength: 1 })

it('a verdict on numbers does not change with the unit of the label', () => {
  fc.assert(
    fc.property(numbers, fc.constantFrom(-20, -10, 10, 20), (scores, power) => {
      const once = Float32Array.from(scores, (one, i) => (i % 2 === 0 ? one / 8 : -one / 8))
      const unit = 2 ** power
      const scaled = once.map(one => one * unit)
      const [a, b] = [scoreScale('regression', once), scoreScale('regression', scaled)]
      expect(b).toBe(a * unit)
      once.forEach((one, i) =>
        expect(scoreDistance((scaled[i] as number) * 1.25, scaled[i] as number, b)).toBe(
          scoreDistance(one * 1.25, one, a),
        ),
      )
    }),
  )
})

it('a probability is compared as it is', () => {
  expect(scoreDistance(0.25, 0.5, scoreScale('binary', Float32Array.of(1e-9, 1e-9)))).toBe(0.25)
  expect(scoreDistance(1e-9, 2e-9, 1)).toBeLessThan(1e-5)
})

it('one extreme row does not loosen what the others are held to', () => {
  const scale = scoreScale('regression', Float32Array.of(1, 2, 3, 1e9, Number.POSITIVE_INFINITY))
  expect(scale).toBe(3)
  expect(scoreDistance(2.1, 2, scale)).toBeCloseTo(0.1 / 3, 12)
  expect(scoreDistance(1.1e9, 1e9, scale)).toBeCloseTo(0.1, 12)
})

it('no number is near nothing, and zeros are compared all the same', () => {
  expect(scoreDistance(Number.NaN, 1, 1) <= 1e-5).toBe(false)
  const scale = scoreScale('regression', new Float32Array(4))
  expect(scoreDistance(0, 0, scale)).toBe(0)
  expect(scoreDistance(1e-6, 0, scale)).toBeGreaterThan(1)
  expect(scoreScale('regression', new Float32Array(0))).toBeGreaterThan(0)
})
