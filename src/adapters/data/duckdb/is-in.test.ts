import { afterAll, beforeAll, expect, it } from 'vitest'
import type { ColumnType, DataEngine, Value } from '../../../ports/data-engine.ts'
import { openDuckdb } from './engine.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const int64 = 2n ** 63n
const few = Array.from({ length: 9 }, (_, n) => n + 100)

// A long list is written otherwise than a short one, and a list of mixed types otherwise than one of a single type
it.each<readonly [string, ColumnType, readonly Value[], readonly Value[]]>([
  ['ints to the ends of their range', 'int', [-int64, int64 - 1n, 2n ** 53n + 1n], [int64 - 2n, 2n ** 53n, 99n]],
  ['floats to the last bit', 'float', [0.1, 5e-324, Infinity, NaN], [0.1 + 2 ** -56, 0, -Infinity]],
  ['texts, of casts too', 'text', ["it's", "CAST('1' AS BIGINT)"], ["its'", '1']],
])('%s are in lists, short and long', async (_, type, inside, outside) => {
  const { dialect } = engine
  const written = (values: readonly Value[]) => values.map(value => dialect.literal(value, type))
  const more = written(few.map(n => (type === 'text' ? String(n) : n)))
  const lists = [written(inside), [...written(inside), ...more]]
  for (const list of lists) {
    const asked = [...written(inside), ...written(outside), dialect.literal(null, type)]
    const [row] = await engine.rows(`SELECT ${asked.map((one, n) => `${dialect.isIn(one, list)} AS a${n}`).join(', ')}`)
    expect(Object.values(row ?? {})).toEqual([...inside.map(() => true), ...outside.map(() => false), null])
  }
})

it('a long list of ints and floats holds both', async () => {
  const { dialect } = engine
  const list = [...few.map(n => dialect.literal(n, 'int')), dialect.literal(0.5, 'float')]
  const asked = [0.5, 100, 0.25].map((n, i) => `${dialect.isIn(dialect.literal(n, 'float'), list)} AS a${i}`)
  const [row] = await engine.rows(`SELECT ${asked.join(', ')}`)
  expect(Object.values(row ?? {})).toEqual([true, true, false])
})
