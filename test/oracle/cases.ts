import fc from 'fast-check'
import type { ExpectationColumns } from '../../src/define/expectation/index.ts'
import type { Expectation, RowOptions } from '../../src/define/expectation/spec.ts'
import { expect as must, sql, t } from '../../src/index.ts'

/** Plain rows, and the plainest way of judging them: nothing here is shared with the code under test. */
export interface Row {
  readonly o: number
  readonly i: bigint | null
  readonly j: bigint | null
  readonly x: number | null
  readonly s: string | null
  readonly u: string | null
  readonly b: boolean | null
  readonly t: bigint | null
}

export const columns = {
  o: t.int(),
  i: t.nullable(t.int()),
  j: t.nullable(t.int()),
  x: t.nullable(t.float()),
  s: t.nullable(t.text()),
  u: t.nullable(t.text()),
  b: t.nullable(t.bool()),
  t: t.nullable(t.timestamp('UTC')),
}
export type C = ExpectationColumns<typeof columns>

/** true or false for a row that is judged, null for one that is not. */
export type Judge = (row: Row) => boolean | null
export type Judged = boolean | null

export const known = (value: unknown, judge: () => boolean): Judged => (value === null ? null : judge())
export const finite = (row: Row): boolean => row.x === null || Number.isFinite(row.x)
/** A float that is no number breaks what is asked of it. */
export const ofX =
  (judge: (x: number) => boolean): Judge =>
  row =>
    row.x === null ? null : Number.isFinite(row.x) && judge(row.x)

export const day = 86_400_000_000n
export const base = 978_307_200_000_000n
export const date = (micros: bigint): Date => new Date(Number(micros / 1000n))

export interface RowCase {
  readonly kind: string
  readonly make: (c: C, options: RowOptions) => Expectation
  readonly judge: Judge
  /** Options that this kind does not take. */
  readonly without?: readonly (keyof RowOptions)[]
}

export const big = 9007199254740993n

/** Options that mean nothing to a rule that no null leaves open. */
const undecided = ['nulls', 'denominator', 'nonFinite'] as const

