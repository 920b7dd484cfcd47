import { afterAll, beforeAll, expect, it } from 'vitest'
import { edgeColumns, edgeRows, everyFunction } from '../../../../test/support/every-function.ts'
import { compareValues, describe, toEvaluator, toSql } from '../../../define/expression/index.ts'
import type { DataEngine, Value } from '../../../ports/data-engine.ts'
import { duckdbDialect as sql } from './dialect.ts'
import { openDuckdb } from './engine.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

/** The last bit of a logarithm may differ. */
const same = (a: Value, b: Value): boolean =>
  a === null || b === null
    ? a === b
    : compareValues(a, b) === 0 ||
      (typeof a === 'number' && typeof b === 'number' && Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b)))

it('every function on every pair of edges means the same in SQL and in TypeScript', async () => {
  const values = edgeRows.map(
    row => `(${edgeColumns.map(([name, type]) => sql.literal(row[name] as Value, type)).join(', ')})`,
  )
  const names = edgeColumns.map(([name]) => `"${name}"`).join(', ')
  await engine.rows(`CREATE TEMP TABLE edges AS SELECT * FROM (VALUES ${values.join(', ')}) t(${names})`)
  const selected = everyFunction.map((node, at) => {
    const text = toSql(node, sql)
    return `${node.type === 'timestamp' ? sql.epochMicros(text) : text} AS e${at}`
  })
  const found = await engine.rows(`SELECT ${selected.join(', ')} FROM edges`)
  const wrong: unknown[] = []
  everyFunction.forEach((node, at) => {
    const evaluate = toEvaluator(node)
    edgeRows.forEach((row, r) => {
      const here = evaluate(name => row[name] as Value)
      const there = found[r]?.[`e${at}`] as Value
      if (!same(here, there)) wrong.push([describe(node), row, `SQL ${there}`, `row ${here}`])
    })
  })
  expect(wrong.slice(0, 5)).toEqual([])
  // columns may be reached otherwise than by their names
  expect(toSql(everyFunction[0] as never, sql, name => `t.${name}`)).toContain('t.i')
})
