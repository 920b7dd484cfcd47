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
import { anyRows, columns, figureCases, groupCases, rowCases, type Row } from '../oracle/cases.ts'

const server = process.env['MILLRACE_TEST_POSTGRES']
if (server === undefined)
  console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set; see scripts/peers/postgres.sh for a server to test with')

describe.skipIf(server === undefined)('a table of PostgreSQL has the verdicts of plain counting', () => {
  const schema = `oracle_${ulid().toLowerCase()}`
  const client = new pg.Client({ connectionString: server })
  let engine: DataEngine
  let root: string
  beforeAll(async () => {
    engine = await openDuckdb()
    root = await mkdtemp(join(tmpdir(), 'millrace-postgres-'))
    await client.connect()
    await client.query(`create schema ${schema}`)
    await client.query(
      `create table ${schema}.rows (o int, i bigint, j bigint, x double precision, s text, u text, b boolean, t timestamptz)`,
    )
  })
  afterAll(async () => {
    await client.query(`drop schema ${schema} cascade`)
    await client.end()
    await engine.close()
    await rm(root, { recursive: true })
  })

  const source = postgres(`${schema}.rows`, { urlFrom: 'MILLRACE_TEST_POSTGRES' })
  const openForeign = () => openPostgresTable(`${schema}.rows`, server ?? '')

  async function fill(rows: readonly Row[]): Promise<void> {
    await client.query(`truncate ${schema}.rows`)
    for (const row of rows)
      await client.query(
        `insert into ${schema}.rows values ($1, $2, $3, $4::float8, $5, $6, $7, timestamptz 'epoch' + $8::bigint * interval '1 microsecond')`,
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

  test('is not written to, and a table that is not there is named', async () => {
    await expect(openPostgresTable('no.such_table', server ?? '')).rejects.toMatchObject({ code: 'MR2002' })
    await expect(openPostgresTable('rows', 'postgres://127.0.0.1:1/none')).rejects.toMatchObject({ code: 'MR2002' })
    const opened = await openForeign()
    for await (const batch of opened.batches()) expect(batch.length).toBe(8)
    await opened.close()
  })
})
