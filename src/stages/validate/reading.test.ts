import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as arrowIpc from 'apache-arrow'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { openArrowFile } from '../../adapters/source/arrow/open.ts'
import type { ColumnSpec } from '../../define/column.ts'
import { arrow, csv, dataset, expect as must, json, parquet, t, type Source } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { openFound } from './source.ts'
import { validate } from './validate.ts'

const fixtures = resolve('test/fixtures/types')
let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-reading-'))
  return () => rm(root, { recursive: true })
})

const openForeign = async (_: unknown, files: readonly string[]) => openArrowFile(files[0] as string)
const services = () => ({ engine, root, clock: manualClock(), openForeign })

/** The cells of the column `v` in the order of arrival: `['value']`, `{ unreadable }`, null; or why it is refused. */
async function read(source: Source, column: ColumnSpec) {
  const made = dataset('d', { source, columns: { v: t.nullable(column) } })
  const { found, release } = await openFound(services(), made)
  try {
    const [wrong] = found.mismatched
    if (wrong) return wrong.physical
    const value = column.type === 'timestamp' ? engine.dialect.timeText('v') : 'v'
    const told = found.tells ? 'millrace_unreadable' : "''"
    const rows = await engine.rows(`SELECT ${value} AS v, ${told} AS u FROM (${found.numbered}) ORDER BY millrace_row`)
    return rows.map(({ v, u }) => (u ? { unreadable: u } : v === null ? null : [v]))
  } finally {
    await release()
  }
}

const write = (name: string, select: string) => engine.writeParquet(select, join(root, name))

describe('Parquet', () => {
  it('whole decimals are numbers as far as they fit, and keys digit by digit', async () => {
    const source = parquet(join(fixtures, 'decimal38.parquet'))
    const [even, odd, big] = ['9007199254740992', '9007199254740993', '9223372036854775808']
    expect(await read(source, t.text())).toEqual([[even], [odd], [big]])
    expect(await read(source, t.int())).toEqual([[BigInt(even)], [BigInt(odd)], { unreadable: `v=${big}` }])
    expect(await read(source, t.float())).toEqual([[2 ** 53], { unreadable: `v=${odd}` }, [2 ** 63]])
  })

  it('decimals of too many digits are refused with what they are', async () => {
    expect(await read(parquet(join(fixtures, 'decimal256.parquet')), t.float())).toMatch(
      /^DECIMAL\(50,3\), of which 38/,
    )
  })

  it('nanoseconds of a zone are cut to the microsecond that they are in', async () => {
    const times = ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999998Z', '1970-01-01T00:00:00.000000Z']
    const wanted = [...times, '1970-01-01T00:00:00.000001Z'].map(time => [time])
    expect(await read(parquet(join(fixtures, 'nanos.parquet')), t.timestamp())).toEqual(wanted)
  })

  it('a column of nothing is null, whatever is declared', async () => {
    for (const column of [t.int(), t.float(), t.text(), t.bool(), t.timestamp()])
      expect(await read(parquet(join(fixtures, 'null.parquet')), column)).toEqual([null, null])
  })

  it('names that differ in case only are refused', async () => {
    await expect(read(parquet(join(fixtures, 'cased.parquet')), t.int())).rejects.toMatchObject({ code: 'MR2002' })
    await write('0.parquet', 'SELECT 1 AS v')
    await write('1.parquet', 'SELECT 1 AS "V"')
    await expect(read(parquet('*.parquet'), t.int())).rejects.toThrow(/'v' and 'V' of its files differ in case only/)
  })

  it('statistics say nothing of NaN', async () => {
    const made = dataset('d', {
      source: parquet(join(fixtures, 'nan.parquet')),
      columns: { v: t.nullable(t.float()) },
      expect: c => [must.that(c.v.lte(1), { id: 'at-most' }), c.v.notNull({ id: 'none', when: c.v.expr.gt(1) })],
    })
    const { report, release } = await validate(services(), made)
    await release()
    const of = (id: string) => report.checks.find(check => check.id === id)
    expect(of('at-most')).toMatchObject({ status: 'fail', evaluated: 3, bad: 1 })
    // NaN is greater than every number
    expect(of('none')).toMatchObject({ evaluated: 1 })
  })

  it('each file is read by its own types, and the file that has another one is named', async () => {
    await write('0.parquet', "SELECT 'a' AS v")
    await write('1.parquet', 'SELECT 7::BIGINT AS v')
    expect(await read(parquet('*.parquet'), t.text())).toBe('BIGINT in 1.parquet')
    await write('0.parquet', 'SELECT 9007199254740993::BIGINT AS v')
    await write('1.parquet', 'SELECT 0.5::DOUBLE AS v')
    expect(await read(parquet('*.parquet'), t.float())).toEqual([{ unreadable: 'v=9007199254740993' }, [0.5]])
    await write('0.parquet', "SELECT TIMESTAMP '2024-07-01 08:00:00' AS v")
    await write('1.parquet', "SELECT TIMESTAMPTZ '2024-07-01 12:00:00Z' AS v")
    const noon = ['2024-07-01T12:00:00.000000Z']
    expect(await read(parquet('*.parquet'), t.timestamp('America/New_York'))).toEqual([noon, noon])
  })

  it('rows of many files keep their order and are told by file, whatever columns they have', async () => {
    for (let i = 0; i < 6; i++)
      await write(`${i}.parquet`, i % 2 === 0 ? `SELECT ${i}::BIGINT AS v` : `SELECT ${i} AS v, 'x' AS more`)
    expect(await read(parquet('*.parquet'), t.int())).toEqual([[0], [1], [2], [3], [4], [5]])
    const made = dataset('d', {
      source: parquet('*.parquet'),
      columns: { v: t.int() },
      expect: c => [c.v.notInSet([3], { id: 'not-3' })],
    })
    const { report, release } = await validate(services(), made)
    await release()
    expect(report.checks.find(check => check.id === 'not-3')?.sample).toEqual([
      { millrace_row: 0, millrace_file: '3.parquet', v: 3 },
    ])
  })

  it('cells that are not of the declared type are counted and shown, by themselves', async () => {
    await write('v.parquet', 'SELECT unnest([1, 18446744073709551615]::UBIGINT[]) AS v')
    const made = dataset('d', { source: parquet('v.parquet'), columns: { v: t.nullable(t.int()) } })
    const { report, split, release } = await validate(services(), made)
    await release()
    expect(split.failed).toBe(1)
    expect(report.checks.find(check => check.kind === 'readable')).toMatchObject({
      status: 'fail',
      bad: 1,
      sample: [{ millrace_row: 1, v: null, millrace_unreadable: 'v=18446744073709551615' }],
    })
  })
})

