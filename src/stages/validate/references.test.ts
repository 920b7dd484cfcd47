import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { dataset, expect as must, parquet, t, type CheckResult, type Report } from '../../index.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { validate, type ValidateServices } from './validate.ts'

let engine: DataEngine
let root: string
const columns = { id: t.int(), at: t.timestamp('UTC'), kind: t.text(), x: t.float(), late: t.bool() }

async function write(name: string, rows: string): Promise<void> {
  await engine.writeParquet(`SELECT * FROM (${rows}) v(id, "at", kind, x, late)`, join(root, name))
}

/** `n` rows from an id on: kinds a and b by turns, x = 0 … 9, a day an hour. */
const plain = (
  from: number,
  n: number,
  kind = "CASE WHEN range % 2 = 0 THEN 'a' ELSE 'b' END",
  x = '(range % 10)::DOUBLE',
) =>
  `SELECT range AS id, make_timestamp(978307200000000 + range * 3600000000) AS "at", ${kind} AS kind, ${x} AS x, range % 4 = 0 AS late FROM range(${from}, ${from + n})`

const other = dataset('other', { source: parquet('other.parquet'), columns })

beforeAll(async () => {
  engine = await openDuckdb()
  root = await mkdtemp(join(tmpdir(), 'millrace-references-'))
  await write('other.parquet', plain(0, 1000))
})
afterAll(async () => {
  await engine.close()
  await rm(root, { recursive: true })
})

type Declared = NonNullable<Parameters<typeof dataset<'d', typeof columns>>[1]['expect']>

async function checks(rows: string, expected: Declared, services: Partial<ValidateServices> = {}) {
  await write('own.parquet', rows)
  const made = dataset('d', { source: parquet('own.parquet'), columns, expect: expected })
  const { report, release } = await validate({ engine, root, clock: manualClock(), ...services }, made)
  await release()
  return report.checks.slice(-made.expectations.length + 7)
}

const brief = (found: readonly CheckResult[]) => found.map(one => [one.kind, one.status, one.bad, one.evaluated])

describe('expectations that look at other rows', () => {
  it('foreign keys, sets of another dataset, leaks of a split: absent and present rows are counted', async () => {
    const found = await checks(plain(990, 20, "CASE WHEN range = 995 THEN 'z' ELSE 'a' END"), c => [
      must.foreignKey([c.id], other, ['id']),
      must.foreignKey([c.id, c.kind], other, ['id', 'kind']),
      c.kind.inSetFrom(other, 'kind', { maxBad: 1 }),
      must.splitLeak({ from: other, on: [c.id] }),
    ])
    expect(brief(found)).toEqual([
      ['foreignKey', 'fail', 10, 20],
      ['foreignKey', 'fail', 15, 20],
      ['inSetFrom', 'pass', 1, 20],
      ['splitLeak', 'fail', 10, 20],
    ])
  })

  it('reconciliation and skew: missing on either side, different beyond a tolerance', async () => {
    const found = await checks(
      plain(
        1,
        1001,
        undefined,
        'CASE WHEN range = 7 THEN 7.5 WHEN range = 8 THEN 8.0001 ELSE (range % 10)::DOUBLE END',
      ),
      c => [
        must.reconcile({ with: other, on: [c.id], compare: [c.x, c.kind], tolerance: { abs: 0.001 } }),
        must.skew({ with: other, on: [c.id], features: [c.x] }),
      ],
    )
    expect(brief(found)).toEqual([
      // one differs, ids 1000 and 1001 are missing there, id 0 is missing here
      ['reconcile', 'fail', 4, 1002],
      ['skew', 'fail', 2, 999],
    ])
    expect(found[0]?.observed).toMatchObject({ different: 1, missingThere: 2, missingHere: 1 })
  })

  it('drift: none in the same distribution, much in a moved one; new categories by name', async () => {
    const declared: Declared = c => [
      c.x.drift({ from: other }),
      c.x.drift({ from: other, metric: 'ks' }),
      c.x.drift({ from: other, metric: 'wasserstein' }),
      c.kind.drift({ from: other, metric: 'cramersV' }),
      c.kind.newCategories({ from: other }),
    ]
    const same = await checks(plain(5000, 1000), declared)
    expect(same.map(one => one.status)).toEqual(['pass', 'pass', 'pass', 'pass', 'pass'])
    const moved = await checks(
      plain(5000, 1000, "CASE WHEN range % 5 = 0 THEN 'new' ELSE 'a' END", '(range % 10)::DOUBLE + 4'),
      declared,
    )
    expect(moved.map(one => one.status)).toEqual(['fail', 'fail', 'fail', 'fail', 'fail'])
    expect(moved[1]?.observed.value).toBeCloseTo(0.4, 6)
    expect(moved[4]?.message).toContain('new')
    const few = await checks(plain(0, 50), c => [c.x.drift({ from: other })])
    expect(few[0]).toMatchObject({ status: 'skipped' })
  })

  it('time leaks: a test set begins after its training set ends', async () => {
    const after = await checks(plain(1000, 10), c => [c.at.timeLeak({ after: other, column: 'at' })])
    expect(after[0]?.status).toBe('pass')
    const before = await checks(plain(999, 10), c => [c.at.timeLeak({ after: other, column: 'at' })])
    expect(before[0]?.status).toBe('fail')
  })

  it('what has no reference yet is skipped, and says so', async () => {
    const found = await checks(plain(0, 500), c => [
      c.x.drift(),
      c.kind.newCategories(),
      c.x.mean({ vsReference: { to: 'previous', maxRel: 0.1 } }),
    ])
    expect(found.map(one => one.status)).toEqual(['skipped', 'skipped', 'skipped'])
    const snapshot = async () => engine.scan({ kind: 'parquet', path: 'other.parquet' }, root)
    const known = await checks(
      plain(0, 500, undefined, '(range % 10)::DOUBLE * 2'),
      c => [
        c.x.mean({ vsReference: { to: 'previous', maxRel: 0.1 } }),
        c.x.mean({ vsReference: { to: 'previous', maxSigma: 2 } }),
      ],
      { snapshot },
    )
    expect(known.map(one => one.status)).toEqual(['fail', 'pass'])
  })
})

