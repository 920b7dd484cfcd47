import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { openPostgresTable } from '../../src/adapters/source/postgres/open.ts'
import { dataset, expect as must, postgres, t } from '../../src/index.ts'
import { ulid } from '../../src/internal/ids.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import type { OpenTable, TableCounts } from '../../src/ports/table-source.ts'
import { validate } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { cellColumns, sameInPlace } from '../oracle/in-place.ts'

const server = process.env['MILLRACE_TEST_POSTGRES']
if (server === undefined)
  console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set; see scripts/peers/postgres.sh for a server to test with')

const texts = ['', ' ', 'a', 'A', 'a ', 'b', 'ä', 'a\u0308', '1', '01', '1.0', '-0', 'NaN', 'true', '😀', 'a\nb']
const times = [
  '2001-01-01T00:00:00Z',
  '2001-01-01T01:00:00+01:00',
  '2001-03-25 02:30:00',
  '1999-12-31T23:59:59.999999Z',
  'infinity',
  '-infinity',
  '0044-03-15 BC',
  '12026-01-01',
  '0001-01-01',
  '9999-12-31T23:59:59Z',
  'epoch',
]
const wholes = ['0', '1', '5', '-7', '9007199254740993']
const numbers = ['1', '1.0', '1.00', '0', '0.10', '0.1', '-0', 'NaN', '123456789.123456789']
const floats = ['1', '0.1', '-0', '0', 'NaN', 'Infinity', '-Infinity', '1e300', '1e-300', '5']

/** Types of PostgreSQL for the columns of the cells, and what may stand in each. */
const tables: readonly (readonly [
  string,
  Readonly<Record<keyof typeof cellColumns, readonly [string, readonly string[]]>>,
])[] = [
  [
    'whose types are those that are declared',
    {
      i: ['bigint', wholes],
      x: ['double precision', floats],
      s: ['text', texts],
      n: ['varchar(9)', texts],
      b: ['boolean', ['t', 'f']],
      at: ['timestamptz', times],
      local: ['timestamp', times],
      zoneless: ['timestamptz', times],
    },
  ],
  [
    'whose types take unequal texts for equal',
    {
      i: ['numeral', numbers],
      x: ['numeric', numbers],
      s: ['citext', texts],
      n: ['text collate caseless', texts],
      b: ['words', ['true', 't', '0', 'no', '']],
      at: ['date', times.map(one => one.replace(/[ T].*/, one.includes('BC') ? ' BC' : ''))],
      local: ['timestamptz', times],
      zoneless: ['timestamp', times],
    },
  ],
  [
    'whose types are others',
    {
      i: ['smallint', ['0', '1', '5', '-7']],
      x: ['real', ['1', '0.1', '-0', 'NaN', 'Infinity', '1e30']],
      s: ['json', ['{"a": 1}', '{"a":1}', '"a"', 'null', '1']],
      n: ['uuid', ['00000000-0000-0000-0000-000000000001', '{00000000000000000000000000000001}']],
      b: ['integer', ['0', '1', '2']],
      at: ['text', times],
      local: ['timestamp(0)', times],
      zoneless: ['words', times],
    },
  ],
]

