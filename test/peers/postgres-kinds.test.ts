import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { openPostgresTable } from '../../src/adapters/source/postgres/open.ts'
import { kinds } from '../../src/define/expectation/index.ts'
import type { CheckResult, Report } from '../../src/define/report.ts'
import { dataset, expect as must, postgres, t } from '../../src/index.ts'
import { ulid } from '../../src/internal/ids.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import { validate, type ValidateServices } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'
import { figureCases, groupCases, rowCases } from '../oracle/cases.ts'
import { wholeCases } from '../oracle/whole-cases.ts'

const server = process.env['MILLRACE_TEST_POSTGRES']
if (server === undefined)
  console.warn('SKIPPED: MILLRACE_TEST_POSTGRES is not set; see scripts/peers/postgres.sh for a server to test with')

interface Row {
  readonly k: string | null
  readonly x: number | null
  readonly late: boolean
}
const columns = { k: t.nullable(t.text()), x: t.nullable(t.int()), late: t.bool() }

const letters = ['a', 'b', 'c', 'd', 'e'] as const
/** So many rows that distances are taken; of few values, none so rare that a bin would hold it with another. */
const anyRows: fc.Arbitrary<readonly Row[]> = fc
  .record({
    seed: fc.integer({ min: 1, max: 1e9 }),
    weights: fc.array(fc.integer({ min: 1, max: 2 }), { minLength: 5, maxLength: 5 }),
  })
  .map(({ seed, weights }) => {
    const levels = weights.flatMap((weight, level) => Array<number>(weight).fill(level))
    let state = seed
    const draw = (below: number): number => {
      state = (state * 48_271) % 2_147_483_647
      return state % below
    }
    return Array.from({ length: 300 }, () => {
      const [k, x] = [levels[draw(levels.length)] as number, levels[draw(levels.length)] as number]
      return { k: draw(17) === 0 ? null : (letters[k] as string), x: draw(17) === 0 ? null : x, late: draw(5) <= x }
    })
  })

const share = (rows: readonly Row[], of: (row: Row) => boolean): number => rows.filter(of).length / rows.length

/** The greatest difference between the shares of a value, null being one. */
function largestGap(rows: readonly Row[], before: readonly Row[]): number {
  return Math.max(
    ...[...letters, null].map(k => Math.abs(share(rows, row => row.k === k) - share(before, row => row.k === k))),
  )
}

/** The greatest difference between the shares of numbers up to a value. */
function kolmogorov(rows: readonly Row[], before: readonly Row[]): number {
  const known = (all: readonly Row[]) => all.filter(row => row.x !== null)
  const upTo = (all: readonly Row[], x: number) => share(known(all), row => (row.x as number) <= x)
  return Math.max(...[0, 1, 2, 3, 4].map(x => Math.abs(upTo(rows, x) - upTo(before, x))))
}

/** How often a late row has the greater score of two, ties half: pair by pair. */
function auc(rows: readonly { readonly score: number; readonly late: boolean }[]): number {
  const [yes, no] = [rows.filter(row => row.late), rows.filter(row => !row.late)]
  let won = 0
  for (const a of yes) for (const b of no) won += a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0
  return won / (yes.length * no.length)
}

