import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import { dataset, expect as must, parquet, t } from '../../index.ts'
import type { ExpectationColumns } from '../../define/expectation/index.ts'
import { digestFile } from '../../internal/digest.ts'
import type { DataEngine, Value } from '../../ports/data-engine.ts'
import { validate } from './validate.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const services = () => ({ engine, root: '/', clock: manualClock() })

interface Row {
  readonly a: number | null
  readonly b: number | null
  readonly s: string | null
}

const columns = { a: t.nullable(t.int()), b: t.nullable(t.float()), s: t.nullable(t.text()) }

async function table(rows: readonly Row[]): Promise<{ sql: string; label: string }> {
  const nulls = (pick: (row: Row) => Value) => Uint8Array.from(rows, row => (pick(row) === null ? 1 : 0))
  return engine.load('rows_under_test', [
    { name: 'a', type: 'int', values: BigInt64Array.from(rows, row => BigInt(row.a ?? 0)), nulls: nulls(row => row.a) },
    { name: 'b', type: 'float', values: Float64Array.from(rows, row => row.b ?? 0), nulls: nulls(row => row.b) },
    { name: 's', type: 'text', values: rows.map(row => row.s ?? ''), nulls: nulls(row => row.s) },
  ])
}

/** The declarations, and beside them the plainest way of counting bad rows and those that are judged. */
const declared = (c: ExpectationColumns<typeof columns>) => [
  c.a.between(-3, 3, { id: 'between', mostly: 0.7 }),
  c.s.notNull({ id: 'not-null', maxBad: 2 }),
  c.s.inSet(['x', 'y'], { id: 'in-set', nulls: 'bad' }),
  c.s.matches(/^[xyz]?$/, { id: 'pattern' }),
  c.b.between(0, undefined, { id: 'when', when: c.a.gt(0) }),
]
interface Counting {
  readonly id: string
  bad(row: Row): boolean
  counted(row: Row): boolean
  most(counted: number): number
}
const catalogue: readonly Counting[] = [
  {
    id: 'between',
    bad: r => r.a !== null && (r.a < -3 || r.a > 3),
    counted: r => r.a !== null,
    most: n => Math.floor(n * 0.3 + 1e-9),
  },
  { id: 'not-null', bad: r => r.s === null, counted: () => true, most: () => 2 },
  { id: 'in-set', bad: r => r.s === null || !['x', 'y'].includes(r.s), counted: () => true, most: () => 0 },
  { id: 'pattern', bad: r => r.s !== null && !/^[xyz]?$/.test(r.s), counted: r => r.s !== null, most: () => 0 },
  {
    id: 'when',
    bad: r => r.a !== null && r.a > 0 && r.b !== null && r.b < 0,
    counted: r => r.a !== null && r.a > 0 && r.b !== null,
    most: () => 0,
  },
]

const anyRow: fc.Arbitrary<Row> = fc.record({
  a: fc.option(fc.integer({ min: -6, max: 6 }), { nil: null, freq: 5 }),
  b: fc.option(fc.constantFrom(-1.5, 0, 2.25), { nil: null, freq: 5 }),
  s: fc.option(fc.constantFrom('x', 'y', 'z', '', 'xx'), { nil: null, freq: 5 }),
})

