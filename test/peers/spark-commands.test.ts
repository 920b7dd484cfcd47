import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { millrace } from '../support/command.ts'

// The command line with a Spark Connect server: what it says, and what it keeps, is what DuckDB's does.

const url = process.env.MILLRACE_TEST_SAIL ?? ''
const onServer = { data: { kind: 'sparkConnect', urlFrom: 'MILLRACE_TEST_SAIL' } }

describe.skipIf(url === '')('commands on a Spark Connect server', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-spark-'))
  let engine: DataEngine
  beforeAll(async () => {
    engine = await openDuckdb()
    mkdirSync(join(root, 'data'))
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(resolve('.'), join(root, 'node_modules', 'millrace'))
    for (const file of ['a', 'b'])
      await engine.writeParquet(
        `SELECT TIMESTAMP '2026-01-01' + INTERVAL (i) MINUTE AS at, i % 7 AS seats, CASE WHEN i % 50 = 3 THEN NULL ELSE i / 8 END AS km, chr(CAST(97 + i % 5 AS INTEGER)) || '${file}' AS zone FROM range(4000) t(i)`,
        join(root, 'data', `${file}.parquet`),
      )
    writeFileSync(
      join(root, 'millrace.config.ts'),
      `import { dataset, expect as must, parquet, project, t } from 'millrace'
const rides = dataset('rides', {
  source: parquet('data/*.parquet'),
  columns: { at: t.timestamp('UTC'), seats: t.int(), km: t.nullable(t.float()), zone: t.text() },
  eventTime: 'at',
  expect: c => [
    must.rowCount({ min: 100 }),
    c.seats.between(0, 5),
    c.km.notNull({ mostly: 0.9 }),
    c.km.between(undefined, 490, { severity: 'warning' }),
    c.km.quantile(0.5, { min: 0, max: 300 }),
    c.zone.matches(/^[a-d]/, { quarantine: true }),
    must.unique([c.at, c.zone]),
    must.correlation(c.km, c.seats, { min: -1, max: 1, method: 'spearman' }),
  ],
})
export default project('rides', { rides }, JSON.parse(process.env.MILLRACE_TEST_SETTINGS ?? '{}'))
`,
    )
  })
  afterAll(async () => {
    await engine.close()
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  })

  const kept = () => {
    const file = join(root, '.millrace', 'quarantine', 'rides.parquet')
    const text = (list: string): string => `array_to_string(${list}, ',') AS ${list}`
    return engine.rows(
      `SELECT * REPLACE (${text('millrace_checks')}, ${text('millrace_reasons')}) FROM (SELECT * EXCLUDE (millrace_row) FROM read_parquet('${file}')) ORDER BY ALL`,
    )
  }

  test('validate says the same and keeps the same rows', async () => {
    const here = await millrace(root, ['validate', 'rides'])
    const rows = await kept()
    rmSync(join(root, '.millrace'), { recursive: true })
    const there = await millrace(root, ['validate', 'rides'], onServer)
    expect(here.code).toBe(1)
    expect(there).toEqual(here)
    expect(rows.length).toBeGreaterThan(1_000)
    expect(await kept()).toEqual(rows)
  })

  test('profile finds the same', async () => {
    const profile = async (settings: object): Promise<unknown> => {
      const said = await millrace(root, ['profile', 'rides', '--json'], settings)
      expect(said.code, said.said).toBe(0)
      return JSON.parse(said.out, (key, value: unknown) =>
        key === 'physical' ? undefined : typeof value === 'number' ? Number(value.toPrecision(9)) : value,
      )
    }
    expect(await profile(onServer)).toEqual(await profile({}))
  })

  test('what is not done there is refused by name before anything is asked', async () => {
    const refused = await millrace(root, ['data', 'snapshot', 'rides'], onServer)
    expect(refused.code).toBe(2)
    expect(refused.said).toContain('MR2077')
  })
})
