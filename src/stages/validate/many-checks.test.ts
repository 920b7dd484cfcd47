import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, parquet, t } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { validate } from './validate.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-many-'))
  await engine.writeParquet('SELECT range AS x FROM range(150)', join(root, 'rows.parquet'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

it('each of many failed checks has its own rows and no other has them', async () => {
  const made = dataset('d', {
    source: parquet('rows.parquet'),
    columns: { x: t.int() },
    expect: c => Array.from({ length: 150 }, (_, n) => c.x.notInSet([n], { id: `not-${n}` })),
  })
  const { split, release } = await validate({ engine, root, clock: manualClock() }, made)
  const rows = await engine.rows(
    `SELECT x, array_to_string(millrace_checks, ',') AS broken FROM (${split.bad}) ORDER BY x`,
  )
  expect(rows).toEqual(Array.from({ length: 150 }, (_, x) => ({ x, broken: `not-${x}` })))
  await release()
})
