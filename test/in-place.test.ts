import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'
import { openSqliteTable } from '../src/adapters/source/sqlite/open.ts'
import { dataset, expect as must, sqlite, t } from '../src/index.ts'
import type { DataEngine } from '../src/ports/data-engine.ts'
import type { OpenTable } from '../src/ports/table-source.ts'
import { validate } from '../src/stages/validate/validate.ts'
import { manualClock } from '../src/testing/manual-clock.ts'
import { anyRowsOf, cellColumns, sameInPlace } from './oracle/in-place.ts'

let engine: DataEngine
let root: string
let file: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-in-place-'))
  file = join(root, 'cells.sqlite')
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

function within<T>(use: (database: InstanceType<typeof DatabaseSync>) => T): T {
  const database = new DatabaseSync(file)
  try {
    return use(database)
  } finally {
    database.close()
  }
}

type Cell = string | number | bigint | Uint8Array | null
const cells: readonly Cell[] = (
  [
    [
      '',
      ' ',
      'a',
      'A',
      'a ',
      'b',
      'ä',
      'a\u0308',
      '1',
      '01',
      '1.0',
      '-0',
      'NaN',
      'inf',
      'true',
      '😀',
      'a\nb',
      'a␀b',
      'a␀',
      '␀',
    ],
    ['2001-01-01T00:00:00Z', '2001-01-01 00:00:00', '2001-01-01T01:00:00+01:00', '2001-02-30', '0001-01-01'],
    [0n, 1n, 5n, -7n, 9007199254740993n, 2n ** 62n],
    [1, -0, 0.1, 1e300, 1e21, Infinity, -Infinity],
    [Buffer.from('a'), Buffer.from([0xff, 0xfe])],
  ] satisfies Cell[][]
).flat()
const families: readonly (readonly Cell[])[] = [
  ['a', 'A', 'a ', 'b', 'a␀b', Buffer.from('a'), ''],
  [1n, 1, '1', '1.0', '01', 0n, -0],
]
/** A text ends at a NUL where it is bound: ␀ stands for it. */
const withNul = "replace(?, '␀', char(0))"
const names = Object.keys(cellColumns)
const anyRows = anyRowsOf(names.length, cells, families)

it.each([
  ['a table whose columns have no type', ''],
  ['a table of numbers', 'NUMERIC'],
  ['a table of texts whose case makes no difference', 'TEXT COLLATE NOCASE'],
  ['a table of texts whose trailing blanks make none', 'COLLATE RTRIM'],
])('SQLite: %s has the verdicts of its rows', async (_, type) => {
  within(database => {
    database.exec('DROP TABLE IF EXISTS cells')
    database.exec(`CREATE TABLE cells (${names.map(name => `${name} ${type}`).join(', ')})`)
  })
  const fill = async (rows: readonly (readonly Cell[])[]) =>
    within(database => {
      database.exec('DELETE FROM cells')
      // a number is bound as an integer where it is whole
      const place = (cell: Cell) =>
        typeof cell === 'number' ? 'CAST(? AS REAL)' : typeof cell === 'string' ? withNul : '?'
      for (const row of rows) database.prepare(`INSERT INTO cells VALUES (${row.map(place).join(', ')})`).run(...row)
    })
  const given = { engine, root, source: sqlite('cells.sqlite', 'cells'), open: () => openSqliteTable('cells', file) }
  expect(await sameInPlace(given, anyRows, fill, 40)).toBeGreaterThan(40)
})

it.each(['UTF-8', 'UTF-16le'])('reads texts with a NUL whole, and no BLOB as text, in %s', async encoding => {
  const odd = join(root, `${encoding}.sqlite`)
  const database = new DatabaseSync(odd)
  database.exec(`PRAGMA encoding = '${encoding}'; CREATE TABLE cells (s TEXT)`)
  for (const text of ['\ufeffä␀b', 'a']) database.prepare(`INSERT INTO cells VALUES (${withNul})`).run(text)
  for (const blob of [[0x61], [0xff, 0xfe]]) database.prepare('INSERT INTO cells VALUES (?)').run(Buffer.from(blob))
  database.close()
  const opened = await openSqliteTable('cells', odd)
  const wanted = ['\ufeffä\0b', 'a', "x'61'", "x'fffe'"]
  for await (const [column, bytes] of opened.batches(new Set(['s']))) {
    expect(column?.values).toEqual(wanted)
    expect([...(bytes?.values ?? [])]).toEqual([0, 0, 1, 1])
  }
  const counted = await opened.counts?.texts('s', 9)
  const told = counted?.texts.map((text, i) => [text, counted.bytes?.[i]])
  expect(new Map(told as [string, boolean][])).toEqual(new Map(wanted.map((text, i) => [text, i > 1])))
  await opened.close()
})

