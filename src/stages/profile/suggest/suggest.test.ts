import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../../adapters/data/duckdb/engine.ts'
import { dataset, type DatasetOptions } from '../../../define/dataset.ts'
import { t, type Columns } from '../../../define/column.ts'
import { expect as must } from '../../../define/expectation/index.ts'
import { parquet } from '../../../define/source.ts'
import type { Column, DataEngine } from '../../../ports/data-engine.ts'
import { manualClock } from '../../../testing/manual-clock.ts'
import { ColumnArgument, codeOf } from './call.ts'
import { suggest, type Suggestion, type Suggestions } from './suggest.ts'
import { times } from '../../../../test/fuzz/edges.ts'

let engine: DataEngine
const root = mkdtempSync(join(tmpdir(), 'millrace-suggest-'))
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})

const now = Date.UTC(2026, 0, 31) * 1000
let files = 0

async function suggestFor<C extends Columns>(
  sql: string,
  columns: C,
  options: Partial<DatasetOptions<C>> = {},
): Promise<Suggestions> {
  const name = `d${++files}`
  await engine.writeParquet(sql, join(root, `${name}.parquet`))
  return suggest(
    { engine, root, clock: manualClock(now) },
    dataset(name, { source: parquet(`${name}.parquet`), columns, ...options }),
  )
}

const names = { columns: 'c', expect: 'expect' }
const codes = (found: readonly Suggestion[]): string[] => found.map(one => codeOf(one.call, names))

it('suggests what holds, in the form in which one would write it', async () => {
  const found = await suggestFor(
    `SELECT i AS id, ['new', 'paid', 'sent'][1 + i % 3] AS state, chr((65 + i % 26)::INTEGER) || lpad((i % 520)::VARCHAR, 3, '0') AS code,
     (i * 37 % 500)::DOUBLE / 4 AS price, (i % 5)::BIGINT AS stars, 'user' || i || '@example.com' AS mail,
     CASE WHEN i % 10 = 0 THEN NULL ELSE 'x' || (i % 90) END AS note FROM range(2000) r(i)`,
    {
      id: t.int(),
      state: t.text(),
      code: t.text(),
      price: t.float(),
      stars: t.int(),
      mail: t.text(),
      note: t.nullable(t.text()),
    },
  )
  expect(found.rows).toEqual({ train: 1600, test: 400 })
  expect(codes(found.suggested)).toEqual([
    'expect.rowCount({ min: 1000 })',
    'c.id.unique()',
    "c.state.inSet(['new', 'paid', 'sent'])",
    'c.code.matches(/^[A-Z][0-9]{3}$/)',
    'c.price.between(0, 140)',
    'c.stars.inSet([0, 1, 2, 3, 4])',
    "c.mail.format('email')",
    'c.mail.unique()',
    'c.note.nullShare({ max: 0.13 })',
    'c.note.matches(/^[a-z][0-9]{1,2}$/)',
  ])
  const [, unique] = found.suggested
  expect(unique).toMatchObject({
    evidence: '1,600 of 1,600 rows in the first 80 %; 100 % of the 400 in the rest',
    comment: 'all 1,600 rows in the first 80 %, all 400 in the rest',
    training: { evaluated: 1600, bad: 0, passed: true },
    holdOut: { evaluated: 400, bad: 0, passed: true },
  })
})

it('leaves values that stand alone out of a range, and says how many', async () => {
  const found = await suggestFor(
    'SELECT CASE WHEN i IN (5, 700) THEN -9999 ELSE i * 7919 % 100 END AS x FROM range(100000) r(i)',
    { x: t.int() },
  )
  const range = found.suggested.find(one => one.rule.endsWith('range'))
  expect(range && codeOf(range.call, names)).toBe("c.x.between(0, 110, { mostly: 0.9999, severity: 'warning' })")
  expect(range?.comment).toBe('all but 2 of 80,000 rows in the first 80 % (-9999 ×2), all 20,000 in the rest')
})

it('does not suggest what later rows break, and says how they do', async () => {
  const found = await suggestFor(
    "SELECT TIMESTAMP '2020-01-01' + INTERVAL 1 HOUR * i AS at, CASE WHEN i < 900 THEN i % 100 ELSE 5000 + i % 3000 END AS x, CASE WHEN i < 950 THEN 'a' || i % 3 ELSE 'new' END AS y FROM range(1000) r(i)",
    { at: t.timestamp('UTC'), x: t.int(), y: t.text() },
    { eventTime: 'at' },
  )
  expect(found.cut).toMatchObject({ by: 'eventTime', train: 'before 2020-02-03' })
  expect(codes(found.notSuggested)).toEqual(['c.x.between(0, 110)', "c.y.inSet(['a0', 'a1', 'a2'])"])
  expect(found.notSuggested[1]?.reason).toBe('of the rows after: 50 rows of 200 (25 %) do not, no bad rows allowed')
})