describe.skipIf(server === undefined)('a table of PostgreSQL has the verdicts of plain counting', () => {
  const schema = `kinds_${ulid().toLowerCase()}`
  const client = new pg.Client({ connectionString: server })
  const root = mkdtempSync(join(tmpdir(), 'millrace-postgres-'))
  let engine: DataEngine
  beforeAll(async () => {
    engine = await openDuckdb()
    await client.connect()
    await client.query(`create schema ${schema}; set search_path to ${schema}`)
    for (const name of ['rows', 'others']) await client.query(`create table ${name} (k text, x int, late boolean)`)
    await client.query('create domain words as text; create table cells (i words, x words, b words, t words)')
  })
  afterAll(async () => {
    await client.query(`drop schema ${schema} cascade`)
    await client.end()
    await engine.close()
    rmSync(root, { recursive: true })
  })

  const from = (name: string) => postgres(`${schema}.${name}`, { urlFrom: 'MILLRACE_TEST_POSTGRES' })
  const other = dataset('other', { source: from('others'), columns })
  type Declared = NonNullable<Parameters<typeof dataset<'d', typeof columns>>[1]['expect']>

  async function fill(rows: readonly Row[], name = 'rows'): Promise<void> {
    await client.query(`truncate ${name}`)
    await client.query(`insert into ${name} select * from unnest($1::text[], $2::int[], $3::boolean[])`, [
      rows.map(row => row.k),
      rows.map(row => row.x),
      rows.map(row => row.late),
    ])
  }

  /** The declared checks, in their order. */
  async function judged(declared: Declared, services: Partial<ValidateServices> = {}): Promise<readonly CheckResult[]> {
    const made = dataset('d', { source: from('rows'), columns, expect: declared })
    const openForeign: ValidateServices['openForeign'] = ({ path }) => openPostgresTable(path, server ?? '')
    const { report, release } = await validate({ engine, root, clock: manualClock(), openForeign, ...services }, made)
    await release()
    expect(report.checks.map(check => check.error).filter(Boolean)).toEqual([])
    const implied = dataset('d', { source: from('rows'), columns }).expectations.length
    return report.checks.slice(implied)
  }

  test('and none is forgotten', () => {
    const here = ['drift', 'labelLeak', 'metricAnomaly', 'readable', 'wholeLines', 'batches']
    const covered = new Set([...rowCases, ...groupCases, ...figureCases, ...wholeCases].map(one => one.kind))
    expect([...kinds.keys()].filter(kind => !covered.has(kind) && !here.includes(kind))).toEqual([])
  })

  test('for drift from another table', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, anyRows, async (rows, before) => {
        await fill(rows)
        await fill(before, 'others')
        const found = await judged(c => [
          c.k.drift({ from: other, metric: 'linf', max: 0.05 }),
          c.x.drift({ from: other, metric: 'ks', max: 0.05 }),
        ])
        const wanted = [largestGap(rows, before), kolmogorov(rows, before)]
        wanted.forEach((value, at) => {
          expect(found[at]?.observed.value).toBeCloseTo(value, 9)
          expect([found[at]?.kind, found[at]?.status]).toEqual(['drift', value <= 0.05 ? 'pass' : 'fail'])
        })
      }),
      { numRuns: 12 },
    )
    await fill([{ k: 'a', x: 1, late: true }])
    const [few] = await judged(c => [c.k.drift({ from: other })])
    expect([few?.status, few?.evaluated]).toEqual(['skipped', 0])
  })

  test('for a feature that tells the label', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, async rows => {
        await fill(rows)
        const [number, text] = await judged(c => [
          must.labelLeak({ label: c.late.expr, features: [c.x], max: 0.6 }),
          must.labelLeak({ label: c.late.expr, features: [c.k], max: 0.6 }),
        ])
        // a number that is missing comes before all others
        const byNumber = auc(rows.map(row => ({ score: row.x ?? -1, late: row.late })))
        const wanted = Math.max(byNumber, 1 - byNumber)
        expect(number?.observed.value).toBeCloseTo(wanted, 9)
        expect([number?.kind, number?.status]).toEqual(['labelLeak', wanted <= 0.6 ? 'pass' : 'fail'])
        // a text is ordered by its share of late rows; values of fewer than twenty rows are one value
        const known = rows.filter(row => row.k !== null)
        const few = (k: string | null) => known.filter(row => row.k === k).length < 20
        const name = (row: Row) => (few(row.k) ? 'few' : row.k)
        const score = (row: Row) =>
          share(
            known.filter(one => name(one) === name(row)),
            one => one.late,
          )
        expect(text?.observed.value).toBeCloseTo(auc(known.map(row => ({ score: score(row), late: row.late }))), 9)
      }),
      { numRuns: 12 },
    )
    await fill([{ k: 'a', x: 1, late: true }])
    const [one] = await judged(c => [must.labelLeak({ label: c.late.expr, features: [c.x] })])
    expect(one?.status).toBe('skipped')
  })

  test('for a figure beside its history', async () => {
    await fc.assert(
      fc.asyncProperty(anyRows, fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 10 }), async (rows, history) => {
        await fill(rows)
        const reports = history.map(
          n => ({ checks: [{ id: 'figure', status: 'pass', observed: { value: n / 10 } }] }) as unknown as Report,
        )
        const [found] = await judged(
          c => [c.x.metricAnomaly('mean', { id: 'figure', strategy: 'normal', minHistory: 4 })],
          {
            history: async () => reports,
          },
        )
        const numbers = rows.flatMap(row => (row.x === null ? [] : [row.x]))
        const value = numbers.reduce((a, b) => a + b, 0) / numbers.length
        expect(found?.observed.value).toBeCloseTo(value, 9)
        if (history.length < 4) {
          expect([found?.status, found?.observed.history]).toEqual(['skipped', history.length])
          return
        }
        const figures = history.map(n => n / 10)
        const middle = figures.reduce((a, b) => a + b, 0) / figures.length
        const deviation = Math.sqrt(figures.reduce((sum, one) => sum + (one - middle) ** 2, 0) / (figures.length - 1))
        const away = Math.max(3 * deviation, 0.01 * middle)
        if (Math.abs(Math.abs(value - middle) - away) > 1e-9)
          expect(found?.status).toBe(Math.abs(value - middle) <= away ? 'pass' : 'fail')
      }),
      { numRuns: 12 },
    )
  })

  test('for cells that read as their types, where PostgreSQL has a type of its own for them', async () => {
    const cells = {
      i: [
        ['12', ' -3 ', '+0', '9007199254740993', ''],
        ['12.7', '1_000', 'x', '9223372036854775808', '1e3'],
      ],
      x: [
        ['1.5', '-1e3', 'NaN', '7', ''],
        ['1_0', 'x', '1,5'],
      ],
      b: [
        ['true', 'F', '0', '1', 't', ''],
        ['yes', '2', 'on'],
      ],
      t: [
        ['2001-01-01', '2001-01-01T00:00:00Z', '2001-02-28 23:59:59.5', ''],
        ['2001-02-30', '01/02/2001', 'now', 'x'],
      ],
    } as const
    const names = Object.keys(cells) as (keyof typeof cells)[]
    const anyCell = (name: keyof typeof cells) =>
      fc.option(fc.constantFrom<string>(...cells[name][0], ...cells[name][1]), { nil: null, freq: 6 })
    const anyCells = fc.array(fc.tuple(anyCell('i'), anyCell('x'), anyCell('b'), anyCell('t')), { maxLength: 15 })
    const typed = {
      i: t.nullable(t.int()),
      x: t.nullable(t.float()),
      b: t.nullable(t.bool()),
      t: t.nullable(t.timestamp('UTC')),
    }
    const made = dataset('cells', { source: from('cells'), columns: typed })
    const openForeign = () => openPostgresTable(`${schema}.cells`, server ?? '')
    await fc.assert(
      fc.asyncProperty(anyCells, async rows => {
        await client.query('truncate cells')
        for (const row of rows) await client.query('insert into cells values ($1, $2, $3, $4)', row)
        const { report, release } = await validate({ engine, root, clock: manualClock(), openForeign }, made)
        await release()
        names.forEach((name, at) => {
          const bad = rows.filter(row =>
            (cells[name][1] as readonly (string | null)[]).includes(row[at] as string),
          ).length
          const found = report.checks.find(check => check.id === `${name}-readable`)
          const wanted = rows.length === 0 ? ['fail', 0, 0] : [bad === 0 ? 'pass' : 'fail', rows.length, bad]
          expect([name, found?.status, found?.evaluated, found?.bad]).toEqual([name, ...wanted])
        })
      }),
      { numRuns: 25 },
    )
  })

  test('for wholeLines: a table has no lines, so each of its rows is whole', async () => {
    const rows = [
      { k: 'line\nfeed,"', x: 1, late: true },
      { k: null, x: null, late: false },
    ]
    await fill(rows)
    const [found] = await judged(() => [must.wholeLines()])
    expect([found?.status, found?.evaluated, found?.bad]).toEqual(['pass', 2, 0])
    await fill([])
    const [empty] = await judged(() => [must.wholeLines()])
    expect([empty?.status, empty?.evaluated, empty?.bad]).toEqual(['fail', 0, 0])
    // nor is it asked where nobody declared it
    expect(dataset('d', { source: from('rows'), columns }).expectations.map(one => one.kind)).not.toContain(
      'wholeLines',
    )
  })

  test('for a function of batches, in a project, by the command line', async () => {
    mkdirSync(join(root, 'node_modules'))
    symlinkSync(resolve('.'), join(root, 'node_modules/millrace'))
    writeFileSync(
      join(root, 'millrace.config.ts'),
      `import { dataset, expect, postgres, project, t } from 'millrace'
const d = dataset('d', {
  source: postgres('${schema}.rows', { urlFrom: 'MILLRACE_TEST_POSTGRES' }),
  columns: { k: t.nullable(t.text()), x: t.nullable(t.int()), late: t.bool() },
  expect: c => [
    expect.batches([c.k, c.x, c.late], ({ k, x, late }) => k.map((_, i) => k[i] !== 'b' && (x[i] === null || Number(x[i]) < 4 || late[i] === true)), { says: 'no b, and four only late', id: 'own' }),
  ],
})
export default project('batches', { d })
`,
    )
    const rows = fc.sample(anyRows, { numRuns: 1, seed: 7 })[0] as readonly Row[]
    await fill(rows)
    const said = await new Promise<string>(done => {
      const words = [resolve('dist/cli/bin.js'), 'validate', '--json']
      execFile(process.execPath, words, { cwd: root, maxBuffer: 1 << 26 }, (_, stdout) => done(stdout))
    })
    const [report] = JSON.parse(said) as Report[]
    const bad = rows.filter(row => row.k === 'b' || (row.x !== null && row.x >= 4 && !row.late)).length
    const found = report?.checks.find(check => check.id === 'own')
    expect(bad).toBeGreaterThan(0)
    expect([found?.status, found?.evaluated, found?.bad, found?.error]).toEqual(['fail', rows.length, bad, undefined])
  })
})
