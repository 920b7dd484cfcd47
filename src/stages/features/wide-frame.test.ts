import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, entity, features, linear, model, parquet, t } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { buildFrame, snapshotSql } from './frame.ts'

// Of so many columns the frame is made of several tables that stand beside each other.
const many = 1_100
const rows = 60
const names = Array.from({ length: many }, (_, i) => `x${i}`)
/** The event of a row as it arrives: not in the order of time. */
const eventOf = (row: number): number => (row * 37) % rows
const cellOf = (event: number, column: number): number => event * 10_000 + column

const root = mkdtempSync(join(tmpdir(), 'millrace-wide-frame-'))
let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
  await engine.load('wide_source', [
    { name: 'at', type: 'timestamp', values: BigInt64Array.from({ length: rows }, (_, row) => BigInt(eventOf(row))) },
    { name: 'who', type: 'text', values: Array.from({ length: rows }, (_, row) => `p${eventOf(row) % 3}`) },
    { name: 'y', type: 'float', values: Float64Array.from({ length: rows }, (_, row) => eventOf(row) / 8) },
    ...names.map((name, i) => ({
      name,
      type: 'float' as const,
      values: Float64Array.from({ length: rows }, (_, row) => cellOf(eventOf(row), i)),
    })),
  ])
  await engine.writeParquet('SELECT * FROM wide_source', join(root, 'source.parquet'))
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const columns = {
  at: t.timestamp('UTC'),
  who: t.text(),
  y: t.float(),
  ...Object.fromEntries(names.map(name => [name, t.float()])),
}
const timed = dataset('timed', { source: parquet('none'), columns, eventTime: 'at' })
const untimed = dataset('untimed', { source: parquet('none'), columns })
const before = features('before', {
  entity: entity('person', { who: t.text() }),
  from: timed,
  compute: f => ({ seen: f.count('1000us') }),
})
const inputs = (c: Record<string, unknown>): never => Object.fromEntries(names.map(name => [name, c[name]])) as never
const common = { task: 'regression', label: (c: { y: never }) => c.y, train: linear() } as const
const byTime = model('by-time', {
  ...common,
  from: timed,
  inputs: (c: never) => ({ ...before.all, ...(inputs(c) as object) }),
  features: [before],
  split: { by: 'time', train: '40us', test: '20us' },
} as never)
const byHash = model('by-hash', {
  ...common,
  from: untimed,
  inputs: (c: never) => inputs(c),
  split: { by: 'random', test: 0.25 },
} as never)

async function frameOf(made: typeof byTime, dataName: string) {
  const path = join(root, `${made.name}.parquet`)
  const snapshots = new Map([[dataName, await snapshotSql(engine, join(root, 'source.parquet'))]])
  const summary = await buildFrame(engine, made, snapshots, path)
  const relation = await engine.scan({ kind: 'parquet', path, rowNumber: 'n' } as never, '/')
  return { summary, rows: await engine.rows(`SELECT * FROM ${relation.sql} ORDER BY n`) }
}

describe('a frame of more columns than are put into order at once', () => {
  it('has the cells of each row beside each other, in the order of time, with features joined', async () => {
    const { summary, rows: made } = await frameOf(byTime, 'timed')
    expect(summary).toMatchObject({ train: 40, test: 20 })
    made.forEach((row, event) => {
      expect(row.millrace_label).toBe(event / 8)
      expect(row.seen).toBe(Math.floor(event / 3))
      expect(names.filter((name, i) => row[name] !== cellOf(event, i))).toEqual([])
    })
  })

  it('or in that of arrival', async () => {
    const { rows: made } = await frameOf(byHash, 'untimed')
    expect(made).toHaveLength(rows)
    made.forEach((row, at) => {
      expect(row.millrace_label).toBe(eventOf(at) / 8)
      expect(names.filter((name, i) => row[name] !== cellOf(eventOf(at), i))).toEqual([])
    })
  })

  it('names an input that has no float32, wherever it stands', async () => {
    const far = 'SELECT * REPLACE (x1099 * 1e38 AS x1099) FROM'
    const sql = (await snapshotSql(engine, join(root, 'source.parquet'))).replace('SELECT * FROM', far)
    // the number of the row stands beside its columns
    await expect(
      buildFrame(engine, byHash, new Map([['untimed', sql]]), join(root, 'far.parquet')),
    ).rejects.toMatchObject({ code: 'MR4022', details: { input: 'its input x1099' } })
  })
})

describe('a part without rows', () => {
  const labelled = dataset('labelled', { source: parquet('none'), columns: { class: t.text(), x: t.float() } })
  const build = (sql: string) => {
    const made = model('names', {
      task: 'multiclass',
      from: labelled,
      label: c => c.class,
      inputs: c => ({ x: c.x }),
      split: { by: 'random', test: 0.25 },
      train: linear(),
    })
    return buildFrame(engine, made, new Map([['labelled', sql]]), join(root, 'names.parquet'))
  }

  it('is said to come of classes of one row each, or of one row in all', async () => {
    const rowsOf = (count: number) =>
      `SELECT 'c' || range AS class, 1.0 AS x, range AS millrace_seq FROM range(${count})`
    await expect(build(rowsOf(300))).rejects.toThrow(
      /300 rows have a label, each class of which is parted by itself: no class has enough of them/,
    )
    await expect(build(rowsOf(1))).rejects.toThrow(/\(1 row has a label\)/)
  })
})
