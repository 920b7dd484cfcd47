import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import type { CheckResult } from '../../src/define/report.ts'
import { csv, dataset, parquet, t } from '../../src/index.ts'
import { parseTime, type Micros } from '../../src/internal/time.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { validate } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'

let engine: DataEngine
let root: string
beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-clock-'))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

const now = parseTime('2026-01-10T12:00:00Z') as Micros

/** Every kind that looks at times, over the times given as SQL. */
async function times(sql: readonly string[], at: Micros = now): Promise<ReadonlyMap<string, CheckResult>> {
  const rows = sql.map((time, n) => `SELECT ${n} AS o, CAST(${time} AS TIMESTAMP) AS t`).join(' UNION ALL ')
  await engine.writeParquet(rows, join(root, 'times.parquet'))
  const old = dataset('old', { source: parquet('times.parquet'), columns: { o: t.int(), t: t.timestamp('UTC') } })
  const made = dataset('d', {
    source: parquet('times.parquet'),
    columns: { o: t.int(), t: t.timestamp('UTC') },
    expect: c => [
      c.t.freshness('1d', { id: 'fresh' }),
      c.t.between(new Date('2026-01-01'), new Date('2026-02-01'), { id: 'between' }),
      c.t.increasing({ orderBy: c.o, id: 'increasing' }),
      c.t.contiguous({ step: '1d', id: 'contiguous' }),
      c.t.unique({ id: 'unique' }),
      c.t.timeLeak({ after: old, column: 't', id: 'leak' }),
      c.t.distinctCount({ min: 0, id: 'distinct' }),
      c.o.between(0, 1e6, { id: 'berlin', when: c.t.year('Europe/Berlin').gte(2000) }),
      c.o.between(0, 1e6, { id: 'later', when: c.t.plus('99999d').gt(new Date('2000-01-01')) }),
    ],
  })
  const clock = manualClock(at)
  const { report, split, release } = await validate({ engine, root, clock }, made)
  if (split.bad) await engine.rows(split.bad)
  await release()
  // whatever the times are, each is judged or is an error of its own, and the report can be carried
  expect(() => JSON.stringify(report)).not.toThrow()
  for (const check of report.checks)
    expect([check.id, check.error ?? '']).toEqual([check.id, expect.not.stringContaining('within Millrace')])
  return new Map(report.checks.map(check => [check.id, check]))
}