export const rowCases: readonly RowCase[] = [
  { kind: 'notNull', make: (c, o) => c.s.notNull(o), judge: r => r.s !== null, without: undecided },
  { kind: 'isNull', make: (c, o) => c.i.null(o), judge: r => r.i === null, without: undecided },
  { kind: 'between', make: (c, o) => c.i.between(-2, 3, o), judge: r => known(r.i, () => r.i! >= -2n && r.i! <= 3n) },
  {
    kind: 'between',
    make: (c, o) => c.x.between(-1, 2, { ...o, minExclusive: true }),
    judge: ofX(x => x > -1 && x <= 2),
    without: ['nonFinite'],
  },
  {
    kind: 'between',
    make: (c, o) => c.t.between(date(base), date(base + 3n * day), o),
    judge: r => known(r.t, () => r.t! >= base && r.t! <= base + 3n * day),
  },
  { kind: 'finite', make: (c, o) => c.x.finite(o), judge: r => known(r.x, () => finite(r)), without: ['nonFinite'] },
  {
    kind: 'inSet',
    make: (c, o) => c.s.inSet(['a', 'B', ''], o),
    judge: r => known(r.s, () => ['a', 'B', ''].includes(r.s!)),
  },
  {
    kind: 'inSet',
    make: (c, o) => c.s.inSet(['A', 'b'], { ...o, caseSensitive: false }),
    judge: r => known(r.s, () => ['a', 'b'].includes(r.s!.toLowerCase())),
  },
  { kind: 'inSet', make: (c, o) => c.i.inSet([big, 1], o), judge: r => known(r.i, () => r.i === big || r.i === 1n) },
  { kind: 'inSet', make: (c, o) => c.b.inSet([true], o), judge: r => r.b },
  { kind: 'notInSet', make: (c, o) => c.i.notInSet([0, 2], o), judge: r => known(r.i, () => r.i !== 0n && r.i !== 2n) },
  { kind: 'matches', make: (c, o) => c.s.matches(/^[ab]/i, o), judge: r => known(r.s, () => /^[ab]/i.test(r.s!)) },
  { kind: 'notMatches', make: (c, o) => c.s.notMatches(/b$/, o), judge: r => known(r.s, () => !r.s!.endsWith('b')) },
  {
    kind: 'matchesAny',
    make: (c, o) => c.s.matchesAny([/a/, /😀/u], o),
    judge: r => known(r.s, () => r.s!.includes('a') || r.s!.includes('😀')),
  },
  {
    kind: 'matchesAll',
    make: (c, o) => c.s.matchesAll([/a/, /b/], o),
    judge: r => known(r.s, () => r.s!.includes('a') && r.s!.includes('b')),
  },
  {
    kind: 'length',
    make: (c, o) => c.s.length({ min: 1, max: 2 }, o),
    judge: r => known(r.s, () => [...r.s!].length >= 1 && [...r.s!].length <= 2),
  },
  {
    kind: 'trimmed',
    make: (c, o) => c.u.trimmed(o),
    judge: r => known(r.u, () => !/^\s|\s$/.test(r.u!) && ![...r.u!].some(char => char < ' ')),
  },
  {
    kind: 'multipleOf',
    make: (c, o) => c.i.multipleOf(2, o),
    judge: r => known(r.i, () => r.i! % 2n === 0n),
  },
  {
    kind: 'multipleOf',
    make: (c, o) => c.x.multipleOf(0.5, o),
    judge: ofX(x => Math.abs(x / 0.5 - Math.round(x / 0.5)) < 1e-6),
    without: ['nonFinite'],
  },
  {
    kind: 'type',
    make: (c, o) => c.u.type('int', o),
    judge: r => known(r.u, () => /^[+-]?(0|[1-9]\d{0,17})$/.test(r.u!)),
  },
  {
    kind: 'format',
    make: (c, o) => c.u.format('iso-date', o),
    judge: r => known(r.u, () => r.u === '2001-02-28'),
    without: ['nonFinite'],
  },
  { kind: 'format', make: (c, o) => c.u.format('ipv4', o), judge: r => known(r.u, () => r.u === '10.0.0.1') },
  {
    kind: 'jsonSchema',
    make: (c, o) => c.u.jsonSchema({ type: 'object', required: ['k'] }, o),
    judge: r => known(r.u, () => r.u === '{"k":1}'),
    without: ['nonFinite'],
  },
  {
    kind: 'compare',
    make: (c, o) => must.compare(c.i, 'lte', c.j, o),
    judge: r => (r.i === null || r.j === null ? null : r.i <= r.j),
  },
  {
    kind: 'compare',
    make: (c, o) => must.compare(c.i, 'eq', c.j, { ...o, tolerance: 1 }),
    judge: r => (r.i === null || r.j === null ? null : Math.abs(Number(r.i) - Number(r.j)) <= 1),
  },
  {
    kind: 'implies',
    make: (c, o) => must.implies(c.b.expr, c.i.gt(0), o),
    judge: r => (r.b === false ? true : r.i === null ? null : r.i > 0n ? true : r.b === null ? null : false),
  },
  {
    kind: 'expression',
    make: (c, o) => must.that(c.i.gt(0).or(c.b.expr), o),
    judge: r => {
      const left = r.i === null ? null : r.i > 0n
      if (left === true || r.b === true) return true
      return left === null || r.b === null ? null : false
    },
  },
  {
    kind: 'sumEquals',
    make: (c, o) => must.sumEquals([c.i, c.j], 0, o),
    judge: r => (r.i === null || r.j === null ? null : r.i + r.j === 0n),
  },
  {
    kind: 'distinctWithinRow',
    make: (c, o) => must.distinctWithinRow([c.s, c.u], o),
    judge: r => r.s === null || r.u === null || r.s !== r.u,
  },
  {
    kind: 'allOrNoneNull',
    make: (c, o) => must.allOrNoneNull([c.i, c.s], o),
    judge: r => (r.i === null) === (r.s === null),
    without: undecided,
  },
]

