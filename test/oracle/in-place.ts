import fc from 'fast-check'
import { expect } from 'vitest'
import type { Dataset } from '../../src/define/dataset.ts'
import type { ExpectationColumns } from '../../src/define/expectation/index.ts'
import type { Expectation } from '../../src/define/expectation/spec.ts'
import { dataset, expect as must, t, type Source } from '../../src/index.ts'
import type { DataEngine } from '../../src/ports/data-engine.ts'
import type { OpenTable, TableCounts } from '../../src/ports/table-source.ts'
import { validate, type Validation } from '../../src/stages/validate/validate.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'

/** Columns of a table whose cells hold anything, each as one type. */
export const cellColumns = {
  i: t.nullable(t.int()),
  x: t.nullable(t.float()),
  s: t.nullable(t.text()),
  n: t.nullable(t.text({ treatAsNull: ['', 'a'] })),
  b: t.nullable(t.bool()),
  at: t.nullable(t.timestamp('UTC')),
  local: t.nullable(t.timestamp('Europe/Berlin')),
  zoneless: t.nullable(t.timestamp()),
}
type C = ExpectationColumns<typeof cellColumns>

const since = new Date('2001-01-01T00:00:00Z')
const limits = { min: -1e6, max: 1e6 }
const anyNulls = { nulls: 'bad' } as const

/** Checks of one column each. */
const ofColumns = (c: C): readonly Expectation[] => [
  must.rowCount({ min: 3 }),
  ...Object.values(c).flatMap(column => [
    column.notNull(),
    column.nullShare({ max: 0.3 }),
    column.distinctCount({ min: 2 }),
  ]),
  c.i.between(0, 10),
  c.i.between(0, 10, { ...anyNulls, when: c.i.ne(5) }),
  c.i.inSet([1n, 9007199254740993n]),
  c.i.mean(limits),
  c.i.sum(limits),
  c.i.std(limits),
  c.i.quantile(0.9, limits),
  c.x.finite(),
  c.x.between(-1, 1, { mostly: 0.5 }),
  c.x.max(limits),
  c.x.min(limits),
  c.x.median(limits),
  c.s.inSet(['a', 'A', 'a '], { mostly: 0.5 }),
  c.s.inSet(['a'], { caseSensitive: false }),
  c.s.matches(/^[a-z]/, anyNulls),
  c.s.length({ max: 2 }),
  c.s.trimmed(),
  c.s.topValueShare({ max: 0.5 }),
  c.s.entropy({ min: 0.5 }),
  c.s.containsSet(['a', 'ä']),
  c.n.inSet(['b', 'A'], { mostly: 0.2 }),
  c.n.notConstant(),
  c.b.inSet([true]),
  c.b.classBalance({ minShare: 0.2 }),
  c.at.between(since, undefined),
  c.at.freshness('1d'),
  c.local.between(since, undefined, anyNulls),
]

/** Checks for which rows are read, whatever the columns hold. */
const ofRows = (c: C): readonly Expectation[] => [
  c.s.unique(),
  must.compare(c.i, 'lte', c.x),
  must.duplicateRows(),
  c.s.format('email'),
]

type Opens = () => Promise<OpenTable>

/** The same table, seen to count: `counted` is called for each column whose texts it counts. */
async function watched(open: Opens, counted: () => void): Promise<OpenTable> {
  const { counts, ...opened } = await open()
  if (!counts) throw new Error('this source counts nothing')
  const texts: TableCounts['texts'] = (name, most) => {
    counted()
    return counts.texts(name, most)
  }
  return { ...opened, counts: { ...counts, texts } }
}

/** A table that counts nothing: its rows are read at once. */
async function uncounting(open: Opens): Promise<OpenTable> {
  const { counts: _, ...opened } = await open()
  return opened
}

/** How a look at some rows may err: a column with few values is taken for one with many, and the other way round. */
export interface Errors {
  readonly many: ReadonlySet<string>
  readonly tooMany: ReadonlySet<string>
}

