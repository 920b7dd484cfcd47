import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { readFrame } from './read-frame.ts'

const inputs = [
  { name: 'x', type: 'int' },
  { name: 'zone', type: 'text' },
] as const

// Parts that lie one after the other, as of a split by time, and parts that lie anywhere, as of one by chance
test.each([
  ['after the others', 'i >= 700'],
  ['anywhere', '(i * 7919) % 1000 < 300'],
])('of held-out rows that lie %s a limit takes every so many, in their order', async (_, held) => {
  const engine = await openDuckdb()
  try {
    const path = join(await mkdtemp(join(tmpdir(), 'millrace-frame-')), 'frame.parquet')
    await engine.writeParquet(
      `SELECT i AS x, 'z' || i AS zone, i % 2 AS millrace_label, CASE WHEN ${held} THEN 'test' ELSE 'train' END AS millrace_split FROM range(1000) AS t(i) ORDER BY i`,
      path,
    )
    for (const part of ['train', 'test'] as const) {
      const all = await readFrame(engine, path, inputs, part)
      for (const limit of [1, 7, 100, 299, 10_000]) {
        const some = await readFrame(engine, path, inputs, part, limit)
        const step = Math.ceil(all.rows / limit)
        const wanted = [...all.labels.keys()].filter(row => row % step === 0)
        expect(some.rows).toBeLessThanOrEqual(limit)
        expect([...(some.inputs[0] as Float32Array)]).toEqual(wanted.map(row => all.inputs[0]?.[row]))
        expect(some.inputs[1]).toEqual(wanted.map(row => all.inputs[1]?.[row]))
        expect([...some.labels]).toEqual(wanted.map(row => all.labels[row]))
      }
    }
  } finally {
    await engine.close()
  }
})