describe('keys of folders', () => {
  const kinds = [
    ['parquet', parquet, (path: string, row: string) => write(path, row)],
    ['csv', csv, (path: string, row: string) => engine.execute(`COPY (${row}) TO '${join(root, path)}' (HEADER)`)],
    [
      'jsonl',
      json,
      (path: string, row: string) => engine.execute(`COPY (${row}) TO '${join(root, path)}' (FORMAT json)`),
    ],
  ] as const
  it.each(kinds)('%s: are read as declared; a column of the file goes before them', async (ending, source, put) => {
    for (const key of ['v=01', 'v=7', 'v=__HIVE_DEFAULT_PARTITION__', 'v=x%20y']) {
      await mkdir(join(root, 'p', key), { recursive: true })
      await put(`p/${key}/a.${ending}`, 'SELECT 1 AS other')
    }
    const all = source(`p/**/*.${ending}`)
    expect(await read(all, t.text())).toEqual([['01'], ['7'], null, ['x y']])
    expect(await read(all, t.int())).toEqual([[1], [7], null, { unreadable: 'v=x y' }])
    await mkdir(join(root, 'q/v=1'), { recursive: true })
    await put(`q/v=1/a.${ending}`, 'SELECT 5::BIGINT AS v UNION ALL SELECT 5')
    expect(await read(source(`q/**/*.${ending}`), t.int())).toEqual([[5], [5]])
  })
})

it('a number of JSON in a column of text is as it is written', async () => {
  await writeFile(join(root, 'v.jsonl'), '{"v":1.10}\n{"v":"1.10"}\n{"v":9007199254740993.0}\n{"v":1e5, "w":{"v":2}}\n')
  expect(await read(json('v.jsonl'), t.text())).toEqual([['1.10'], ['1.10'], ['9007199254740993.0'], ['1e5']])
  expect(await read(json('v.jsonl'), t.int())).toContainEqual({ unreadable: 'v=9007199254740993.0' })
})

describe('Arrow', () => {
  const put = (name: string, v: arrowIpc.Vector) =>
    writeFile(join(root, name), arrowIpc.tableToIPC(new arrowIpc.Table({ v }) as never, 'file'))

  it('times of a zone, whole seconds and nanoseconds before 1970', async () => {
    const times = new BigInt64Array([-1n, -1500n])
    await put(
      '0.arrow',
      arrowIpc.makeVector({ type: new arrowIpc.TimestampNanosecond('America/New_York'), data: times }),
    )
    const far = new BigInt64Array([-1n, 2n ** 62n])
    await put('1.arrow', arrowIpc.makeVector({ type: new arrowIpc.TimestampSecond('UTC'), data: far }))
    const [a, b, c, d] = (await read(arrow('*.arrow'), t.timestamp())) as unknown[]
    expect([a, b, c]).toEqual([
      ['1969-12-31T23:59:59.999999Z'],
      ['1969-12-31T23:59:59.999998Z'],
      ['1969-12-31T23:59:59.000000Z'],
    ])
    expect(d).toHaveProperty('unreadable')
  })

  it('whole numbers beyond int64 and texts of a dictionary', async () => {
    await put(
      '0.arrow',
      arrowIpc.makeVector({ type: new arrowIpc.Uint64(), data: new BigUint64Array([7n, 2n ** 64n - 1n]) }),
    )
    expect(await read(arrow('0.arrow'), t.int())).toEqual([[7], { unreadable: 'v=18446744073709551615' }])
    expect(await read(arrow('0.arrow'), t.text())).toEqual([['7'], ['18446744073709551615']])
    await put(
      '0.arrow',
      arrowIpc.vectorFromArray(['a', null, 'a'], new arrowIpc.Dictionary(new arrowIpc.Utf8(), new arrowIpc.Int8())),
    )
    expect(await read(arrow('0.arrow'), t.text())).toEqual([['a'], null, ['a']])
  })
})