describe('expectations that look back', () => {
  const report = (value: number, status: CheckResult['status'] = 'pass'): Report =>
    ({ checks: [{ id: 'figure', status, observed: { value } }] }) as unknown as Report

  it('a figure is a surprise after its history, and failed figures are no history', async () => {
    const history = async () => [...[4.4, 4.6, 4.5, 4.4, 4.6, 4.5, 4.5].map(one => report(one)), report(90, 'fail')]
    const declared: Declared = c => [c.x.metricAnomaly('mean', { id: 'figure', sigma: 4 })]
    const calm = await checks(plain(0, 100), declared, { history })
    expect(calm[0]).toMatchObject({ status: 'pass', observed: { value: 4.5, history: 7 } })
    const moved = await checks(plain(0, 100, undefined, '(range % 10)::DOUBLE + 3'), declared, { history })
    expect(moved[0]?.status).toBe('fail')
    const young = await checks(plain(0, 100), declared, { history: async () => [report(4.5)] })
    expect(young[0]?.status).toBe('skipped')
  })

  it('row counts by their ratio to the last', async () => {
    const history = async () => [report(100)]
    const found = await checks(plain(0, 150), () => [must.rowCount({ id: 'figure', vsPrevious: { maxRatio: 1.2 } })], {
      history,
    })
    expect(found[0]).toMatchObject({ status: 'fail', observed: { value: 150, previous: 100 } })
  })
})

describe('expectations about labels and sets', () => {
  it('one feature that tells the label is found, by its rank or by its categories', async () => {
    const leaky = plain(
      0,
      1000,
      "CASE WHEN range % 4 = 0 THEN 'late' ELSE 'fine' END",
      'CASE WHEN range % 4 = 0 THEN -1.0 ELSE range::DOUBLE END',
    )
    const found = await checks(leaky, c => [
      must.labelLeak({ label: c.late.expr, features: [c.x] }),
      must.labelLeak({ label: c.late.expr, features: [c.kind] }),
      must.labelLeak({ label: c.late.expr, features: [c.id], max: 0.9 }),
    ])
    expect(found.map(one => one.status)).toEqual(['fail', 'fail', 'pass'])
    expect(found[0]?.observed.value).toBe(1)
  })

  it('classes, constants, sets and freshness', async () => {
    const now = 978307200000000 + 99 * 3_600_000_000
    const clock = manualClock()
    const found = await checks(
      plain(0, 100),
      c => [
        c.late.classBalance({ minShare: 0.25 }),
        c.late.classBalance({ minShare: 0.26 }),
        c.kind.notConstant(),
        c.kind.notConstant({ when: c.id.eq(3) }),
        c.kind.containsSet(['a']),
        c.kind.containsSet(['a', 'c']),
        c.kind.equalsSet(['b', 'a']),
        c.kind.equalsSet(['a']),
        c.at.freshness('1h'),
        c.at.freshness('30m'),
      ],
      { clock: { ...clock, now: () => now + 3_599_000_000 } },
    )
    expect(found.map(one => one.status)).toEqual([
      'pass',
      'fail',
      'pass',
      'fail',
      'pass',
      'fail',
      'pass',
      'fail',
      'pass',
      'fail',
    ])
    const ahead = await checks(plain(0, 100), c => [c.at.freshness('1d')], {
      clock: { ...clock, now: () => now - 301_000_000 },
    })
    expect(ahead[0]?.message).toContain('future')
  })
})