it('compares columns only where chance would not do it', async () => {
  const found = await suggestFor(
    `SELECT i % 50 AS small, 1000 + i % 70 AS large, (i * 7919) % 100 AS a, (i * 7919) % 100 + 1 + i % 90 AS b, ['X', 'Y', 'Z'][1 + i % 3] AS u, ['Y', 'Z', 'X'][1 + i % 3] AS v,
     ['p', 'q'][1 + i % 2] AS w FROM range(3000) r(i)`,
    { small: t.int(), large: t.int(), a: t.int(), b: t.int(), u: t.text(), v: t.text(), w: t.text() },
  )
  expect(codes(found.suggested).filter(one => one.includes('compare'))).toEqual([
    "expect.compare(c.a, 'lt', c.b)",
    "expect.compare(c.u, 'ne', c.v)",
  ])
})

it('suggests nothing again that is declared or stands by itself', async () => {
  const sql = "SELECT i AS id, 'AB' || (i % 900 + 100) AS code, i % 777 AS x, (i % 777) + 1 AS y FROM range(2000) r(i)"
  const columns = { id: t.int(), code: t.text(), x: t.int(), y: t.int() }
  const before = await suggestFor(sql, columns)
  expect(codes(before.suggested)).toEqual(
    expect.arrayContaining(['c.id.unique()', 'c.code.matches(/^[A-Z]{2}[0-9]{3}$/)', "expect.compare(c.x, 'lt', c.y)"]),
  )
  const after = await suggestFor(sql, columns, {
    expect: c => [
      must.rowCount({ min: 1 }),
      c.id.unique(),
      c.code.length({ min: 5 }),
      c.x.between(0, 800),
      c.y.max({ max: 800 }),
      must.compare(c.y, 'gt', c.x),
    ],
  })
  expect(codes(after.suggested)).toEqual([])
})

it('watches the age of data that arrive, and not of those that lie there', async () => {
  const ages = async (start: string) =>
    codes(
      (
        await suggestFor(
          `SELECT TIMESTAMP '${start}' + INTERVAL 1 HOUR * i AS at FROM range(700) r(i)`,
          { at: t.timestamp('UTC') },
          { eventTime: 'at' },
        )
      ).suggested,
    )
  expect(await ages('2026-01-01')).toContain("c.at.freshness('42h')")
  expect((await ages('2020-01-01')).join()).not.toContain('freshness')
})

it.each([
  ['no rows', "SELECT 1::BIGINT AS a, 'x' AS b LIMIT 0"],
  ['one row', "SELECT 1::BIGINT AS a, 'x' AS b"],
  ['few rows', "SELECT i AS a, 'x' AS b FROM range(100) r(i)"],
])('says that it can say nothing of %s', async (_, sql) => {
  const found = await suggestFor(sql, { a: t.int(), b: t.text() })
  expect(found).toMatchObject({
    suggested: [],
    notSuggested: [],
    nothing: expect.stringContaining('at least 125 are needed') as string,
  })
})

it('suggests nothing about values where there are none, and keeps to itself what is personal', async () => {
  const found = await suggestFor(
    "SELECT NULL::BIGINT AS a, NULL::VARCHAR AS b, ['Ann', 'Bob'][1 + i % 2] AS name, i // 2 AS pair FROM range(1000) r(i)",
    { a: t.nullable(t.int()), b: t.nullable(t.text()), name: t.pii(t.text()), pair: t.int() },
    { encryptWith: 'k' },
  )
  expect(codes(found.suggested)).toEqual(['expect.rowCount({ min: 500 })', 'expect.duplicateRows()'])
  expect(JSON.stringify(found)).not.toContain('Ann')
})

it('takes any name and any value for what it is', async () => {
  const values = ["it's", 'x"; DROP', '*/ //', 'new\nline', '${x}']
  const list = values.map(one => `'${one.replaceAll("'", "''")}'`).join(', ')
  const found = await suggestFor(`SELECT [${list}][1 + i % 5] AS "a ""b' //" FROM range(1000) r(i)`, {
    'a "b\' //': t.text(),
  })
  expect(codes(found.suggested)).toContain(
    "c['a \"b\\' //'].inSet(['${x}', '*/ //', 'it\\'s', 'new\\nline', 'x\"; DROP'])",
  )
})

type Cell = number | string | null
interface Table {
  readonly at: readonly number[]
  readonly columns: Readonly<Record<'n' | 'm' | 'word' | 'maybe', readonly Cell[]>>
}

/** The rows after the cut, by the plainest means. */
function later({ at }: Table, byTime: boolean): number[] {
  const all = at.map((_, i) => i)
  if (!byTime) return all.filter(i => i >= Math.ceil(0.8 * (at.length - 1)))
  const sorted = at.toSorted((a, b) => a - b)
  const position = 0.8 * (at.length - 1)
  const low = sorted[Math.floor(position)] as number
  const high = sorted[Math.ceil(position)] as number
  const from = Math.floor(low + (high - low) * (position - Math.floor(position)))
  return all.filter(i => (at[i] as number) >= from)
}

