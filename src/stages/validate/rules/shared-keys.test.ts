import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../../adapters/data/duckdb/engine.ts'
import type { ExpectationColumns } from '../../../define/expectation/index.ts'
import { dataset, expect as must, parquet, t, type Expectation } from '../../../index.ts'
import type { DataEngine, Relation } from '../../../ports/data-engine.ts'
import { manualClock } from '../../../testing/manual-clock.ts'
import { validate } from '../validate.ts'

// Rules about keys share looks at the rows, and a column in the order of its own values is looked at by its different
// values: each must say what plain counting of its own says.

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

const columns = {
  a: t.nullable(t.int()),
  b: t.nullable(t.int()),
  c: t.nullable(t.text()),
  d: t.nullable(t.int()),
}
type Row = { readonly [K in keyof typeof columns]: number | string | null }
type Name = keyof typeof columns

/** Numbers of the rows that break a rule. */
type Oracle = (rows: readonly Row[]) => number[]

const text = (row: Row, over: readonly Name[]): string => JSON.stringify(over.map(name => row[name]))

function alike(
  over: readonly Name[],
  {
    nulls = 'ignore',
    spare = false,
    when = () => true,
    other,
  }: {
    readonly nulls?: 'ignore' | 'equal'
    readonly spare?: boolean
    readonly when?: (row: Row) => boolean
    readonly other?: Name
  } = {},
): Oracle {
  return rows => {
    const judged = rows.flatMap((row, i) =>
      when(row) && (nulls === 'equal' || over.every(name => row[name] !== null)) ? [{ row, i }] : [],
    )
    return judged.flatMap(({ row, i }) => {
      const same = judged.filter(one => text(one.row, over) === text(row, over))
      if (other) {
        const labels = new Set(same.map(one => one.row[other]).filter(label => label !== null))
        return labels.size > 1 ? [i] : []
      }
      if (same.length < 2 || (spare && same[0]?.i === i)) return []
      return [i]
    })
  }
}

/** Rows of the column in its order that do not follow on, within groups of another. */
function outOfOrder(of: Name, by: Name | undefined, follows: (value: number, before: number) => boolean): Oracle {
  return rows =>
    rows.flatMap((row, i) => {
      if (row[of] === null) return []
      const group = rows
        .map((one, at) => ({ one, at }))
        .filter(({ one }) => one[of] !== null && (by === undefined || one[by] === row[by]))
        .sort((x, y) => Number(x.one[of]) - Number(y.one[of]) || x.at - y.at)
      const before = group[group.findIndex(({ at }) => at === i) - 1]
      return before && !follows(Number(row[of]), Number(before.one[of])) ? [i] : []
    })
}

const declared = (c: ExpectationColumns<typeof columns>): (readonly [Expectation, Oracle])[] => [
  [must.unique([c.a, c.b], { id: 'ab' }), alike(['a', 'b'])],
  [must.unique([c.a, c.b, c.c], { id: 'abc' }), alike(['a', 'b', 'c'])],
  [must.unique([c.c, c.a, c.b], { id: 'abc-nulls', nulls: 'equal' }), alike(['a', 'b', 'c'], { nulls: 'equal' })],
  [
    must.unique([c.a, c.b, c.d], { id: 'abd-some', when: c.d.gt(0) }),
    alike(['a', 'b', 'd'], { when: row => Number(row.d) > 0 }),
  ],
  [must.duplicateRows({ id: 'all' }), alike(['a', 'b', 'c', 'd'], { nulls: 'equal', spare: true })],
  [must.conflictingLabels(c.d, { by: [c.a, c.c], id: 'labels' }), alike(['a', 'c'], { nulls: 'equal', other: 'd' })],
  [must.unique([c.d], { id: 'd' }), alike(['d'])],
  [c.d.increasing({ orderBy: c.d, id: 'rises' }), () => []],
  [c.d.increasing({ orderBy: c.d, strict: true, id: 'rises-strictly' }), outOfOrder('d', undefined, (x, y) => x > y)],
  [c.d.decreasing({ orderBy: c.d, partitionBy: [c.c], id: 'falls' }), outOfOrder('d', 'c', (x, y) => x <= y)],
  [c.d.contiguous({ step: 1, id: 'no-gap' }), outOfOrder('d', undefined, (x, y) => x - y <= 1)],
  [c.d.contiguous({ step: 2, partitionBy: [c.c], id: 'no-gap-within' }), outOfOrder('d', 'c', (x, y) => x - y <= 2)],
]

const option = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null, freq: 8 })
const table = fc.constantFrom(2, 8, 60).chain(size =>
  fc.array(
    fc.record({
      a: option(fc.integer({ min: 1, max: size })),
      b: option(fc.integer({ min: 1, max: size })),
      c: option(fc.constantFrom('x', 'y', '')),
      d: option(fc.integer({ min: -3, max: size })),
    }),
    { minLength: 1, maxLength: 20 },
  ),
)

async function load(rows: readonly Row[]): Promise<Relation> {
  return engine.load(
    'keys_under_test',
    (Object.keys(columns) as Name[]).map(name => {
      const nulls = Uint8Array.from(rows, row => (row[name] === null ? 1 : 0))
      return name === 'c'
        ? { name, type: 'text', values: rows.map(row => String(row.c ?? '')), nulls }
        : { name, type: 'int', values: BigInt64Array.from(rows, row => BigInt(row[name] ?? 0)), nulls }
    }),
  )
}

it('finds for each rule the rows that plain counting finds', async () => {
  let oracles: readonly (readonly [Expectation, Oracle])[] = []
  const made = dataset('d', {
    source: parquet('-'),
    columns,
    expect: c => (oracles = declared(c)).map(([expectation]) => expectation),
  })
  await fc.assert(
    fc.asyncProperty(table, async rows => {
      const { report, release } = await validate({ engine, root: '/', clock: manualClock() }, made, await load(rows))
      const found = report.checks.map(check => [check.id, (check.sample ?? []).map(one => Number(one['millrace_row']))])
      await release()
      const asked = new Map(oracles.map(([expectation, oracle]) => [expectation.expectation.id, oracle(rows)]))
      expect(found).toEqual(made.expectations.map(({ id }) => [id, asked.get(id) ?? []]))
    }),
    { numRuns: 40 },
  )
})
