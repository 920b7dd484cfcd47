import type { Dataset } from '../../src/define/dataset.ts'
import type { Expectation } from '../../src/define/expectation/spec.ts'
import { expect as must } from '../../src/index.ts'
import { base, day, key, type C, type Row, type columns } from './cases.ts'

type Other = Dataset<string, typeof columns>
type Verdict = readonly [status: string, evaluated: number, bad: number]

/** Rules about the whole, and about rows beside those of another dataset: judged as plainly as the others. */
export interface WholeCase {
  readonly kind: string
  readonly make: (c: C, other: Other) => Expectation
  readonly verdict: (rows: readonly Row[], others: readonly Row[]) => Verdict
}

/** When the rows of these cases are judged. */
export const wholeNow = Number(base + 3n * day)

const tolerant = (evaluated: number, bad: number): Verdict =>
  evaluated === 0 ? ['fail', 0, 0] : [bad === 0 ? 'pass' : 'fail', evaluated, bad]
const known = <K extends keyof Row>(rows: readonly Row[], name: K) =>
  rows.flatMap(row => (row[name] === null ? [] : [row[name] as NonNullable<Row[K]>]))
const latest = (rows: readonly Row[]) =>
  known(rows, 't').reduce<bigint | null>((all, t) => (all === null || t > all ? t : all), null)
const earliest = (rows: readonly Row[]) =>
  known(rows, 't').reduce<bigint | null>((all, t) => (all === null || t < all ? t : all), null)

/** How the wanted values and those that occur differ. */
function sets(found: readonly unknown[], wanted: readonly unknown[], exact: boolean): Verdict {
  const missing = wanted.filter(one => !found.includes(one)).length
  const extra = exact ? new Set(found.filter(one => !wanted.includes(one))).size : 0
  return tolerant(found.length, missing + extra)
}

function absent(
  rows: readonly Row[],
  others: readonly Row[],
  names: readonly (keyof Row)[],
  present: boolean,
): Verdict {
  const of = (row: Row) => (names.some(name => row[name] === null) ? undefined : key(...names.map(name => row[name])))
  const there = new Set(others.map(of))
  const judged = rows.map(of).filter(one => one !== undefined)
  return tolerant(judged.length, judged.filter(one => there.has(one) === present).length)
}

export const wholeCases: readonly WholeCase[] = [
  {
    kind: 'notConstant',
    make: c => c.s.notConstant(),
    verdict: rows => {
      const different = new Set(known(rows, 's')).size
      return [different > 1 ? 'pass' : 'fail', different, different === 1 ? 1 : 0]
    },
  },
  {
    kind: 'containsSet',
    make: c => c.s.containsSet(['a', '😀']),
    verdict: rows => sets(known(rows, 's'), ['a', '😀'], false),
  },
  {
    kind: 'equalsSet',
    make: c => c.i.equalsSet([0, 1, 9007199254740993n]),
    verdict: rows => sets(known(rows, 'i'), [0n, 1n, 9007199254740993n], true),
  },
  {
    kind: 'classBalance',
    make: c => c.b.classBalance({ minShare: 0.3 }),
    verdict: rows => {
      const all = known(rows, 'b')
      const yes = all.filter(Boolean).length
      return tolerant(all.length, Math.min(yes, all.length - yes) / all.length >= 0.3 ? 0 : 1)
    },
  },
  {
    kind: 'foreignKey',
    make: (c, other) => must.foreignKey([c.s, c.b], other, ['s', 'b']),
    verdict: (rows, others) => absent(rows, others, ['s', 'b'], false),
  },
  {
    kind: 'inSetFrom',
    make: (c, other) => c.i.inSetFrom(other, 'i'),
    verdict: (rows, others) => absent(rows, others, ['i'], false),
  },
  {
    kind: 'splitLeak',
    make: (c, other) => must.splitLeak({ from: other, on: [c.i, c.s] }),
    verdict: (rows, others) => absent(rows, others, ['i', 's'], true),
  },
  {
    kind: 'reconcile',
    make: (c, other) => must.reconcile({ with: other, on: [c.o], compare: [c.s] }),
    verdict: (rows, others) => {
      const theirs = new Map(others.map(row => [row.o, row]))
      const here = new Set(rows.map(row => row.o))
      const gone = others.filter(row => !here.has(row.o)).length
      const wrong = rows.filter(row => !theirs.has(row.o) || theirs.get(row.o)?.s !== row.s).length
      return tolerant(rows.length + gone, wrong + gone)
    },
  },
  {
    kind: 'skew',
    make: (c, other) => must.skew({ with: other, on: [c.o], features: [c.j] }),
    verdict: (rows, others) => {
      const theirs = new Map(others.map(row => [row.o, row.j]))
      const matched = rows.filter(row => theirs.has(row.o))
      return tolerant(matched.length, matched.filter(row => theirs.get(row.o) !== row.j).length)
    },
  },
  {
    kind: 'timeLeak',
    make: (c, other) => c.t.timeLeak({ after: other, column: 't' }),
    verdict: (rows, others) => {
      const [first, last] = [earliest(rows), latest(others)]
      if (last === null) return ['skipped', 0, 0]
      return first === null ? ['fail', 0, 0] : tolerant(1, first > last ? 0 : 1)
    },
  },
  {
    kind: 'newCategories',
    make: (c, other) => c.s.newCategories({ from: other }),
    verdict: (rows, others) => {
      const before = known(others, 's')
      const now = known(rows, 's')
      return tolerant(now.length, new Set(now.filter(one => !before.includes(one))).size)
    },
  },
  {
    kind: 'freshness',
    make: c => c.t.freshness('1d'),
    verdict: rows => {
      const newest = latest(rows)
      if (newest === null) return ['fail', 0, 0]
      const age = BigInt(wholeNow) - newest
      return tolerant(1, age <= day && age >= -300_000_000n ? 0 : 1)
    },
  },
  { kind: 'columnExists', make: () => must.columnExists('u'), verdict: () => ['pass', 1, 0] },
  { kind: 'columnExists', make: () => must.columnExists('v'), verdict: () => ['fail', 1, 1] },
  { kind: 'columnCount', make: () => must.columnCount({ min: 8, max: 8 }), verdict: () => ['pass', 8, 0] },
  { kind: 'schema', make: () => must.schema({ mode: 'exact', ordered: true }), verdict: () => ['pass', 8, 0] },
]