/** Rules about rows among others: they judge all rows together. */
export interface GroupCase {
  readonly kind: string
  readonly make: (c: C) => Expectation
  readonly count: (rows: readonly Row[]) => { readonly bad: number; readonly evaluated: number }
}

export const key = (...values: readonly unknown[]): string =>
  values.map(value => `${typeof value}:${String(value)}`).join('|')

export function sizes(rows: readonly Row[], of: (row: Row) => string | undefined): Map<string, number> {
  const found = new Map<string, number>()
  for (const row of rows) {
    const name = of(row)
    if (name !== undefined) found.set(name, (found.get(name) ?? 0) + 1)
  }
  return found
}

export const shared = (rows: readonly Row[], of: (row: Row) => string | undefined) => {
  const found = sizes(rows, of)
  return rows.filter(row => (found.get(of(row) ?? '') ?? 0) > 1 && of(row) !== undefined).length
}

export function falls(
  rows: readonly Row[],
  value: (row: Row) => bigint | null,
  bad: (now: bigint, before: bigint) => boolean,
) {
  const ordered = rows.filter(row => value(row) !== null).sort((a, b) => a.o - b.o)
  let count = 0
  for (let n = 1; n < ordered.length; n++)
    if (bad(value(ordered[n] as Row) as bigint, value(ordered[n - 1] as Row) as bigint)) count++
  return { bad: count, evaluated: ordered.length }
}

export const groupCases: readonly GroupCase[] = [
  {
    kind: 'unique',
    make: c => must.unique([c.i, c.s]),
    count: rows => {
      const of = (r: Row) => (r.i === null || r.s === null ? undefined : key(r.i, r.s))
      return { bad: shared(rows, of), evaluated: rows.filter(r => of(r) !== undefined).length }
    },
  },
  {
    kind: 'unique',
    make: c => c.s.unique({ nulls: 'equal' }),
    count: rows => ({ bad: shared(rows, r => key(r.s)), evaluated: rows.length }),
  },
  {
    kind: 'unique',
    make: c => c.s.unique({ nulls: 'distinct' }),
    count: rows => ({ bad: shared(rows, r => (r.s === null ? undefined : key(r.s))), evaluated: rows.length }),
  },
  {
    kind: 'primaryKey',
    make: c => must.primaryKey([c.i]),
    count: rows => ({
      bad: shared(rows, r => (r.i === null ? undefined : key(r.i))) + rows.filter(r => r.i === null).length,
      evaluated: rows.length,
    }),
  },
  {
    kind: 'duplicateRows',
    make: c => must.duplicateRows({ ignoreColumns: [c.o, c.x, c.t, c.u] }),
    count: rows => ({
      bad: rows.length - sizes(rows, r => key(r.i, r.j, r.s, r.b)).size,
      evaluated: rows.length,
    }),
  },
  {
    kind: 'conflictingLabels',
    make: c => must.conflictingLabels(c.b, { by: [c.s] }),
    count: rows => ({
      bad: rows.filter(row => {
        const labels = new Set(rows.filter(r => key(r.s) === key(row.s) && r.b !== null).map(r => r.b))
        return labels.size > 1
      }).length,
      evaluated: rows.length,
    }),
  },
  {
    kind: 'increasing',
    make: c => c.i.increasing({ orderBy: c.o }),
    count: rows =>
      falls(
        rows,
        r => r.i,
        (now, before) => now < before,
      ),
  },
  {
    kind: 'decreasing',
    make: c => c.i.decreasing({ orderBy: c.o, strict: true }),
    count: rows =>
      falls(
        rows,
        r => r.i,
        (now, before) => now >= before,
      ),
  },
  {
    kind: 'contiguous',
    make: c => c.t.contiguous({ step: '1d' }),
    count: rows => {
      const times = rows.flatMap(r => (r.t === null ? [] : [r.t])).sort((a, b) => (a < b ? -1 : 1))
      return {
        bad: times.filter((at, n) => n > 0 && at - (times[n - 1] as bigint) > day).length,
        evaluated: times.length,
      }
    },
  },
  {
    kind: 'sql',
    make: c => must.sql(sql`SELECT * FROM rows WHERE ${c.i} > ${1} AND ${c.s} = ${'a'}`),
    count: rows => ({
      bad: rows.filter(r => r.i !== null && r.i > 1n && r.s === 'a').length,
      evaluated: rows.length,
    }),
  },
  {
    kind: 'noOutliers',
    make: c => c.j.noOutliers({ method: 'iqr', limit: 0.5 }),
    count: rows => {
      const values = rows.flatMap(r => (r.j === null ? [] : [Number(r.j)]))
      const [low, high] = [quantile(values, 0.25), quantile(values, 0.75)] as [number, number]
      const away = 0.5 * (high - low)
      return { bad: values.filter(v => v < low - away || v > high + away).length, evaluated: values.length }
    },
  },
]

