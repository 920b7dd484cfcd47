import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import type { Model } from '../../define/model.ts'
import { csv, dataset, entity, features, gbt, model, t } from '../../index.ts'
import { rowColumn, type DataEngine } from '../../ports/data-engine.ts'
import { openRows } from './read-rows.ts'

// Which columns of a file are read, as what, and which of its rows are refused with what words.

const root = mkdtempSync(join(tmpdir(), 'millrace-read-rows-'))
let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const rides = dataset('rides', {
  source: csv('data/*.csv', { delimiter: ';' } as never),
  columns: {
    at: t.timestamp('Europe/Berlin'),
    km: t.float(),
    zone: t.text(),
    seats: t.int(),
    night: t.nullable(t.bool()),
    paid: t.float(),
  },
  eventTime: 'at',
})
const recent = features('recent', {
  entity: entity('zone', { zone: t.text() }),
  from: rides,
  compute: f => ({ rides: f.count('2d') }),
})
const made = (over: object) =>
  model('fare', {
    task: 'regression',
    from: rides,
    label: (c: { paid: never }) => c.paid,
    split: { by: 'time', train: '20d', test: '5d' },
    train: gbt({ trees: 1 }),
    ...over,
  } as never) as unknown as Model
const plain = made({ inputs: (c: Record<string, never>) => ({ km: c.km, seats: c.seats, night: c.night }) })
const timed = made({ features: [recent], inputs: (c: Record<string, never>) => ({ ...recent.all, km: c.km }) })

let files = 0
const file = (text: string, end = 'csv'): { path: string; shown: string } => {
  const path = join(root, `f${files++}.${end}`)
  writeFileSync(path, text)
  return { path, shown: `given.${end}` }
}
const parquet = async (sql: string, end = 'parquet'): Promise<{ path: string; shown: string }> => {
  const path = join(root, `f${files++}.${end}`)
  await engine.writeParquet(sql, path)
  return { path, shown: `given.${end}` }
}
const opened = (given: { path: string; shown: string }, keep: readonly string[] = [], declared = plain) =>
  openRows(engine, declared, given, keep)
/** Rows with what is wrong with them, 0 for those that may be scored. */
const rowsOf = async ({ sql, problem }: Awaited<ReturnType<typeof openRows>>, columns = 'km, seats, night') =>
  engine.rows(
    `SELECT CAST(${rowColumn} AS DOUBLE) AS n, ${columns}, CAST(${problem} AS DOUBLE) AS problem FROM (${sql}) ORDER BY n`,
  )

describe('rows to score', () => {
  it('are those of the file by their declared types, written as the dataset is', async () => {
    const rows = await opened(file('seats;km;night;colour\n3;1.5;true;red\n4;2;;\n'))
    expect(Object.keys(rows.columns)).toEqual(['km', 'seats', 'night'])
    expect(await rowsOf(rows)).toEqual([
      { n: 0, km: 1.5, seats: 3, night: true, problem: 0 },
      { n: 1, km: 2, seats: 4, night: null, problem: 0 },
    ])
  })

  it('of Parquet keep what the file says, in .parquet and .pq, whatever case the name has', async () => {
    for (const end of ['parquet', 'pq', 'PARQUET']) {
      const rows = await opened(await parquet('SELECT 1.5::FLOAT AS km, 2::UTINYINT AS seats', end))
      expect(await rowsOf(rows)).toEqual([{ n: 0, km: 1.5, seats: 2, night: null, problem: 0 }])
    }
  })

  it.each(['rows.xlsx', 'rows.json', 'rows', 'rows.parquet.gz'])('are not in %s', async name => {
    await expect(opened({ path: join(root, name), shown: name })).rejects.toMatchObject({
      code: 'MR4111',
      details: { file: name, reason: 'its name ends in none of .parquet, .pq and .csv' },
    })
  })

  it('may lack what may be null, as a request may, and nothing else', async () => {
    const rows = await opened(file('km;seats\n1;2\n'))
    expect(Object.keys(rows.columns)).toEqual(['km', 'seats'])
    expect(await rowsOf(rows)).toEqual([{ n: 0, km: 1, seats: 2, night: null, problem: 0 }])
    await expect(opened(file('km;night\n1;true\n'))).rejects.toMatchObject({
      code: 'MR2001',
      details: { column: 'seats' },
    })
  })

  it('of another type are refused before a row is looked at', async () => {
    await expect(opened(await parquet("SELECT 1.0 AS km, 'x' AS seats"))).rejects.toMatchObject({
      code: expect.stringMatching(/^MR20/) as string,
      details: { column: 'seats', declared: 'int' },
    })
  })

  it('are of no file whose lines are no rows', async () => {
    await expect(opened(file('km;seats\n1;2\n1;2;3;4\n1;2\n5;6;7;8;9\n'))).rejects.toMatchObject({
      code: 'MR4111',
      details: {
        file: 'given.csv',
        reason: expect.stringMatching(/^2 of its lines are no rows; the first is line 3: ./),
      },
    })
  })
})