/** How many of some rows a row-level rule judges, and how many break it. Undefined for other rules. */
function naive(
  { call }: Suggestion,
  table: Table,
  rows: readonly number[],
): { evaluated: number; bad: number } | undefined {
  const values = (name: string) => rows.map(i => table.columns[name as keyof Table['columns']][i] as Cell)
  const tally = (good: readonly (boolean | null)[]) => {
    const judged = good.filter(one => one !== null)
    return { evaluated: judged.length, bad: judged.filter(one => !one).length }
  }
  const of = (test: (value: Cell) => boolean) =>
    tally(values(call.on as string).map(value => (value === null ? null : test(value))))
  const [a, b] = call.args as [never, never]
  switch (call.method) {
    case 'between': {
      const open = (call.args[2] as { minExclusive?: boolean } | undefined)?.minExclusive === true
      return of(value => (open ? (value as number) > a : (value as number) >= a) && (value as number) <= b)
    }
    case 'inSet':
      return of(value => (a as Cell[]).includes(value))
    case 'matches':
      return of(value => new RegExp(a).test(value as string))
    case 'length':
      return of(value => [...(value as string)].length >= (a as { min: number }).min)
    case 'notNull':
      return tally(values(call.on as string).map(value => value !== null))
    case 'unique':
      return of(value => values(call.on as string).filter(one => one === value).length === 1)
    case 'compare': {
      const right = values((call.args[2] as ColumnArgument).name)
      const signs: Record<string, (x: number, y: number) => boolean> = {
        lt: (x, y) => x < y,
        lte: (x, y) => x <= y,
        ne: (x, y) => x !== y,
      }
      return tally(
        values((a as ColumnArgument).name).map((x, i) =>
          x === null || right[i] === null ? null : (signs[b] as (x: unknown, y: unknown) => boolean)(x, right[i]),
        ),
      )
    }
    default:
      return undefined
  }
}

const rowsOf = fc.integer({ min: 130, max: 400 })
const tables = rowsOf.chain(length => {
  const list = <T>(one: fc.Arbitrary<T>) => fc.array(one, { minLength: length, maxLength: length })
  const rare = fc.integer({ min: 0, max: 60 })
  return fc.record({
    at: list(fc.integer({ min: 0, max: 5000 }).map(second => second * 1_000_000)),
    columns: fc
      .tuple(
        list(fc.integer({ min: 0, max: 40 })),
        list(rare),
        list(fc.constantFrom('ab', 'cd', 'ef-1', 'gh-22')),
        list(rare),
        list(fc.integer({ min: 0, max: 9 })),
      )
      .map(([n, odd, word, gap, more]) => ({
        n: n.map((x, i) => (odd[i] === 0 ? -100 * x : x)),
        m: n.map((x, i) => (gap[i] === 1 ? x : x + 1 + (more[i] as number))),
        word: word.map((one, i) => (odd[i] === 1 ? 'Z' : one)),
        maybe: more.map((one, i) => (gap[i] === 0 ? null : one)),
      })),
  })
})

const loaded = (table: Table): Column[] => [
  { name: 'at', type: 'timestamp', values: BigInt64Array.from(table.at, one => BigInt(one)) },
  ...Object.entries(table.columns).map(([name, values]): Column => {
    if (name === 'word') return { name, type: 'text', values: values.map(String) }
    const nulls = Uint8Array.from(values, one => (one === null ? 1 : 0))
    return { name, type: 'int', values: BigInt64Array.from(values, one => BigInt(one ?? 0)), nulls }
  }),
]

it('every suggestion holds on the later rows at the rate that it states, as plain TypeScript counts them', async () => {
  let judged = 0
  await fc.assert(
    fc.asyncProperty(tables, fc.boolean(), async (table, byTime) => {
      const { sql } = await engine.load('drawn', loaded(table))
      const columns = { at: t.timestamp('UTC'), n: t.int(), m: t.int(), word: t.text(), maybe: t.nullable(t.int()) }
      const found = await suggestFor(`SELECT * FROM ${sql}`, columns, byTime ? { eventTime: 'at' } : {})
      const rows = later(table, found.cut.by === 'eventTime')
      expect(found.rows).toEqual({ train: table.at.length - rows.length, test: rows.length })
      for (const one of [...found.suggested, ...found.notSuggested]) {
        const counted = naive(one, table, rows)
        if (!counted || !one.holdOut) continue
        judged++
        expect({ code: codeOf(one.call, names), ...counted }).toEqual({
          code: codeOf(one.call, names),
          evaluated: one.holdOut.evaluated,
          bad: one.holdOut.bad,
        })
        const mostly = one.spec.limits?.fail.share === undefined ? 1 : 1 - one.spec.limits.fail.share
        const holds = counted.bad <= counted.evaluated * (1 - mostly) + 1e-9
        expect(one.holdOut.passed).toBe(holds && counted.evaluated > 0)
        if (found.suggested.includes(one)) expect(holds).toBe(true)
      }
    }),
    { numRuns: 3 * times, endOnFailure: true },
  )
  expect(judged).toBeGreaterThan(8)
}, 120_000)