export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  const position = (sorted.length - 1) * q
  const below = Math.floor(position)
  const low = sorted[below] as number
  return low + ((sorted[Math.min(below + 1, sorted.length - 1)] as number) - low) * (position - below)
}

/** One figure; undefined where there is nothing to take it of. */
export interface FigureCase {
  readonly kind: string
  readonly make: (c: C) => Expectation
  readonly value: (rows: readonly Row[]) => number | undefined
}

export const numbers = (rows: readonly Row[]): number[] =>
  rows.flatMap(r => (r.x !== null && Number.isFinite(r.x) ? [r.x] : []))
export const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length
export const some = (values: readonly number[], of: (values: readonly number[]) => number): number | undefined =>
  values.length === 0 ? undefined : of(values)
export const textCounts = (rows: readonly Row[]): number[] => [...sizes(rows, r => r.s ?? undefined).values()]
export const wide = { min: -1e9, max: 1e9 }

export const figureCases: readonly FigureCase[] = [
  { kind: 'rowCount', make: () => must.rowCount({ min: 0 }), value: rows => rows.length },
  { kind: 'mean', make: c => c.x.mean(wide), value: rows => some(numbers(rows), mean) },
  {
    kind: 'std',
    make: c => c.x.std(wide),
    value: rows => some(numbers(rows), v => Math.sqrt(mean(v.map(one => (one - mean(v)) ** 2)))),
  },
  { kind: 'sum', make: c => c.x.sum(wide), value: rows => some(numbers(rows), v => v.reduce((a, b) => a + b, 0)) },
  { kind: 'min', make: c => c.x.min(wide), value: rows => some(numbers(rows), v => Math.min(...v)) },
  { kind: 'max', make: c => c.x.max(wide), value: rows => some(numbers(rows), v => Math.max(...v)) },
  { kind: 'median', make: c => c.x.median(wide), value: rows => some(numbers(rows), v => quantile(v, 0.5)) },
  { kind: 'quantiles', make: c => c.x.quantile(0.9, wide), value: rows => some(numbers(rows), v => quantile(v, 0.9)) },
  {
    kind: 'distinctCount',
    make: c => c.s.distinctCount({ min: 0 }),
    value: rows => textCounts(rows).length,
  },
  {
    kind: 'distinctShare',
    make: c => c.s.distinctShare({ min: 0 }),
    value: rows => some(textCounts(rows), counts => counts.length / counts.reduce((a, b) => a + b, 0)),
  },
  {
    kind: 'topValueShare',
    make: c => c.s.topValueShare({ min: 0 }),
    value: rows => some(textCounts(rows), counts => Math.max(...counts) / counts.reduce((a, b) => a + b, 0)),
  },
  {
    kind: 'nullShare',
    make: c => c.s.nullShare({ min: 0 }),
    value: rows => (rows.length === 0 ? undefined : rows.filter(r => r.s === null).length / rows.length),
  },
  {
    kind: 'entropy',
    make: c => c.s.entropy({ min: 0 }),
    value: rows =>
      some(textCounts(rows), counts => {
        const all = counts.reduce((a, b) => a + b, 0)
        return counts.reduce((bits, n) => bits - (n / all) * Math.log2(n / all), 0)
      }),
  },
  {
    kind: 'correlation',
    make: c => must.correlation(c.i, c.j, { min: -1 }),
    value: rows =>
      pearson(rows.flatMap(r => (r.i === null || r.j === null ? [] : [[Number(r.i), Number(r.j)] as const]))),
  },
  {
    kind: 'correlation',
    make: c => must.correlation(c.i, c.j, { min: -1, method: 'spearman' }),
    value: rows => {
      const pairs = rows.flatMap(r => (r.i === null || r.j === null ? [] : [[Number(r.i), Number(r.j)] as const]))
      const rank = (values: readonly number[], at: number): number =>
        values.filter(v => v < at).length + (values.filter(v => v === at).length + 1) / 2
      const [a, b] = [pairs.map(p => p[0]), pairs.map(p => p[1])]
      return pearson(pairs.map(p => [rank(a, p[0]), rank(b, p[1])] as const))
    },
  },
]