it('thousands of small files are read in pieces, each row by its own file and line', async () => {
  const files = 1100
  for (let i = 0; i < files; i++) {
    const odd = i === 777 ? 'x' : String(i)
    await writeFile(
      join(root, `${String(i).padStart(4, '0')}.csv`),
      `o,v\n1,${odd}\n${i === 1050 ? '1,2,3\n' : ''}2,${i}\n`,
    )
  }
  const made = dataset('d', { source: csv('*.csv'), columns: { o: t.int(), v: t.nullable(t.int()) } })
  const { report, rows, split, release } = await validate(services(), made)
  const kept = await engine.rows(split.good)
  await release()
  expect(rows).toBe(2 * files)
  const of = (kind: string) => report.checks.find(check => check.kind === kind && check.status === 'fail')
  expect(of('readable')?.sample).toEqual([
    { millrace_row: 0, millrace_file: '0777.csv', millrace_line: 2, v: null, millrace_unreadable: 'v=x' },
  ])
  expect(of('wholeLines')?.message).toMatch(/1050\.csv/)
  expect(kept.map(row => row.v)).toEqual(
    Array.from({ length: 2 * files }, (_, i) => Math.floor(i / 2)).filter((_, i) => i !== 2 * 777),
  )
})

it('thousands of small Parquet files are read once, each row by its own file, whatever one of them lacks or says', async () => {
  const files = 1100
  for (let i = 0; i < files; i++)
    await write(
      `${String(i).padStart(4, '0')}.parquet`,
      `SELECT ${i}::BIGINT AS v, ${i === 1050 ? 2.5 : 1} AS w FROM range(2)`,
    )
  const columns = { v: t.int(), w: t.float() }
  const one = () =>
    dataset('d', {
      source: parquet('*.parquet'),
      columns,
      expect: c => [c.v.between(0, 1098), c.w.max({ max: 2.5 }), must.rowCount({ min: 2 * files, max: 2 * files })],
    })
  const { report, rows, split, release } = await validate(services(), one())
  const kept = await engine.rows(split.good)
  await release()
  expect(rows).toBe(2 * files)
  const bad = report.checks.filter(check => check.status === 'fail')
  expect(bad.map(({ kind, bad }) => [kind, bad])).toEqual([['between', 2]])
  expect(bad[0]?.sample?.map(row => row.millrace_file)).toEqual(['1099.parquet', '1099.parquet'])
  expect(kept.map(row => row.v)).toEqual(Array.from({ length: 2 * files - 2 }, (_, i) => Math.floor(i / 2)))
  // a column of another type in one of them is named by it
  await write('0500.parquet', "SELECT 500::BIGINT AS v, 'x' AS w FROM range(2)")
  const odd = await validate(services(), one())
  await odd.release()
  expect(odd.report.checks.find(check => check.kind === 'schema')?.message).toContain('0500.parquet')
})

it('a place that is no folder of this machine is named', async () => {
  await expect(read(csv('s3://bucket/d.csv'), t.int())).rejects.toThrow(/not by s3:\/\//)
})

it('the same floats stored in fewer bits have not drifted', async () => {
  const rows = (type: string) =>
    `SELECT CAST([0.1, 0.7, -1.3, 1e-9, 12345.678][1 + i % 5] AS ${type}) AS v FROM range(2000) t(i)`
  await write('before.parquet', rows('DOUBLE'))
  await write('now.parquet', rows('FLOAT'))
  const columns = { v: t.float() }
  const before = dataset('before', { source: parquet('before.parquet'), columns })
  const made = dataset('d', {
    source: parquet('now.parquet'),
    columns,
    expect: c =>
      (['psi', 'ks', 'wasserstein', 'jsd'] as const).map(metric =>
        c.v.drift({ from: before, metric, max: 1e-6, id: metric }),
      ),
  })
  const { report, release } = await validate(services(), made)
  await release()
  expect(report.checks.filter(check => check.kind === 'drift').map(check => check.status)).toEqual(
    Array(4).fill('pass'),
  )
})
