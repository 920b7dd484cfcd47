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
    ['before Christ', "'44-03-15 (BC) 12:00:00'"],
    ['the last of four digits', "'9999-12-31 23:59:59.999999'"],
    ['five digits', "'12345-01-01'"],
    ['the last of JavaScript', 'make_timestamp(8640000000000000000)'],
    ['beyond JavaScript', 'make_timestamp(9000000000000000000)'],
    ['the last of all', 'make_timestamp(9223372036854775806)'],
    ['the first of all', 'make_timestamp(-9223372022400000000)'],
    ['infinity', "'infinity'"],
    ['minus infinity', "'-infinity'"],
  ])('%s is no present time, and no reason to crash', async (_, time) => {
    const alone = await times([time])
    expect(alone.get('fresh')?.status).not.toBe('pass')
    expect(alone.get('between')?.status).not.toBe('pass')
    const among = await times(["'2026-01-10 11:00:00'", time, "'2026-01-10 11:30:00'"])
    expect(among.get('between')).toMatchObject({ status: 'fail', bad: 1, evaluated: 3 })
    expect(among.get('unique')?.status).toBe('pass')
    expect(among.get('contiguous')?.status).not.toBe('pass')
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

  it('in a zone whose clocks leap are one instant, the same each time', async () => {
    // 02:30 is not on 29 March 2026 in Berlin, and is twice on 25 October
    await writeFile(
      join(root, 'zone.csv'),
      'o,t\n0,2026-03-29 01:30:00\n1,2026-03-29 02:30:00\n2,2026-03-29 03:30:00\n3,2026-10-25 02:30:00\n',
    )
    const made = dataset('d', {
      source: csv('zone.csv'),
      columns: { o: t.int(), t: t.timestamp('Europe/Berlin') },
      expect: c => [c.t.increasing({ orderBy: c.o, id: 'order' })],
    })
    const read = async () => {
      const { report, found, release } = await validate({ engine, root, clock: manualClock(now) }, made)
      const rows = await engine.rows(`SELECT epoch_us(t) AS t FROM (${found.sql}) ORDER BY o`)
      await release()
      expect(report.status).toBe('pass')
      return rows.map(row => new Date(Number(row.t) / 1000).toISOString())
    }
    expect(await read()).toEqual([
      '2026-03-29T00:30:00.000Z',
      '2026-03-29T01:30:00.000Z',
      '2026-03-29T01:30:00.000Z',
      expect.stringMatching(/2026-10-25T0[01]:30:00/),
    ])
  })
})