it.each([
  ['few values, which the database counts', 'text', 3],
  ['many values, whose rows are read', 'text', 3000],
  ['numbers', 'int', 3],
  ['floats', 'float', 3],
  ['truth values', 'bool', 3],
  ['times', 'timestamp', 3],
] as const)('a BLOB is unreadable, and no text like it is: %s', async (_, type, rows) => {
  const types = { text: t.text(), int: t.int(), float: t.float(), bool: t.bool(), timestamp: t.timestamp('UTC') }
  const good = { int: 7n, float: 7n, bool: 1n, timestamp: '2001-01-01' }
  const place = join(root, `blob-${type}-${rows}.sqlite`)
  const database = new DatabaseSync(place)
  database.exec('CREATE TABLE cells (id INTEGER, s)')
  const add = database.prepare('INSERT INTO cells VALUES (?, ?)')
  add.run(1, Buffer.from('blob'))
  for (let i = 2; i <= rows; i++) add.run(i, type === 'text' ? (i === 2 ? "x'626c6f62'" : `text ${i}`) : good[type])
  const validatedAs = async (expected: 'pass' | 'fail') => {
    const openForeign = () => openSqliteTable('cells', place)
    const declared = dataset('cells', {
      source: sqlite(place, 'cells'),
      columns: { id: t.int(), s: t.nullable(types[type]) },
      expect: c => [must.rowCount({ min: rows }), ...(type === 'text' ? [must.unique([c.s])] : [])],
    })
    const { report, split, release } = await validate({ engine, root, clock: manualClock(), openForeign }, declared)
    const failed = report.checks.filter(check => check.status !== 'pass')
    const [bad] = split.bad ? await engine.rows(`SELECT count(*)::INT AS n FROM (${split.bad})`) : []
    await release()
    expect(report.status).toBe(expected)
    return { failed, bad: bad?.n }
  }
  const { failed, bad } = await validatedAs('fail')
  expect(failed).toMatchObject([{ id: 's-readable', bad: 1 }])
  expect(JSON.stringify(failed)).toContain("s=x'626c6f62'")
  expect(bad).toBe(1)
  database.exec('DELETE FROM cells WHERE id = 1; INSERT INTO cells VALUES (1, NULL)')
  expect((await validatedAs('pass')).failed).toEqual([])
  database.close()
})

const orders = (checks: 'few' | 'failing' | 'rows') =>
  dataset('orders', {
    source: sqlite('cells.sqlite', 'orders'),
    columns: { id: t.int(), state: t.text(), amount: t.float() },
    expect: c => [
      must.rowCount({ min: 30_000, max: 30_000 }),
      c.state.inSet(checks === 'failing' ? ['new', 'paid'] : ['new', 'paid', 'sent']),
      c.amount.between(0, 100),
      c.amount.mean({ min: 1, max: 99 }),
      ...(checks === 'rows' ? [c.id.unique()] : []),
    ],
  })

function fillOrders(): void {
  within(database => {
    database.exec('DROP TABLE IF EXISTS orders; CREATE TABLE orders (id INTEGER, state TEXT, amount REAL)')
    database.exec(
      `WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 29999)
       INSERT INTO orders SELECT i, CASE i % 3 WHEN 0 THEN 'new' WHEN 1 THEN 'paid' ELSE 'sent' END, (i % 50) / 2.0 FROM n`,
    )
  })
}

async function validated(checks: 'few' | 'failing' | 'rows', meanwhile?: () => void) {
  const reads: string[] = []
  const openForeign = async (): Promise<OpenTable> => {
    const opened = await openSqliteTable('orders', file)
    return {
      ...opened,
      counts: {
        ...(opened.counts as NonNullable<OpenTable['counts']>),
        async look(...args) {
          const found = await (opened.counts as NonNullable<OpenTable['counts']>).look(...args)
          meanwhile?.()
          return found
        },
      },
      batches(wanted) {
        reads.push([...wanted].join())
        return opened.batches(wanted)
      },
    }
  }
  const result = await validate({ engine, root, clock: manualClock(), openForeign }, orders(checks))
  const bad = result.split.bad
    ? (await engine.rows(`SELECT count(*)::INT AS n FROM (${result.split.bad})`))[0]?.n
    : undefined
  const before = reads.length
  await result.ready('a test wants them')
  const [good] = await engine.rows(`SELECT count(*)::INT AS n FROM (${result.split.good})`)
  await result.release()
  return { ...result, bad, reads: before, kept: good?.n, wanted: reads }
}

it('reads no row of a table whose checks counts answer, until its rows are wanted', async () => {
  fillOrders()
  const { report, reads, steps, kept, wanted, rows } = await validated('few')
  expect([report.status, rows, reads]).toEqual(['pass', 30_000, 0])
  expect(steps.map(step => [step.kind, step.of?.name])).toEqual([
    ['nulls', undefined],
    ['footer', undefined],
    ['values', 'state'],
    ['values', 'amount'],
    ['read', undefined],
  ])
  // 30,000 ids are too many to be counted: that none is null or unreadable is for the database to tell
  expect(steps[1]?.metrics.length).toBeGreaterThan(1)
  expect(steps.at(-1)?.because).toBe('30,000 rows read through a cursor: a test wants them')
  expect([kept, wanted]).toEqual([30_000, ['id,state,amount']])
})

it('reads the rows of a table once a check of one column fails', async () => {
  fillOrders()
  const { report, reads, steps, bad, wanted } = await validated('failing')
  expect([report.status, reads, bad, wanted.length]).toEqual(['fail', 1, 10_000, 1])
  expect(steps.find(step => step.kind === 'read')?.because).toMatch(/: some break "state in new, paid"$/)
})

it('reads the rows of a table at once where a check looks at rows themselves', async () => {
  fillOrders()
  const { report, steps, reads } = await validated('rows')
  expect([report.status, reads, steps[0]?.kind]).toEqual(['pass', 1, 'read'])
})

it('does not see what others write between its counts and its reading', async () => {
  fillOrders()
  within(database => database.exec('PRAGMA journal_mode = WAL'))
  let written = false
  const { report, rows, bad, kept } = await validated('failing', () => {
    if (written) return
    written = true
    within(database => database.exec("DELETE FROM orders WHERE id < 9000; UPDATE orders SET state = 'lost'"))
  })
  expect(written).toBe(true)
  expect([rows, bad, kept]).toEqual([30_000, 10_000, 20_000])
  expect(report.checks.find(check => check.kind === 'inSet')).toMatchObject({ evaluated: 30_000, bad: 10_000 })
  within(database => {
    expect(database.prepare('SELECT count(*) AS n FROM orders').get()).toEqual({ n: 21_000 })
  })
})
