import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { openPostgresTable } from '../../src/adapters/source/postgres/open.ts'
import { dataset, postgres } from '../../src/index.ts'
import { ulid } from '../../src/internal/ids.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { validate } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { wholeCases, wholeNow } from '../oracle/whole-cases.ts'
import { anyRows, columns, figureCases, groupCases, rowCases, type Row } from '../oracle/cases.ts'

const server = process.env['MILLRACE_TEST_POSTGRES']
if (server === undefined)
  console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set; see scripts/peers/postgres.sh for a server to test with')

describe.skipIf(server === undefined)('a table of PostgreSQL has the verdicts of plain counting', () => {
  const schema = `oracle_${ulid().toLowerCase()}`
  const client = new pg.Client({ connectionString: server })
  const table = '(o int, i bigint, j bigint, x double precision, s text, u text, b boolean, t timestamptz)'
  let engine: DataEngine
  let root: string
  beforeAll(async () => {
    engine = await openDuckdb()
    root = await mkdtemp(join(tmpdir(), 'millrace-postgres-'))
    await client.connect()
    await client.query(`create schema ${schema}`)
    for (const name of ['rows', 'others']) await client.query(`create table ${schema}.${name} ${table}`)
  })
  afterAll(async () => {
    await client.query(`drop schema ${schema} cascade`)
    await client.end()
    await engine.close()
    await rm(root, { recursive: true })
  })

  const source = postgres(`${schema}.rows`, { urlFrom: 'MILLRACE_TEST_POSTGRES' })
  const openForeign = () => openPostgresTable(`${schema}.rows`, server ?? '')

  async function fill(rows: readonly Row[], name = 'rows'): Promise<void> {
    await client.query(`truncate ${schema}.${name}`)
    for (const row of rows)
      await client.query(
        `insert into ${schema}.${name} values ($1, $2, $3, $4::float8, $5, $6, $7, timestamptz 'epoch' + $8::bigint * interval '1 microsecond')`,
        [
          row.o,
          row.i?.toString() ?? null,
          row.j?.toString() ?? null,
          row.x === null ? null : String(row.x),
          row.s,
          row.u,
          row.b,
          row.t?.toString() ?? null,
        ],
      )
  }

  test('for every rule about rows, groups and figures', async () => {
    const all = [...rowCases.map(one => ({ make: (c: never) => one.make(c, {}) })), ...groupCases, ...figureCases]
    const made = dataset('d', {
      source,
      columns,
      expect: c =>
        all.map((one, at) => {
          const built = one.make(c as never)
          return { ...built, expectation: { ...built.expectation, id: `case-${at}` } }
        }),
    })
    await fc.assert(
      fc.asyncProperty(anyRows, async rows => {
        await fill(rows)
        const { report, release } = await validate({ engine, root, clock: manualClock(), openForeign }, made)
        await release()
        const check = (at: number) => report.checks.find(found => found.id === `case-${at}`)
        rowCases.forEach((one, at) => {
          const judged = rows.map(one.judge)
          const evaluated = judged.filter(verdict => verdict !== null).length
          const bad = judged.filter(verdict => verdict === false).length
          const found = check(at)
          expect([one.kind, at, found?.error, found?.evaluated, found?.bad]).toEqual([
            one.kind,
            at,
            undefined,
            evaluated,
            bad,
          ])
        })
        groupCases.forEach((one, i) => {
          const wanted = one.count(rows)
          const found = check(rowCases.length + i)
          expect([one.kind, found?.error, found?.evaluated]).toEqual([one.kind, undefined, wanted.evaluated])
          if (wanted.evaluated > 0) expect([one.kind, found?.bad]).toEqual([one.kind, wanted.bad])
        })
        figureCases.forEach((one, i) => {
          const wanted = one.value(rows)
          const found = check(rowCases.length + groupCases.length + i)
          if (wanted === undefined) expect([one.kind, found?.observed]).toEqual([one.kind, {}])
          else
            expect(Math.abs(Number(found?.observed.value) - wanted)).toBeLessThanOrEqual(
              1e-9 * Math.max(1, Math.abs(wanted)),
            )
        })
      }),
      { numRuns: 15 },
    )
  })

  test('for every rule about the whole, and beside another table', async () => {
    const other = dataset('other', {
      source: postgres(`${schema}.others`, { urlFrom: 'MILLRACE_TEST_POSTGRES' }),
      columns,
    })
    const made = dataset('d', {
      source,
      columns,
      expect: c =>
        wholeCases.map((one, at) => {
          const built = one.make(c, other)
          return { ...built, expectation: { ...built.expectation, id: `case-${at}` } }
        }),
    })
    const services = {
      engine,
      root,
      clock: manualClock(wholeNow),
      openForeign: ({ path }: { path: string }) => openPostgresTable(path, server ?? ''),
    }
    await fc.assert(
      fc.asyncProperty(anyRows, anyRows, async (rows, others) => {
        await fill(rows)
        await fill(others, 'others')
        const { report, release } = await validate(services, made)
        await release()
        wholeCases.forEach((one, at) => {
          const found = report.checks.find(check => check.id === `case-${at}`)
          expect([one.kind, found?.error, found?.status, found?.evaluated, found?.bad]).toEqual([
            one.kind,
            undefined,
            ...one.verdict(rows, others),
          ])
        })
      }),
      { numRuns: 10 },
    )
  })

  test('has its infinite times judged, never taken for now', async () => {
    await client.query(`truncate ${schema}.rows`)
    for (const [o, t] of [
      ['0', 'infinity'],
      ['1', '-infinity'],
      ['2', '0044-03-15 BC'],
      ['3', '12026-01-01'],
      ['4', '2001-01-02'],
    ])
      await client.query(`insert into ${schema}.rows (o, t) values ($1, $2::timestamptz)`, [o, t])
    const made = dataset('d', {
      source,
      columns,
      expect: c => [
        c.t.between(new Date('2001-01-01'), new Date('2001-02-01'), { id: 'between' }),
        c.t.freshness('1d', { id: 'fresh' }),
      ],
    })
    const { report, release } = await validate({ engine, root, clock: manualClock(wholeNow), openForeign }, made)
    await release()
    const check = (id: string) => report.checks.find(one => one.id === id)
    expect((check('between')?.bad ?? 0) + (check('t-readable')?.bad ?? 0)).toBe(4)
    expect(check('fresh')?.status).not.toBe('pass')
    expect(report.checks.map(one => one.error).filter(Boolean)).toEqual([])
  })

  test('is not written to, and a table that is not there is named', async () => {
    await expect(openPostgresTable('no.such_table', server ?? '')).rejects.toMatchObject({ code: 'MR2032' })
    await expect(openPostgresTable('rows', 'postgres://127.0.0.1:1/none')).rejects.toMatchObject({ code: 'MR2031' })
    const elsewhere = new URL(server ?? '')
    elsewhere.pathname = '/no_such_database'
    await expect(openPostgresTable('rows', elsewhere.href)).rejects.toMatchObject({ code: 'MR2031' })
    await client.query('begin')
    try {
      await client.query(`lock table ${schema}.rows in access exclusive mode`)
      const held = await openPostgresTable(`${schema}.rows`, server ?? '', { dataset: 'sales', lockMs: 200 })
      await expect(held.counts?.rows()).rejects.toMatchObject({
        code: 'MR2033',
        message: expect.stringMatching(
          /the source of dataset sales, is held by another process, longer than the 0.2 s/,
        ),
      })
      await held.close()
    } finally {
      await client.query('rollback')
    }
    const opened = await openForeign()
    for await (const batch of opened.batches(new Set(opened.columns.map(column => column.name))))
      expect(batch.length).toBe(8)
    await opened.close()
  })
})
