import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { DatabaseSync } from '@photostructure/sqlite'
import * as arrowIpc from 'apache-arrow'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../src/adapters/data/duckdb/engine.ts'
import { openArrowFile } from '../src/adapters/source/arrow/open.ts'
import { openSqliteTable } from '../src/adapters/source/sqlite/open.ts'
import { arrow, csv, dataset, duckdb, expect as must, json, parquet, sqlite, t, type Source } from '../src/index.ts'
import type { DataEngine } from '../src/ports/data-engine.ts'
import type { OpenSourceTable } from '../src/ports/table-source.ts'
import { validate } from '../src/stages/validate/validate.ts'
import { manualClock } from '../src/testing/manual-clock.ts'

let engine: DataEngine
let root: string

const rows = [
  { id: 9007199254740993n, at: '2001-01-01T08:00:00.123456Z', name: 'one', x: 0.1, ok: true },
  { id: 2n, at: '2001-01-02T08:00:00Z', name: 'two, "quoted"', x: -5.5, ok: false },
  { id: 2n, at: '2001-01-03T08:00:00Z', name: null, x: 1e300, ok: true },
  { id: -9n, at: '2001-01-04T08:00:00Z', name: 'línea\nnueva 😀', x: null, ok: null },
] as const

const micros = (at: string): bigint => {
  const [whole = '', fraction = 'Z'] = at.split('.')
  const base = BigInt(Date.parse(`${whole.replace('Z', '')}Z`)) * 1000n
  return base + BigInt(fraction.replace('Z', '').padEnd(6, '0') || '0')
}

const openForeign: OpenSourceTable = (source, files) =>
  source.kind === 'arrow'
    ? openArrowFile(files[0] as string)
    : source.kind === 'sqlite'
      ? openSqliteTable(source.path, resolve(root, source.file))
      : Promise.reject(new Error('not here'))

const typed = (source: Source) =>
  dataset('d', {
    source,
    columns: {
      id: t.int(),
      at: t.timestamp('UTC'),
      name: t.nullable(t.text()),
      x: t.nullable(t.float()),
      ok: t.nullable(t.bool()),
    },
    quarantine: false,
    expect: c => [
      must.rowCount({ id: 'rows', min: 4, max: 4 }),
      c.id.between(0, undefined, { id: 'positive' }),
      c.id.inSet([9007199254740993n, 2n], { id: 'beyond-2-53' }),
      must.unique([c.id], { id: 'unique' }),
      c.at.between(new Date('2001-01-01T08:00:00.123Z'), new Date('2001-01-03T08:00:00Z'), { id: 'times' }),
      c.name.length({ max: 13 }, { id: 'length' }),
      c.x.max({ id: 'max', min: 1e300 }),
      c.ok.inSet([true], { id: 'ok' }),
    ],
  })

async function verdicts(source: Source) {
  const result = await validate({ engine, root, clock: manualClock(), openForeign }, typed(source))
  await result.release()
  return Object.fromEntries(
    result.report.checks
      .filter(one => !/readable|whole-lines/.test(one.id))
      .map(one => [one.id, [one.status, one.bad, one.evaluated, one.error ?? '']]),
  )
}

beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-sources-'))
  const value = (v: unknown): string =>
    v === null ? '' : typeof v === 'string' ? `"${v.replaceAll('"', '""')}"` : String(v)
  const names = ['id', 'at', 'name', 'x', 'ok'] as const
  const text = `${names.join(',')}\n${rows.map(row => names.map(name => value(row[name])).join(',')).join('\n')}\n`
  await writeFile(join(root, 'rows.csv'), `\ufeff${text.replaceAll('\n', '\r\n').replace('línea\r\n', 'línea\n')}`)
  await writeFile(
    join(root, 'rows-16.csv'),
    Buffer.from(`\ufeff${text.replaceAll(',', ';').replace('two;', 'two,')}`, 'utf16le'),
  )
  const line = (row: (typeof rows)[number]) => JSON.stringify({ ...row, id: '#' }).replace('"#"', String(row.id))
  await writeFile(join(root, 'rows.jsonl'), `${rows.map(line).join('\n')}\n`)
  const list = rows.map(row =>
    [
      `${row.id}::BIGINT`,
      `make_timestamp(${micros(row.at)})`,
      row.name === null ? 'NULL::VARCHAR' : `'${row.name}'`,
      row.x === null ? 'NULL::DOUBLE' : `${row.x}::DOUBLE`,
      row.ok === null ? 'NULL::BOOLEAN' : `${row.ok}`,
    ].join(', '),
  )
  const select = `SELECT * FROM (VALUES ${list.map(one => `(${one})`).join(', ')}) v(id, "at", name, x, ok)`
  await engine.writeParquet(select, join(root, 'rows.parquet'))
  const file = await DuckDBInstance.create(join(root, 'rows.duckdb'))
  const connection = await file.connect()
  await connection.run('CREATE SCHEMA sales')
  await connection.run(`CREATE TABLE sales.rows AS ${select}`)
  connection.closeSync()
  file.closeSync()
  const database = new DatabaseSync(join(root, 'rows.sqlite'))
  database.exec('CREATE TABLE rows (id INTEGER, at TEXT, name TEXT, x REAL, ok INTEGER)')
  const insert = database.prepare('INSERT INTO rows VALUES (?, ?, ?, ?, ?)')
  for (const row of rows) insert.run(row.id, row.at, row.name, row.x, row.ok === null ? null : Number(row.ok))
  database.close()
  const table = new arrowIpc.Table({
    id: arrowIpc.vectorFromArray(
      rows.map(row => row.id),
      new arrowIpc.Int64(),
    ),
    at: arrowIpc.makeVector({
      type: new arrowIpc.TimestampMicrosecond('UTC'),
      data: BigInt64Array.from(rows, row => micros(row.at)),
      length: rows.length,
      nullCount: 0,
    } as never),
    name: arrowIpc.vectorFromArray(rows.map(row => row.name)),
    x: arrowIpc.vectorFromArray(
      rows.map(row => row.x),
      new arrowIpc.Float64(),
    ),
    ok: arrowIpc.vectorFromArray(rows.map(row => row.ok)),
  })
  await writeFile(join(root, 'rows.arrow'), arrowIpc.tableToIPC(table as never, 'file'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

describe('the same rows have the same verdicts wherever they stand', () => {
  const wanted = {
    schema: ['pass', 0, 5, ''],
    'id-not-null': ['pass', 0, 4, ''],
    'at-not-null': ['pass', 0, 4, ''],
    'x-finite': ['pass', 0, 3, ''],
    rows: ['pass', 0, 4, ''],
    positive: ['fail', 1, 4, ''],
    'beyond-2-53': ['fail', 1, 4, ''],
    unique: ['fail', 2, 4, ''],
    times: ['fail', 1, 4, ''],
    length: ['pass', 0, 3, ''],
    max: ['pass', 0, 3, ''],
    ok: ['fail', 1, 3, ''],
  }
  it.each([
    ['Parquet', parquet('rows.parquet')],
    ['CSV with a byte order mark and CRLF', csv('rows.csv')],
    ['CSV in UTF-16 with semicolons', csv('rows-16.csv', { delimiter: ';', encoding: 'utf-16' })],
    ['JSON lines', json('rows.jsonl')],
    ['SQLite', sqlite('rows.sqlite', 'rows')],
    ['a DuckDB file', duckdb('rows.duckdb', 'sales.rows')],
    ['Arrow IPC', arrow('rows.arrow')],
  ])('%s', async (_, source) => {
    expect(await verdicts(source)).toEqual(wanted)
  })
})

it('leaves nothing in the engine when its columns cannot be used', async () => {
  const tables = async () => (await engine.rows('SELECT table_name FROM duckdb_tables()')).map(row => row.table_name)
  const before = await tables()
  const at = arrowIpc.makeVector({ type: new arrowIpc.TimestampMicrosecond(), data: new BigInt64Array([0n]) })
  await writeFile(join(root, 'naive.arrow'), arrowIpc.tableToIPC(new arrowIpc.Table({ at }) as never, 'file'))
  const naive = dataset('d', { source: arrow('naive.arrow'), columns: { at: t.timestamp() } })
  const run = validate({ engine, root, clock: manualClock(), openForeign }, naive)
  await expect(run).rejects.toMatchObject({ code: 'MR1005' })
  expect(await tables()).toEqual(before)
})

describe('text that does not read', () => {
  const check = async (content: string, columns: Parameters<typeof dataset>[1]['columns']) => {
    await writeFile(join(root, 'odd.csv'), content)
    const made = dataset('d', { source: csv('odd.csv'), columns, treatAsNull: ['NA'] })
    const result = await validate({ engine, root, clock: manualClock() }, made)
    const kept = result.split.bad ? await engine.rows(`SELECT millrace_unreadable AS u FROM (${result.split.bad})`) : []
    await result.release()
    return { checks: result.report.checks, kept: kept.map(row => row.u) }
  }

  it('is a failed cell with its text, never a rounded number, a null or an exception', async () => {
    const { checks, kept } = await check(
      'n,f,b,at\n12.7,1.5,true,2001-01-01T00:00:00Z\n1_000,1_0,yes,2001-02-30\n7,nan,F,01/02/2001\nNA,,,2001-01-01T00:00:00+02:00\n',
      { n: t.nullable(t.int()), f: t.nullable(t.float()), b: t.nullable(t.bool()), at: t.nullable(t.timestamp('UTC')) },
    )
    const bad = (id: string) => checks.find(one => one.id === id)?.bad
    expect([bad('n-readable'), bad('f-readable'), bad('b-readable'), bad('at-readable'), bad('f-finite')]).toEqual([
      2, 1, 1, 2, 1,
    ])
    expect(kept).toEqual(['n=12.7', 'n=1_000; f=1_0; b=yes; at=2001-02-30', 'at=01/02/2001'])
  })

  it('refuses a header whose names repeat', async () => {
    await expect(check('n,N\n1,2\n', { n: t.int() })).rejects.toMatchObject({ code: 'MR2002' })
  })
})