describe('the time of the event', () => {
  it('is read by a model with features alone, where the file has it, in the declared zone', async () => {
    expect(Object.keys((await opened(file('km;seats;at\n1;2;x\n'))).columns)).toEqual(['km', 'seats'])
    const without = await opened(file('zone;km\na;1\n'), [], timed)
    expect(Object.keys(without.columns)).toEqual(['km', 'zone'])
    const rows = await opened(file('zone;km;at\na;1;2026-07-01 12:00:00\n'), [], timed)
    expect(await rowsOf(rows, 'epoch_us("at") AS at')).toEqual([{ n: 0, at: expect.anything(), problem: 0 }])
    const [row] = await rowsOf(rows, 'CAST(epoch_us("at") AS DOUBLE) AS at')
    expect(row?.at).toBe(Date.UTC(2026, 6, 1, 10) * 1000)
  })

  it('may not be missing in a row where the others have it', async () => {
    const rows = await opened(file('zone;km;at\na;1;2026-07-01 12:00:00\nb;1;\n'), [], timed)
    const [, second] = await rowsOf(rows, 'km')
    expect(second?.problem).toBeGreaterThan(0)
    await expect(rows.refuse(1, second?.problem as number)).rejects.toMatchObject({
      code: 'MR4112',
      details: { row: 1, column: 'at', reason: 'it is null and may not be' },
    })
  })
})

describe('columns to keep', () => {
  it('are read beside the others: declared ones as declared, others as they stand, and they may be null', async () => {
    const rows = await opened(file('km;seats;paid;note\n1;2;;007\n1;2;3.5;\n'), ['note', 'paid', 'km'])
    expect(Object.keys(rows.columns)).toEqual(['km', 'seats', 'note', 'paid'])
    expect(await rowsOf(rows, 'km, paid, note')).toEqual([
      { n: 0, km: 1, paid: null, note: '007', problem: 0 },
      { n: 1, km: 1, paid: 3.5, note: null, problem: 0 },
    ])
    // what is an input too is held to what inputs are held to
    const [null0] = await rowsOf(await opened(file('km;seats\n;2\n'), ['km']))
    expect(null0?.problem).toBeGreaterThan(0)
  })

  it('have the types of a Parquet file', async () => {
    const given = await parquet("SELECT 1.0 AS km, 2 AS seats, 7 AS id, TIMESTAMP '2026-01-01' AS made, [1] AS parts")
    expect((await opened(given, ['id', 'made'])).columns).toMatchObject({
      id: { type: 'int', nullable: true },
      made: { type: 'timestamp', nullable: true },
    })
    await expect(opened(given, ['parts'])).rejects.toMatchObject({
      code: 'MR4111',
      details: { reason: "its column 'parts' is of a type that is not kept" },
    })
  })

  it('must be there', async () => {
    await expect(opened(file('km;seats\n1;2\n'), ['night'])).rejects.toMatchObject({
      code: 'MR4111',
      details: { file: 'given.csv', reason: "it has no column 'night' to keep" },
    })
  })
})

describe('a row that a request would not be answered for', () => {
  it('is told by its number, its column and what stands there', async () => {
    const rows = await opened(file('km;seats;night\n1;2;true\nfar;2;true\n1;2.5;no idea\n;;\n1;;true\n'))
    const found = await rowsOf(rows, 'km')
    expect(found.map(row => Number(row.problem) > 0)).toEqual([false, true, true, true, true])
    const told = []
    for (const row of found.slice(1))
      told.push(
        await rows.refuse(Number(row.n), Number(row.problem)).catch((error: { details: object }) => error.details),
      )
    expect(told).toEqual([
      { file: 'given.csv', row: 1, column: 'km', reason: 'expected float, got km=far' },
      { file: 'given.csv', row: 2, column: 'seats', reason: 'expected int, got seats=2.5; night=no idea' },
      { file: 'given.csv', row: 3, column: 'km', reason: 'it is null and may not be' },
      { file: 'given.csv', row: 4, column: 'seats', reason: 'it is null and may not be' },
    ])
  })

  it('is told with the first 80 characters of what stands there', async () => {
    const rows = await opened(file(`km;seats\n${'x'.repeat(200)};2\n`))
    const [row] = await rowsOf(rows, 'seats')
    await expect(rows.refuse(0, Number(row?.problem))).rejects.toMatchObject({
      details: { reason: `expected float, got km=${'x'.repeat(77)}` },
    })
  })

  it('is none where nothing can be missing or unreadable', async () => {
    const open = made({ inputs: (c: Record<string, never>) => ({ night: c.night }) })
    const rows = await opened(await parquet('SELECT true AS night'), [], open)
    expect(await rowsOf(rows, 'night')).toEqual([{ n: 0, night: true, problem: 0 }])
  })
})
