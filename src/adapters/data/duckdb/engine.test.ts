import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { column, compareValues, toEvaluator, toSql, type Node } from '../../../define/expression/index.ts'
import type { DataEngine, Value } from '../../../ports/data-engine.ts'
import { openDuckdb } from './engine.ts'
import { duckdbDialect } from './dialect.ts'
import { times } from '../../../../test/fuzz/edges.ts'
import { anyExpression, anyRow, rowColumns } from '../../../../test/support/expressions.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

describe('the DuckDB engine', () => {
  it('reads columns as typed arrays with masks', async () => {
    const columns = await engine.columns(
      `SELECT * FROM (VALUES (1::BIGINT, 2.5::DOUBLE, 'a', true, TIMESTAMP '1970-01-01 00:00:01'), (NULL, NULL, NULL, NULL, NULL)) t(i, f, s, b, moment)`,
    )
    expect(columns.get('i')).toEqual({
      name: 'i',
      type: 'int',
      values: BigInt64Array.of(1n, columns.get('i')?.values[1] as bigint),
      nulls: Uint8Array.of(0, 1),
    })
    expect(columns.get('f')?.values[0]).toBe(2.5)
    expect(columns.get('moment')?.values[0]).toBe(1_000_000n)
    expect(await engine.rows('SELECT 9007199254740993::BIGINT AS big, NULL::INT AS none')).toEqual([
      { big: 9007199254740993n, none: null },
    ])
  })

  it('keeps a stream whole while other queries run', async () => {
    let rows = 0
    for await (const batch of engine.stream('SELECT range AS x FROM range(400000)')) {
      rows += batch.get('x')?.values.length ?? 0
      await engine.rows('SELECT 1')
    }
    expect(rows).toBe(400_000)
  })

  it('loads typed arrays and writes them as Parquet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
    const n = 5000
    const relation = await engine.load('loaded', [
      { name: 'x', type: 'float', values: Float64Array.from({ length: n }, (_, i) => i / 2) },
      {
        name: 'k',
        type: 'text',
        values: Array.from({ length: n }, (_, i) => `k${i % 3}`),
        nulls: Uint8Array.from({ length: n }, (_, i) => (i === 7 ? 1 : 0)),
      },
    ])
    expect(await engine.writeParquet(`SELECT * FROM ${relation.sql}`, join(folder, 'x.parquet'))).toBe(n)
    const back = await engine.scan({ kind: 'parquet', path: 'x.parquet' }, folder)
    expect(await engine.rows(`SELECT sum(x) AS s, count(k) AS c FROM ${back.sql}`)).toEqual([
      { s: (n * (n - 1)) / 4, c: n - 1 },
    ])
  })

  it('names a truncated Parquet file and one that is not there', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-'))
    await writeFile(join(folder, 'a.parquet'), 'PAR1 nothing')
    await expect(engine.scan({ kind: 'parquet', path: 'a.parquet' }, folder)).rejects.toMatchObject({ code: 'MR2002' })
    await expect(engine.scan({ kind: 'parquet', path: 'none.parquet' }, folder)).rejects.toMatchObject({
      code: 'MR2002',
    })
  })
})

describe('an expression means the same in SQL and in TypeScript', () => {
  const same = (a: Value, b: Value, { type }: Node): boolean => {
    if (a === null || b === null) return a === b
    // The last bit of a logarithm may differ
    if (type === 'float' && typeof a === 'number' && typeof b === 'number')
      return (
        Object.is(a, b) ||
        Math.abs(a - b) <= 1e-12 * Math.max(Math.abs(a), Math.abs(b)) ||
        (Number.isNaN(a) && Number.isNaN(b))
      )
    return compareValues(a, b) === 0
  }

  it('on random expressions and rows', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyExpression, { minLength: 20, maxLength: 20 }),
        fc.array(anyRow, { minLength: 12, maxLength: 12 }),
        async (nodes: readonly Node[], rows) => {
          const values = rows
            .map(
              row =>
                `(${rowColumns.map(([name, type]) => duckdbDialect.literal(row[name] as Value, type)).join(', ')})`,
            )
            .join(', ')
          const selected = nodes.map(
            (node, i) =>
              `${node.type === 'timestamp' ? duckdbDialect.epochMicros(toSql(node, duckdbDialect)) : toSql(node, duckdbDialect)} AS e${i}`,
          )
          const names = rowColumns.map(([name]) => `"${name}"`).join(', ')
          const found = await engine.rows(`SELECT ${selected.join(', ')} FROM (VALUES ${values}) t(${names})`)
          for (const [i, node] of nodes.entries()) {
            const evaluate = toEvaluator(node)
            for (const [r, row] of rows.entries()) {
              const here = evaluate(name => row[name] as Value)
              const there = found[r]?.[`e${i}`] as Value
              if (!same(there, here, node))
                throw new Error(
                  `${toSql(node, duckdbDialect)} on ${JSON.stringify(row, (_, v) => (typeof v === 'bigint' ? `${v}n` : Number.isNaN(v) ? 'NaN' : v))}: SQL ${String(there)}, row ${String(here)}`,
                )
            }
          }
        },
      ),
      { numRuns: 25 * times },
    )
  })

  it('reads hours across the change of clocks', async () => {
    const at = Date.UTC(2026, 9, 25, 0, 30) * 1000
    for (const zone of ['UTC', 'Europe/Berlin', 'America/New_York', 'Asia/Kathmandu'])
      for (const step of [0, 30, 60, 90, 120, 150]) {
        const node = column<'timestamp', false, 'at'>('at', 'timestamp').hour(zone).node
        const micros = at + step * 60_000_000
        const [row] = await engine.rows(
          `SELECT ${toSql(node, duckdbDialect)} AS h FROM (SELECT make_timestamp(${micros}) AS at)`,
        )
        expect([zone, step, row?.h]).toEqual([zone, step, toEvaluator(node)(() => micros)])
      }
  })
})
