import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { openDuckdb } from '../../adapters/data/duckdb/engine.ts'
import { rowsOfFile, type DataEngine } from '../../ports/data-engine.ts'
import { combinationsOf } from './combinations.ts'

let engine: DataEngine
beforeAll(async () => {
  engine = await openDuckdb()
})
afterAll(() => engine.close())

interface Case {
  /** Numbers of the rows. */
  readonly rows: readonly number[]
  /** For each check how it is told, and which rows break it. */
  readonly checks: readonly { readonly byNumbers: boolean; readonly bad: readonly number[] }[]
}

/** Numbers of rows of several files, as rows are numbered. */
const anyCase = (byNumbers: fc.Arbitrary<boolean>): fc.Arbitrary<Case> =>
  fc
    .uniqueArray(fc.tuple(fc.nat(3), fc.nat(20_000)), { minLength: 1, maxLength: 60, selector: String })
    .map(places => places.map(([file, place]) => file * rowsOfFile + place))
    .chain(rows =>
      fc.record({
        rows: fc.constant(rows),
        checks: fc.array(fc.record({ byNumbers, bad: fc.subarray(rows) }), { minLength: 1, maxLength: 70 }),
      }),
    )

/** Row by row. */
function counted({ rows, checks }: Case) {
  const found = new Map<string, number[]>()
  for (const row of rows.toSorted((a, b) => a - b)) {
    const broken = checks.flatMap(({ bad }, i) => (bad.includes(row) ? [i] : []))
    if (broken.length > 0) found.set(broken.join(), [...(found.get(broken.join()) ?? []), row])
  }
  return new Map([...found].map(([checks, of]) => [checks, { rows: of.length, first: of.slice(0, 3) }]))
}

it.each([
  ['by whichever costs less', fc.boolean(), undefined],
  [
    'here, beside a few conditions',
    fc.oneof({ weight: 6, arbitrary: fc.constant(true) }, fc.constant(false)),
    undefined,
  ],
  ['by the engine', fc.boolean(), 0],
] as const)('tells which checks rows break together, as looking at each does: %s', async (_how, byNumbers, max) => {
  await fc.assert(
    fc.asyncProperty(anyCase(byNumbers), async given => {
      const numbers = (rows: readonly number[]) => BigInt64Array.from(rows.map(BigInt))
      const table = async (name: string, rows: readonly number[]) => {
        await engine.load(name, [{ name: 'millrace_row', type: 'int', values: numbers(rows) }])
        return `"${name}"`
      }
      const all = await table('all_rows', given.rows)
      const broken = []
      for (const [i, { byNumbers, bad }] of given.checks.entries()) {
        const held = await table(`bad_${i}`, bad)
        const condition = byNumbers
          ? `"millrace_row" IN (SELECT "millrace_row" FROM ${held})`
          : `"millrace_row" IN (${[-1, ...bad].join(', ')})`
        broken.push({ bad: condition, rows: bad.length, ...(byNumbers ? { numbers: held } : {}) })
      }
      const found = await combinationsOf(engine, `SELECT * FROM ${all}`, broken, 3, max)
      expect(new Map(found.map(one => [one.checks.join(), { rows: one.rows, first: one.first }]))).toEqual(
        counted(given),
      )
    }),
    { numRuns: 12 },
  )
})