describe.skipIf(server === undefined)('a table of PostgreSQL', () => {
  const schema = `in_place_${ulid().toLowerCase()}`
  const client = new pg.Client({ connectionString: server })
  let engine: DataEngine
  let root: string
  beforeAll(async () => {
    engine = await openDuckdb()
    root = await mkdtemp(join(tmpdir(), 'millrace-postgres-'))
    await client.connect()
    await client.query(`create schema ${schema}; set search_path to ${schema}, public; set timezone to 'UTC'`)
    await client.query('create domain numeral as numeric; create domain words as text')
    await client.query('create extension if not exists citext with schema public')
    await client.query("create collation caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false)")
  })
  afterAll(async () => {
    await client.query(`drop schema ${schema} cascade`)
    await client.end()
    await engine.close()
    await rm(root, { recursive: true })
  })

  const options = { urlFrom: 'MILLRACE_TEST_POSTGRES' }
  const open = (name: string) => () => openPostgresTable(`${schema}.${name}`, server ?? '')

  test.each(tables)('%s has the verdicts of its rows', async (_, types) => {
    const entries = Object.entries(types)
    await client.query('drop table if exists cells')
    await client.query(`create table cells (${entries.map(([name, [type]]) => `${name} ${type}`).join(', ')})`)
    const anyRow = fc.tuple(
      ...entries.map(([, [, cells]]) => fc.option(fc.constantFrom(...cells), { nil: null, freq: 4 })),
    )
    const fill = async (rows: readonly (readonly (string | null)[])[]) => {
      await client.query('truncate cells')
      const places = entries.map(([, [type]], i) => `$${i + 1}::text::${type.replace(/ collate.*/, '')}`)
      for (const row of rows) await client.query(`insert into cells values (${places.join(', ')})`, [...row])
    }
    const given = { engine, root, source: postgres(`${schema}.cells`, options), open: open('cells') }
    expect(await sameInPlace(given, fc.array(anyRow, { maxLength: 12 }), fill, 40)).toBeGreaterThan(40)
  })

  const orders = (name: string) =>
    dataset('orders', {
      source: postgres(`${schema}.${name}`, options),
      columns: { id: t.int(), at: t.timestamp('UTC'), state: t.text(), amount: t.float() },
      expect: c => [
        must.rowCount({ min: 200_000, max: 200_000 }),
        c.state.inSet(['new', 'paid', 'sent']),
        c.amount.between(0, 100),
        c.amount.mean({ min: 1, max: 99 }),
      ],
    })

  async function fillOrders(): Promise<void> {
    await client.query('drop table if exists orders cascade')
    await client.query(
      `create table orders as select n as id, timestamptz '2001-01-01' + n * interval '1 second' as at,
       (array['new', 'paid', 'sent'])[n % 3 + 1] as state, (n % 50) / 2.0::float8 as amount from generate_series(0, 199999) n`,
    )
    await client.query('create view seen as select * from orders')
  }

  /** Opens a table; `meanwhile` happens once its database was asked for the first counts. */
  async function validated(name: string, meanwhile?: () => Promise<void>) {
    let reads = 0
    const openForeign = async (): Promise<OpenTable> => {
      const opened = await open(name)()
      const counts = opened.counts as TableCounts
      return {
        ...opened,
        counts: {
          ...counts,
          async look(...args) {
            await meanwhile?.()
            return counts.look(...args)
          },
        },
        batches(wanted) {
          reads++
          return opened.batches(wanted)
        },
      }
    }
    const result = await validate({ engine, root, clock: manualClock(), openForeign }, orders(name))
    const read = reads
    await result.ready('a test wants them')
    const [good] = await engine.rows(`SELECT count(*)::INT AS n FROM (${result.split.good})`)
    await result.release()
    return { ...result, reads: read, kept: good?.n }
  }

  test.each(['orders', 'seen'])('gives no row away where counts answer (%s)', async name => {
    await fillOrders()
    const { report, reads, steps, kept } = await validated(name)
    expect([report.status, reads, kept]).toEqual(['pass', 0, 200_000])
    expect(steps.map(step => step.of?.name ?? step.kind)).toEqual(['nulls', 'footer', 'state', 'amount', 'read'])
  })

  test('shows nothing of what others write between its counts and its reading', async () => {
    await fillOrders()
    let written = false
    const { report, rows, kept, reads } = await validated('orders', async () => {
      if (written) return
      written = true
      await client.query("update orders set state = 'lost' where id < 9; delete from orders where id > 90000")
    })
    expect([written, report.status, rows, kept, reads]).toEqual([true, 'pass', 200_000, 200_000, 0])
    const after = await validated('orders')
    const check = after.report.checks.find(one => one.kind === 'inSet')
    expect([after.rows, after.reads, check?.bad]).toEqual([90_001, 1, 9])
  })

  test('whose connection ends between its counts and its reading is unreadable', async () => {
    await fillOrders()
    const ended = validated('orders', async () => {
      await client.query(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'millrace' and state = 'idle in transaction'",
      )
    })
    await expect(ended).rejects.toMatchObject({ code: 'MR2031' })
  })
})
