import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { designOf } from './design.ts'
import { lossFor } from './losses.ts'
import type { LinearTask } from './model.ts'
import { minimise } from './newton.ts'
import { minimiseInRowSpace, rowSpaceIsSmaller } from './row-space.ts'

const tasks = ['regression', 'binary', 'multiclass', 'count'] as const satisfies readonly LinearTask[]

describe('more columns than rows', () => {
  it('the minimum in the space of the rows is that of all columns: of every task, weights, codes, missing and equal rows', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...tasks),
        fc.constantFrom(0.1, 1, 10),
        fc.boolean(),
        fc
          .integer({ min: 2, max: 14 })
          .chain(rows =>
            fc.tuple(
              fc.array(
                fc.array(fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constant(NaN)), exactly(rows)),
                exactly(20),
              ),
              fc.array(fc.nat(3), exactly(rows)),
              fc.array(fc.nat(2), exactly(rows)),
              fc.array(fc.nat(3), exactly(rows)),
              fc.boolean(),
            ),
          ),
        (task, l2, weighted, [numbers, codes, labels, weights, twins]) => {
          // Equal rows leave the matrix of inner products without an inverse
          const alike = (list: readonly number[]) =>
            Float32Array.from(twins ? list.map((_, row) => list[row - (row % 2)] as number) : list)
          const given = {
            rows: codes.length,
            columns: [...numbers.map(alike), alike(codes)],
            codes: [...numbers.map(() => 0), 4],
            labels: Float32Array.from(labels, label => (task === 'binary' ? Number(label > 0) : label)),
            ...(weighted ? { weights: Float32Array.from(weights, (one, row) => (row === 0 ? 1 : one)) } : {}),
          }
          const design = designOf(given)
          expect(rowSpaceIsSmaller(design)).toBe(true)
          const make = () => lossFor(task, 3, Float64Array.from(given.labels), design.weights)
          const whole = minimise(design, make(), l2)
          const found = minimiseInRowSpace(design, make(), l2)
          const margins = (solution: Float64Array) =>
            Array.from({ length: make().outputs }, (_, k) => [
              ...design.forward(
                solution.subarray(k * design.width, (k + 1) * design.width),
                new Float64Array(given.rows),
              ),
            ]).flat()
          const wanted = margins(whole)
          // Where no row has a label the best constant of counts and classes lies at infinity
          const far = wanted.some(margin => Math.abs(margin) > 15)
          if (far) return
          margins(found).forEach((margin, at) => expect(Math.abs(margin - (wanted[at] as number))).toBeLessThan(1e-6))
          found.forEach((one, at) => {
            if (at % design.width !== design.width - 1) expect(Math.abs(one - (whole[at] as number))).toBeLessThan(1e-6)
          })
        },
      ),
      { numRuns: 150 },
    )
  })

  it('is taken where there are fewer rows, and few enough to hold what they have in common', () => {
    const of = (rows: number, width: number) =>
      rowSpaceIsSmaller({ rows, width } as Parameters<typeof rowSpaceIsSmaller>[0])
    expect(of(100, 102)).toBe(true)
    expect(of(100, 101)).toBe(false)
    expect(of(5_000, 10_000)).toBe(true)
    expect(of(5_001, 10_000)).toBe(false)
  })
})

function exactly(count: number) {
  return { minLength: count, maxLength: count }
}