describe('validation', () => {
  it('counts what plain counting counts, and parts the rows accordingly', async () => {
    const made = dataset('d', {
      source: parquet('-'),
      columns,
      expect: c => [
        ...declared(c),
        must.unique([c.a, c.s], { id: 'unique', severity: 'warning' }),
        must.duplicateRows({ id: 'duplicates', severity: 'warning' }),
        c.a.mean({ id: 'mean', min: -1, max: 1, severity: 'info' }),
      ],
    })
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 1, maxLength: 30 }), async rows => {
        const result = await validate(services(), made, await table(rows))
        const check = (id: string) => result.report.checks.find(one => one.id === id)
        for (const one of catalogue) {
          const bad = rows.filter(one.bad).length
          const counted = rows.filter(one.counted).length
          const status =
            counted === 0
              ? one.id === 'when' && !rows.some(row => row.a !== null && row.a > 0)
                ? 'pass'
                : 'fail'
              : bad <= one.most(counted)
                ? 'pass'
                : 'fail'
          expect({
            id: one.id,
            bad: check(one.id)?.bad,
            evaluated: check(one.id)?.evaluated,
            status: check(one.id)?.status,
          }).toEqual({ id: one.id, bad, evaluated: counted, status })
        }
        const groups = (key: (row: Row) => string | undefined) => {
          const counts = new Map<string, number>()
          for (const row of rows) {
            const name = key(row)
            if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1)
          }
          return [...counts.values()]
        }
        expect(check('unique')?.bad).toBe(
          groups(row => (row.a === null || row.s === null ? undefined : JSON.stringify([row.a, row.s]))).reduce(
            (sum, n) => sum + (n > 1 ? n : 0),
            0,
          ),
        )
        expect(check('duplicates')?.bad).toBe(groups(row => JSON.stringify(row)).reduce((sum, n) => sum + n - 1, 0))
        const values = rows.flatMap(row => (row.a === null ? [] : [row.a]))
        if (values.length > 0)
          expect(check('mean')?.observed.value).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 12)
        const [good] = await engine.rows(`SELECT count(*) AS n FROM (${result.split.good})`)
        // what a passing check tolerates stays in
        const failing = catalogue.filter(one => check(one.id)?.status === 'fail')
        expect(Number(good?.n)).toBe(rows.filter(row => !failing.some(one => one.bad(row))).length)
        await result.release()
      }),
      { numRuns: 20 },
    )
  })

  it('judges what it can when a column is missing or of another type, and says which', async () => {
    const made = dataset('d', {
      source: parquet('-'),
      columns: { a: t.int(), missing: t.text(), s: t.int() },
      expect: c => [
        c.a.between(0, 9, { id: 'a' }),
        c.missing.matches(/x/, { id: 'm' }),
        c.s.between(0, 1, { id: 's' }),
      ],
    })
    const { report, release } = await validate(services(), made, await table([{ a: 3, b: null, s: 'x' }]))
    const status = (id: string) => report.checks.find(one => one.id === id)?.status
    expect([status('a'), status('m'), status('s'), status('schema')]).toEqual(['pass', 'error', 'error', 'fail'])
    expect(report.status).toBe('error')
    await release()
  })

  it('lets one NaN hide nothing', async () => {
    const made = dataset('d', {
      source: parquet('-'),
      columns: { b: t.float() },
      expect: c => [c.b.mean({ id: 'mean', min: 0, max: 5 }), c.b.std({ id: 'std', max: 5 })],
    })
    const relation = await engine.load('rows_under_test', [
      { name: 'b', type: 'float', values: Float64Array.of(1, 3, Number.NaN, Infinity) },
    ])
    const { report, release } = await validate(services(), made, relation)
    const check = (id: string) => report.checks.find(one => one.id === id)
    expect(check('mean')).toMatchObject({ status: 'pass', observed: { value: 2 }, evaluated: 2 })
    expect(check('std')).toMatchObject({ status: 'pass', observed: { value: 1 } })
    expect(check('b-finite')).toMatchObject({ status: 'fail', bad: 2 })
    await release()
  })

  it('counts the rows that a rule applies to in the one scan of the plan', async () => {
    const made = dataset('d', {
      source: parquet('-'),
      columns,
      expect: c => [
        c.a.unique({ id: 'unique', when: c.b.gt(0) }),
        c.a.increasing({ id: 'increasing', orderBy: c.s, when: c.b.lt(0) }),
      ],
    })
    const rows = [1, 1, 2].map(a => ({ a, b: 1, s: 'x' }))
    const { report, steps, release } = await validate(services(), made, await table(rows))
    expect(report.checks.find(one => one.id === 'unique')).toMatchObject({ bad: 2, evaluated: 3 })
    const looks = steps.map(step => step.kind).filter(kind => kind !== 'footer' && kind !== 'values')
    expect(looks).toEqual(['scan', 'rule', 'rule', 'failures'])
    await release()
  })

  it('fails on nothing at all', async () => {
    const made = dataset('d', { source: parquet('-'), columns, expect: c => [c.a.between(0, 1, { id: 'a' })] })
    const { report, release } = await validate(services(), made, await table([]))
    expect(report.checks.find(one => one.id === 'a')).toMatchObject({ status: 'fail', evaluated: 0 })
    await release()
  })

  it('gives the good rows in their order of arrival, the same bytes each time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-order-'))
    const made = dataset('d', {
      source: parquet('rows.parquet'),
      columns: { n: t.int(), s: t.text() },
      expect: c => [c.n.notInSet([77, 150_000]), c.s.unique({ when: c.n.lt(3) })],
    })
    await engine.writeParquet(
      "SELECT range AS n, 'v' || (range * 7919 % 1000) AS s FROM range(400000)",
      join(folder, 'rows.parquet'),
    )
    const digests = new Set<string>()
    for (let run = 0; run < 4; run++) {
      const result = await validate({ engine, root: folder, clock: manualClock() }, made)
      const path = join(folder, 'good.parquet')
      expect(await engine.writeParquet(result.split.good, path)).toBe(399_998)
      await result.release()
      const [row] = await engine.rows(
        `SELECT count(*) AS wrong FROM (SELECT n, lag(n) OVER (ORDER BY file_row_number) AS before FROM read_parquet('${path}')) WHERE n < before`,
      )
      expect(Number(row?.wrong)).toBe(0)
      digests.add((await digestFile(path)).digest)
    }
    expect(digests.size).toBe(1)
    await rm(folder, { recursive: true })
  })
})