export function pearson(pairs: readonly (readonly [number, number])[]): number | undefined {
  const a = pairs.map(p => p[0])
  const b = pairs.map(p => p[1])
  if (pairs.length < 2) return undefined
  const [ma, mb] = [mean(a), mean(b)]
  const cross = pairs.reduce((sum, p) => sum + (p[0] - ma) * (p[1] - mb), 0)
  const scale = Math.sqrt(a.reduce((s, v) => s + (v - ma) ** 2, 0) * b.reduce((s, v) => s + (v - mb) ** 2, 0))
  return scale === 0 ? undefined : cross / scale
}

/** Kinds whose verdict rests on more than the rows, or that are judged by tests of their own. */
export const elsewhere: Readonly<Record<string, string>> = {
  wholeLines: 'test/sources.test.ts',
  readable: 'test/sources.test.ts',
  drift: 'references.test.ts',
  metricAnomaly: 'references.test.ts',
  labelLeak: 'references.test.ts',
  batches: 'test/examples.test.ts',
}

export const anyRow = fc.record({
  i: fc.option(fc.constantFrom(-3n, -1n, 0n, 1n, 2n, 4n, big, -big), { nil: null, freq: 5 }),
  j: fc.option(fc.bigInt({ min: -4n, max: 4n }), { nil: null, freq: 5 }),
  x: fc.option(fc.constantFrom(-1.5, -1, -0, 0, 0.25, 0.5, 2, 1e12, NaN, Infinity, -Infinity), { nil: null, freq: 5 }),
  s: fc.option(fc.constantFrom('a', 'B', 'ab', '', '😀', 'a😀b', "q'uote", 'line\nfeed'), { nil: null, freq: 5 }),
  u: fc.option(
    fc.constantFrom(' x', 'x', 'x\t', '12', '-0', '2001-02-28', '2001-02-30', '10.0.0.1', '{"k":1}', '{}', 'a'),
    {
      nil: null,
      freq: 5,
    },
  ),
  b: fc.option(fc.boolean(), { nil: null, freq: 5 }),
  t: fc.option(
    fc.integer({ min: 0, max: 8 }).map(n => base + BigInt(n) * day),
    { nil: null, freq: 5 },
  ),
})
export const anyRows = fc
  .array(anyRow, { minLength: 0, maxLength: 14 })
  .map(rows => rows.map((row, o) => ({ ...row, o })))

export const anyOptions: fc.Arbitrary<RowOptions> = fc
  .record(
    {
      nulls: fc.constantFrom('ignore', 'bad', 'good'),
      denominator: fc.constantFrom('evaluated', 'all'),
      onEmpty: fc.constantFrom('fail', 'warn', 'pass'),
      limit: fc.oneof(
        fc.record({ mostly: fc.constantFrom(0, 0.5, 0.9, 1) }),
        fc.record({ maxBad: fc.integer({ min: 0, max: 5 }) }),
        fc.record({ fail: fc.record({ count: fc.integer({ min: 2, max: 5 }) }), warn: fc.constant({ count: 1 }) }),
        fc.record({ fail: fc.constant({ share: 0.5 }), warn: fc.constant({ share: 0.25 }) }),
      ),
      guarded: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map(({ limit, guarded, ...options }) => ({ ...options, ...limit, ...(guarded ? { guarded } : {}) })) as never
