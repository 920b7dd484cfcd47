import fc from 'fast-check'
import { expect, it } from 'vitest'
import { EntityWindow } from './entity-window.ts'
import { packColumns, unpackColumns } from './record-columns.ts'

const numbers = fc.oneof(
  fc.double(),
  fc.constantFrom(Number.NaN, -0, 0, Infinity, -Infinity, 1e300, 2 ** 53),
  fc.nat(3),
)

it('columns come back to the last bit, whatever they share', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 6 }).chain(length =>
        fc.record({
          length: fc.constant(length),
          own: fc.array(fc.array(numbers, { minLength: length, maxLength: length }), { minLength: 1, maxLength: 4 }),
          like: fc.array(fc.tuple(fc.nat(3), fc.oneof(fc.constantFrom(0, 1), numbers)), { maxLength: 4 }),
        }),
      ),
      ({ length, own, like }) => {
        const columns = own.map(values => Float64Array.from(values))
        for (const [of, by] of like) columns.push((columns[of % own.length] as Float64Array).map(value => value + by))
        const packed = packColumns(columns, 0, length).slice()
        const read = columns.map(() => new Float64Array(length))
        expect(unpackColumns(packed, 0, read, length, true)).toBe(packed.length)
        expect(read).toEqual(columns)
        // What is cut off is no record
        for (let end = 0; end < packed.length; end++)
          expect(unpackColumns(packed.slice(0, end), 0, read, length, true)).toBeUndefined()
      },
    ),
    { numRuns: 2000 },
  )
})

it('what is the same for all events, or like another column, costs two numbers', () => {
  const event = Float64Array.from({ length: 100 }, (_, i) => i * i)
  const columns = [event, new Float64Array(100).fill(Number.NaN), event.map(time => time + 1)]
  expect(packColumns(columns, 0, 100).length).toBe(101 + 2 + 2)
})

it('records that were written before columns were packed are still read', () => {
  const [event, value] = [
    [10, 20],
    [5, 7],
  ]
  const columns = [event, [NaN, NaN], [0, 0], [-Infinity, -Infinity], [0, 0], value, [11, 21], [15, 25], [0, 0]]
  const bytes = new Uint8Array(Float64Array.from([3, 2, 2, -Infinity, ...columns.flat()]).buffer)
  const read = [...(EntityWindow.decode(bytes, 2)?.after(-1) ?? [])]
  expect(read.map(one => [one.event, ...Array.from(one.values), ...Array.from(one.declared)])).toEqual([
    [10, 0, 5, 11, 15],
    [20, 0, 7, 21, 25],
  ])
  expect(EntityWindow.decode(bytes, 3)).toBeUndefined()
  expect(EntityWindow.decode(bytes.slice(0, -8), 2)).toBeUndefined()
})
