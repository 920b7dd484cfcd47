import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../../adapters/data/duckdb/engine.ts'
import { duckdbDialect } from '../../../adapters/data/duckdb/dialect.ts'
import type { DataEngine } from '../../../ports/data-engine.ts'
import { mayRepeat } from './repeats.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const hashesOf = (rows: string) => `SELECT ${duckdbDialect.rowHash(['a', 'b'])} AS h FROM (${rows})`

/** What plain grouping says. */
async function repeated(rows: string): Promise<string[]> {
  const found = await engine.columns(`SELECT h FROM (${hashesOf(rows)}) GROUP BY h HAVING count(*) > 1`)
  return [...(found.get('h')?.values ?? [])].map(String)
}

describe('suspect hashes', () => {
  it.each([
    ['none', 'SELECT range AS a, 1 AS b FROM range(200_000)'],
    ['many', 'SELECT range % 120_000 AS a, 1 AS b FROM range(200_000)'],
    ['of texts', "SELECT 'k' || (range % 90_001) AS a, range % 7 AS b FROM range(200_000)"],
    ['one far apart', 'SELECT CASE WHEN range = 199_999 THEN 0 ELSE range END AS a, 1 AS b FROM range(200_000)'],
    ['all alike', 'SELECT 1 AS a, 2 AS b FROM range(5000)'],
    ['of nulls', 'SELECT NULL::BIGINT AS a, range // 2 AS b FROM range(3000)'],
    ['of no row', 'SELECT 1 AS a, 2 AS b WHERE false'],
  ])('are every one that several rows have, and few others: %s', async (_what, rows) => {
    const suspects = new Set([...((await mayRepeat(engine, hashesOf(rows), 200_000)) ?? [])].map(String))
    const wanted = await repeated(rows)
    expect(wanted.filter(hash => !suspects.has(hash))).toEqual([])
    expect(suspects.size - wanted.length).toBeLessThan(0.02 * 200_000)
  })

  it('are every one however few rows were said to come', async () => {
    const rows = 'SELECT range % 60_000 AS a, 1 AS b FROM range(100_000)'
    const suspects = new Set([...((await mayRepeat(engine, hashesOf(rows), 0)) ?? [])].map(String))
    expect((await repeated(rows)).filter(hash => !suspects.has(hash))).toEqual([])
  })

  it('are not held beyond a number of them', async () => {
    const rows = 'SELECT range % 100 AS a, 1 AS b FROM range(1000)'
    expect(await mayRepeat(engine, hashesOf(rows), 1000, 899)).toBeUndefined()
    expect(await mayRepeat(engine, hashesOf(rows), 1000, 900)).toHaveLength(900)
  })
})
