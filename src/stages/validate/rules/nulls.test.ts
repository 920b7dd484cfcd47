import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../../adapters/data/duckdb/engine.ts'
import { dataset, expect as must, parquet, t } from '../../../index.ts'
import type { RowOptions } from '../../../define/expectation/spec.ts'
import type { DataEngine } from '../../../ports/data-engine.ts'
import { manualClock } from '../../../testing/manual-clock.ts'
import { validate } from '../validate.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-nulls-'))
  // by o: 5, null, 7 (absent elsewhere), 6 (falls, absent), 9; x: 1, NaN, 0.5 (falls), null, 2
  const rows = "(0, 5, 1.0::DOUBLE), (1, NULL, 'NaN'::DOUBLE), (2, 7, 0.5), (3, 6, NULL), (4, 9, 2.0)"
  await engine.writeParquet(
    `SELECT o::BIGINT AS o, i::BIGINT AS i, x::DOUBLE AS x FROM (VALUES ${rows}) v(o, i, x)`,
    join(root, 'rows.parquet'),
  )
  await engine.writeParquet(
    'SELECT i::BIGINT AS i, i::BIGINT AS o, NULL::DOUBLE AS x FROM (VALUES (5), (9)) v(i)',
    join(root, 'other.parquet'),
  )
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

const columns = { o: t.int(), i: t.nullable(t.int()), x: t.nullable(t.float()) }
const other = dataset('other', { source: parquet('other.parquet'), columns })

/** Bad, evaluated and the rows that were set apart. */
async function counts({ nonFinite, ...options }: RowOptions) {
  const made = dataset('d', {
    source: parquet('rows.parquet'),
    columns,
    expect: c => [
      must.foreignKey([c.i], other, ['i'], { ...options, id: 'lookup' }),
      c.i.increasing({ ...options, orderBy: c.o, id: 'order' }),
      must.skew({ ...options, with: other, on: [c.i], features: [c.x], id: 'match' }),
      c.x.increasing({ ...options, ...(nonFinite ? { nonFinite } : {}), orderBy: c.o, id: 'float' }),
      c.x.finite({ id: 'x-all', severity: 'info' }),
    ],
  })
  const { report, split, release } = await validate({ engine, root, clock: manualClock() }, made)
  const apart = split.bad
    ? await engine.rows(
        `SELECT id, count(*)::INT AS n FROM (SELECT unnest(millrace_checks) AS id FROM (${split.bad})) GROUP BY id`,
      )
    : []
  await release()
  return Object.fromEntries(
    ['lookup', 'order', 'match', 'float'].map(id => {
      const check = report.checks.find(one => one.id === id)
      return [id, [check?.bad, check?.evaluated, apart.find(one => one.id === id)?.n ?? 0, check?.error]]
    }),
  )
}

it('a row without a value is left out, held or bad as its declaration says, by every rule', async () => {
  const none = undefined
  expect(await counts({})).toEqual({
    lookup: [2, 4, 2, none],
    order: [1, 4, 1, none],
    match: [2, 2, 2, none],
    float: [2, 4, 2, none],
  })
  expect(await counts({ nulls: 'bad' })).toEqual({
    lookup: [3, 5, 3, none],
    order: [2, 5, 2, none],
    match: [3, 3, 3, none],
    float: [3, 5, 3, none],
  })
  expect(await counts({ nulls: 'good' })).toEqual({
    lookup: [2, 5, 2, none],
    order: [1, 5, 1, none],
    match: [2, 3, 2, none],
    float: [2, 5, 2, none],
  })
})

it('NaN stands in no order: bad, left out, or greatest as the declaration says', async () => {
  expect((await counts({ nonFinite: 'null' }))['float']).toEqual([1, 3, 1, undefined])
  expect((await counts({ nonFinite: 'null', nulls: 'bad' }))['float']).toEqual([3, 5, 3, undefined])
  expect((await counts({ nonFinite: 'allow' }))['float']).toEqual([1, 4, 1, undefined])
})