describe('times at the edges', () => {
  it('of now, a little ahead and far ahead', async () => {
    expect((await times(["'2026-01-10 11:00:00'"])).get('fresh')?.status).toBe('pass')
    expect((await times(["'2026-01-10 12:04:00'"])).get('fresh')?.status).toBe('pass')
    expect((await times(["'2026-01-10 12:06:00'"])).get('fresh')).toMatchObject({
      status: 'fail',
      message: expect.stringContaining('future'),
    })
    expect((await times(["'2027-01-10 12:00:00'"])).get('fresh')?.status).toBe('fail')
  })

  it('with a clock that was set back, what was fresh lies in the future and does not pass', async () => {
    const back = parseTime('1970-01-01T00:00:00Z') as Micros
    expect((await times(["'2026-01-10 11:00:00'"], back)).get('fresh')?.status).toBe('fail')
  })

  it.each([
    ['the first year', "'0001-01-01'"],
    ['the last of four digits', "'9999-12-31 23:59:59.999999'"],
  ])('%s is no present time, and no reason to crash', async (_, time) => {
    const alone = await times([time])
    expect(alone.get('fresh')?.status).not.toBe('pass')
    expect(alone.get('between')?.status).not.toBe('pass')
    const among = await times(["'2026-01-10 11:00:00'", time, "'2026-01-10 11:30:00'"])
    expect(among.get('between')).toMatchObject({ status: 'fail', bad: 1, evaluated: 3 })
    expect(among.get('t-readable')).toBeUndefined()
    expect(among.get('unique')?.status).toBe('pass')
    expect(among.get('contiguous')?.status).not.toBe('pass')
  })

  // what is no time of the years 1 to 9999 is told with its text, and is no time to any other check
  it.each([
    ['the last before the first year', "'0001-12-31 (BC) 23:59:59.999999'", '0001-12-31 (BC) 23:59:59.999999'],
    ['before Christ', "'44-03-15 (BC) 12:00:00'", '0044-03-15 (BC) 12:00:00'],
    ['the first of five digits', "'10000-01-01'", '10000-01-01 00:00:00'],
    ['five digits', "'12345-01-01'", '12345-01-01 00:00:00'],
    ['the last of JavaScript', 'make_timestamp(8640000000000000000)', '275760-09-13 00:00:00'],
    ['beyond JavaScript', 'make_timestamp(9000000000000000000)', '287168-08-24 16:00:00'],
    ['the last of all', 'make_timestamp(9223372036854775806)', '294247-01-10 04:00:54.775806'],
    ['the first of all', 'make_timestamp(-9223372022400000000)', '290309-12-22 (BC) 00:00:00'],
    ['infinity', "'infinity'", 'infinity'],
    ['minus infinity', "'-infinity'", '-infinity'],
  ])('%s is no readable time, and no reason to crash', async (_, time, text) => {
    const alone = await times([time])
    expect(alone.get('t-readable')).toMatchObject({ status: 'fail', bad: 1, evaluated: 1 })
    expect(alone.get('fresh')?.status).not.toBe('pass')
    expect(alone.get('between')?.status).not.toBe('pass')
    expect(alone.get('contiguous')?.status).not.toBe('pass')
    const among = await times(["'2026-01-10 11:00:00'", time, "'2026-01-10 11:30:00'"])
    expect(among.get('t-readable')).toMatchObject({
      severity: 'critical',
      status: 'fail',
      bad: 1,
      evaluated: 3,
      sample: [{ millrace_row: 1, t: null, millrace_unreadable: `t=${text}` }],
    })
    expect(among.get('t-not-null')).toMatchObject({ status: 'fail', bad: 1, evaluated: 3 })
    for (const id of ['between', 'increasing', 'contiguous', 'unique'])
      expect(among.get(id)).toMatchObject({ status: 'pass', bad: 0, evaluated: 2 })
    expect(among.get('fresh')).toMatchObject({
      status: 'pass',
      message: expect.stringContaining('2026-01-10T11:30:00Z'),
    })
  })

  it.each([
    '2026-01-10T11:59:60Z',
    '2026-02-29T00:00:00Z',
    '10000-01-01T00:00:00Z',
    'infinity',
    'epoch',
    'now',
    'today',
    '2026-01-10T24:00:00Z',
  ])('the text %s is read as a time or told as unreadable, never as now', async (text: string, _?: string) => {
    await writeFile(join(root, 'text.csv'), `o,t\n0,${text}\n1,2026-01-10T11:00:00Z\n`)
    const made = dataset('d', {
      source: csv('text.csv'),
      columns: { o: t.int(), t: t.nullable(t.timestamp('UTC')) },
      expect: c => [c.t.between(new Date('2026-01-10T10:00:00Z'), new Date('2026-01-11T12:00:00Z'), { id: 'between' })],
    })
    const { report, release } = await validate({ engine, root, clock: manualClock(now) }, made)
    await release()
    const bad = (id: string) => report.checks.find(one => one.id === id)?.bad ?? 0
    if (!/24:00|:60Z/.test(text)) expect([text, bad('t-readable') + bad('between')]).toEqual([text, 1])
    expect(report.checks.find(one => one.id === 'between')?.error).toBeUndefined()
  })

  it('in a zone whose clocks leap are one instant, or are told as unreadable', async () => {
    // 02:30 is not on 29 March 2026 in Berlin, and is twice on 25 October
    await writeFile(
      join(root, 'zone.csv'),
      [
        'o,t',
        '0,2026-03-29 01:59:59.999999',
        '1,2026-03-29 02:00:00',
        '2,2026-03-29 02:30:00',
        '3,2026-03-29 03:00:00',
        '4,2026-10-25 01:59:59.999999',
        '5,2026-10-25 02:00:00',
        '6,2026-10-25 02:30:00',
        '7,2026-10-25 03:00:00',
        '8,2026-10-25 02:30:00+02:00',
        '9,2026-10-25 02:30:00+01:00\n',
      ].join('\n'),
    )
    const made = dataset('d', {
      source: csv('zone.csv'),
      columns: { o: t.int(), t: t.timestamp('Europe/Berlin') },
      expect: c => [c.t.unique({ id: 'unique' })],
    })
    const { report, found, release } = await validate({ engine, root, clock: manualClock(now) }, made)
    const rows = await engine.rows(`SELECT CAST(t AS VARCHAR) AS t FROM (${found.sql}) ORDER BY o`)
    await release()
    // by Python's zoneinfo, where both folds of a time name the same instant and lead back to it
    expect(rows.map(row => row.t)).toEqual([
      '2026-03-29 00:59:59.999999',
      null,
      null,
      '2026-03-29 01:00:00',
      '2026-10-24 23:59:59.999999',
      null,
      null,
      '2026-10-25 02:00:00',
      '2026-10-25 00:30:00',
      '2026-10-25 01:30:00',
    ])
    const readable = report.checks.find(one => one.id === 't-readable')
    expect(readable).toMatchObject({ severity: 'critical', status: 'fail', bad: 4, evaluated: 10 })
    expect(readable?.sample?.map(row => row.millrace_unreadable)).toEqual([
      't=2026-03-29 02:00:00',
      't=2026-03-29 02:30:00',
      't=2026-10-25 02:00:00',
      't=2026-10-25 02:30:00',
    ])
    expect(report.checks.find(one => one.id === 'unique')).toMatchObject({ status: 'pass', evaluated: 6 })
  })
})