async function erring(open: Opens, { many, tooMany }: Errors): Promise<OpenTable> {
  const { counts, ...opened } = await open()
  if (!counts) throw new Error('this source counts nothing')
  return {
    ...opened,
    counts: {
      ...counts,
      async look(names, rows, total) {
        const found = await counts.look(names, rows, total)
        return { ...found, distinct: found.distinct.map((n, i) => (many.has(names[i] as string) ? 1_000_000 : n)) }
      },
      texts: async (name, most) => (tooMany.has(name) ? undefined : counts.texts(name, most)),
    },
  }
}

/** Figures to twelve digits: sums are taken in another order. */
function rounded(value: unknown): unknown {
  if (typeof value === 'number') return Number(value.toPrecision(12))
  if (Array.isArray(value)) return value.map(rounded)
  if (value !== null && typeof value === 'object')
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rounded(one)]))
  return value
}

/** What a validation says, but when and how long. */
function said({ report, rows, split }: Validation): unknown {
  const checks = report.checks.map(({ location: _, message: __, ...check }) => rounded(check))
  return { status: report.status, rows, failing: split.failing, quarantined: split.quarantined, checks }
}

export interface InPlace {
  readonly engine: DataEngine
  readonly root: string
  readonly source: Source
  readonly open: Opens
}

async function judged({ engine, root }: InPlace, made: Dataset, openForeign: Opens): Promise<unknown> {
  const result = await validate({ engine, root, clock: manualClock(), openForeign }, made)
  await result.release()
  return said(result)
}

const anyErrors = fc.record({
  many: fc.uniqueArray(fc.constantFrom(...Object.keys(cellColumns))),
  tooMany: fc.uniqueArray(fc.constantFrom(...Object.keys(cellColumns)), { maxLength: 1 }),
})

/** Holds that a table says the same whether its database counts or its rows are read; gives how many columns were counted. */
export async function sameInPlace<R>(
  given: InPlace,
  anyRows: fc.Arbitrary<readonly R[]>,
  fill: (rows: readonly R[]) => Promise<void>,
  runs: number,
): Promise<number> {
  let counted = 0
  await fc.assert(
    fc.asyncProperty(
      anyRows,
      fc.uniqueArray(fc.nat({ max: ofColumns(probe()).length - 1 }), { minLength: 4, maxLength: 12 }),
      fc.oneof(
        { weight: 5, arbitrary: fc.constant(undefined) },
        { weight: 1, arbitrary: fc.nat({ max: ofRows(probe()).length - 1 }) },
      ),
      anyErrors,
      async (rows, some, extra, { many, tooMany }) => {
        await fill(rows)
        const made = dataset('d', {
          source: given.source,
          columns: cellColumns,
          expect: c => {
            const all = ofColumns(c)
            return [...some.map(at => all[at] as Expectation), ...(extra === undefined ? [] : [ofRows(c)[extra]!])]
          },
        })
        const read = await judged(given, made, () => uncounting(given.open))
        expect(await judged(given, made, () => watched(given.open, () => counted++))).toEqual(read)
        const errors = { many: new Set(many), tooMany: new Set(tooMany) }
        expect(await judged(given, made, () => erring(given.open, errors))).toEqual(read)
      },
    ),
    { numRuns: runs },
  )
  return counted
}

/** The columns, to see how many checks there are of them. */
function probe(): C {
  let found: C | undefined
  dataset('probe', {
    source: { kind: 'parquet', path: 'none' },
    columns: cellColumns,
    expect: c => {
      found = c
      return []
    },
  })
  return found as C
}

/** Rows of cells that are likely to be equal in some way and not in another: from one of the families, or from a few of all. */
export function anyRowsOf<T>(width: number, cells: readonly T[], families: readonly (readonly T[])[]) {
  const pool = fc.oneof(fc.constantFrom(...families), fc.uniqueArray(fc.constantFrom(...cells), { minLength: 1 }))
  return pool.chain(some => {
    const cell = fc.option(fc.constantFrom(...some), { nil: null, freq: 6 })
    return fc.array(fc.array(cell, { minLength: width, maxLength: width }), { maxLength: 12 })
  })
}
