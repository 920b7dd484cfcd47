import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, expect as must, parquet, t } from '../../index.ts'
import type { Expectation } from '../../define/expectation/spec.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { validate } from './validate.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-names-'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

/** Names that our own statements use, that SQL reserves, or that no sane table has. */
const names = [
  'part',
  'v',
  'n',
  'a',
  'b',
  'h',
  'r',
  'g',
  'o',
  'f',
  'c',
  'x',
  'y',
  'q',
  'q0',
  'k0',
  'm0_0',
  'd0',
  's0',
  'first',
  'bad',
  'rows',
  'row',
  'select',
  'order',
  'filter',
  'value',
  'matched',
  'agreed',
  'file_index',
  'file_row_number',
  'filename',
  'f0',
  'r0',
  'Größe',
  '😀',
  'with "quotes"',
  "it's",
  'a b',
  'x'.repeat(200),
]

it.each(names)('a column called %s is a column like any other', async name => {
  const quoted = `"${name.replaceAll('"', '""')}"`
  for (const part of [0, 1])
    await engine.writeParquet(
      `SELECT CASE WHEN range = 7 THEN NULL WHEN range = 9 THEN 8 ELSE range END::BIGINT AS ${quoted}, range % 3 AS other FROM range(${part * 10}, ${part * 10 + 10})`,
      join(root, `p-${part}.parquet`),
    )
  const other = dataset('other', {
    source: parquet('p-*.parquet'),
    columns: { [name]: t.nullable(t.int()), other: t.int() },
  })
  const made = dataset('d', {
    source: parquet('p-*.parquet'),
    columns: { [name]: t.nullable(t.int()), other: t.int() },
    expect: given => {
      const c = given as unknown as Record<string, never>
      const own = c[name] as unknown as Record<string, (...args: unknown[]) => Expectation>
      const make = (method: string, ...args: unknown[]) => (own[method] as (...all: unknown[]) => Expectation)(...args)
      const node = own as never
      return [
        make('between', 0, 15, { id: 'between' }),
        make('unique', { id: 'unique' }),
        make('mean', { id: 'mean', min: 0 }),
        make('quantile', 0.5, { id: 'median', min: 0 }),
        make('distinctCount', { id: 'distinct', min: 0 }),
        make('topValueShare', { id: 'top', max: 1 }),
        make('increasing', { id: 'increasing', orderBy: node }),
        make('inSetFrom', other, name, { id: 'in' }),
        must.correlation(node, c.other as never, { id: 'correlation', min: -1 }),
        must.correlation(node, c.other as never, { id: 'rank', min: -1, method: 'spearman' }),
        must.duplicateRows({ id: 'duplicates' }),
        must.reconcile({ id: 'reconcile', with: other, on: [node] }),
        must.conflictingLabels(c.other as never, { id: 'conflicting', by: [node] }),
      ]
    },
  })
  const { report, split, release } = await validate({ engine, root, clock: manualClock() }, made)
  const bad = Object.fromEntries(report.checks.map(one => [one.id, one.error ?? one.bad]))
  expect(bad).toMatchObject({ between: 4, unique: 2, mean: 0, median: 0, distinct: 0, top: 0, increasing: 0, in: 0 })
  expect(bad).toMatchObject({ correlation: 0, rank: 0, duplicates: 0, reconcile: 0, conflicting: 2 })
  expect(report.checks.find(one => one.id === 'distinct')?.observed.value).toBe(18)
  if (split.bad) expect((await engine.rows(split.bad)).length).toBe(split.failing)
  await release()
})

it.each(['millrace_row', 'Millrace_n', 'x?unreadable'])('the name %s is kept, and refused', name => {
  expect(() => dataset('d', { source: parquet('x'), columns: { [name]: t.int() } })).toThrow(name)
})
