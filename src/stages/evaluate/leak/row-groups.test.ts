import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countsOf, equalPairs, RowGroups } from './row-groups.ts'

const cell = fc.constantFrom<number | string>(0, -0, 1, Number.NaN, 'a', '')
const table = fc
  .tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 12 }))
  .chain(([columns, rows]) =>
    fc
      .array(fc.array(cell, { minLength: rows, maxLength: rows }), { minLength: columns, maxLength: columns })
      .map(made => ({ rows, columns: made as never[] as readonly string[][] })),
  )
/** What a row is by plain comparison: all its values, one after another. */
const plain = (columns: readonly (readonly unknown[])[], row: number): string =>
  columns.map(column => `${typeof column[row]} ${String(column[row])}`).join('|')

describe('rows by the values that they are equal in', () => {
  it('have one number where all values are equal, and only then', () => {
    fc.assert(
      fc.property(table, ({ rows, columns }) => {
        const groups = new RowGroups(rows)
        columns.forEach(column => groups.take(row => column[row]))
        for (let a = 0; a < rows; a++)
          for (let b = 0; b < a; b++)
            expect(groups.numbers[a] === groups.numbers[b]).toBe(plain(columns, a) === plain(columns, b))
      }),
      { seed: 7 },
    )
  })

  it('are counted as plain counting does', () => {
    fc.assert(
      fc.property(table, ({ rows, columns }) => {
        let equal = 0
        for (let a = 0; a < rows; a++)
          for (let b = 0; b < rows; b++) if (a !== b && plain(columns, a) === plain(columns, b)) equal++
        expect(equalPairs(columns, rows)).toBeCloseTo(equal / Math.max(1, rows * (rows - 1)), 12)
      }),
      { seed: 8 },
    )
    expect([...countsOf(Int32Array.from([4, 4, 5, 4]), [0, 2, 3])]).toEqual([
      [4, 2],
      [5, 1],
    ])
  })

  it('of columns that tell no rows apart cost no more than a look at each value', () => {
    const [rows, columns] = [2_000, 3_000]
    const groups = new RowGroups(rows)
    let looked = 0
    for (let i = 0; i < columns; i++)
      groups.take(row => {
        looked++
        return i < 2 ? row % 10 : row
      })
    // ten groups of two hundred, then each row for itself: nobody looks again
    expect(looked).toBe(3 * rows)
  })
})
