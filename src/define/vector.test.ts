import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../adapters/data/duckdb/engine.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import { numbersOf, vectorFrom, vectorText } from './vector.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const edges = [
  0, -0, 1e-4, 9.9e-5, 1e15, 1e16, 9999999999999998, 123456789012345680, 5e-324, 1.7976931348623157e308, 1e21,
]

it('a vector has one text: the one that the data engine writes, which reads back', async () => {
  const any = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer().map(n => n / 8),
    fc.constantFrom(...edges),
    fc.float({ noNaN: true, noDefaultInfinity: true }),
  )
  const vectors = [...edges.map(one => [one, -one]), ...fc.sample(fc.array(any, { minLength: 1, maxLength: 4 }), 3000)]
  await engine.load('v', [
    { name: 'n', type: 'int', values: BigInt64Array.from(vectors.flatMap((v, i) => v.map(() => BigInt(i)))) },
    { name: 'p', type: 'int', values: BigInt64Array.from(vectors.flatMap(v => v.map((_, p) => BigInt(p)))) },
    { name: 'x', type: 'float', values: Float64Array.from(vectors.flat()) },
  ])
  const rows = await engine.rows('SELECT CAST(list(x ORDER BY p) AS VARCHAR) AS text FROM v GROUP BY n ORDER BY n')
  expect(rows.map(row => row.text)).toEqual(vectors.map(vectorText))
  expect(rows.map(row => numbersOf(String(row.text)))).toEqual(vectors)
  const { dialect } = engine
  const read = await engine.rows(
    `SELECT ${dialect.readText('text', 'vector', undefined, 2)} AS text FROM (VALUES ${vectors
      .filter(one => one.length === 2)
      .map(one => `('${JSON.stringify(one)}')`)
      .join(', ')}) AS t(text)`,
  )
  expect(read.map(row => row.text)).toEqual(
    vectors.filter(one => one.length === 2).map(one => vectorText(one.map(x => (x === 0 ? 0 : x)))),
  )
})

it('is of just so many finite numbers', () => {
  expect(vectorFrom([1, 2.5], 2)).toBe('[1.0, 2.5]')
  for (const wrong of [
    [1],
    [1, 2, 3],
    [1, Number.NaN],
    [1, Infinity],
    [1, null],
    [1, '2'],
    [1, 2n],
    Array(2),
    'no',
    {},
  ])
    expect(vectorFrom(wrong, 2)).toBeUndefined()
})
