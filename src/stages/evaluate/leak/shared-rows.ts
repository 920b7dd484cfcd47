import { isClassification, type Task } from '../../../math/task.ts'
import type { FrameRows } from '../subject.ts'
import { countsOf, equalPairs, RowGroups } from './row-groups.ts'

export interface SharedRows {
  /** Test rows that stand among the training rows, all values equal. */
  readonly exact: number
  /** Of those, how many chance makes at most. */
  readonly chance: number
  /** Test rows that a training row equals but for a little noise, chance taken off. */
  readonly near: number
  readonly tried: number
  /** Some of them: row of the test part, row of the training part. */
  readonly pairs: readonly (readonly [test: number, train: number])[]
}

/** Most test rows that are looked for. */
const maxTried = 5_000
/** What counts as noise, in deviations of the input. */
const noise = 0.002

type Column = FrameRows['inputs'][number]

/** Looks for rows of the test part in the training part: values and label. */
export function sharedRows(task: Task, train: FrameRows, test: FrameRows): SharedRows {
  const step = Math.max(1, test.rows / maxTried)
  const tried = Array.from({ length: Math.min(test.rows, maxTried) }, (_, i) => Math.floor(i * step))
  const columns = [...train.inputs, train.labels]
  const others = [...test.inputs, test.labels]
  const exact = exactTwins(columns, others, tried)
  const known = new Set(exact.pairs.map(([row]) => row))
  const rest = tried.filter(row => !known.has(row))
  const near = nearTwins(task, train, test, rest)
  return {
    exact: exact.pairs.length,
    chance: exact.chance,
    near: near.count,
    tried: tried.length,
    pairs: [...exact.pairs, ...near.pairs].slice(0, 10),
  }
}

interface Twins {
  readonly pairs: readonly (readonly [test: number, train: number])[]
  readonly chance: number
}

/**
 * Rows that are equal in all values. Where one of them is of a continuous column, chance has no part in it. Where there is
 * none, as many columns are taken as tell most rows apart: that these are equal happens by chance as often as the others
 * then differ, over how often the others are equal of any two rows.
 */
function exactTwins(columns: readonly Column[], others: readonly Column[], tried: readonly number[]): Twins {
  const rows = columns[0]?.length ?? 0
  // rows of the training part, and behind them those that are tried
  const grouped = () => new RowGroups(rows + tried.length)
  const taking = (groups: RowGroups, i: number): void =>
    groups.take(row => (row < rows ? columns[i]?.[row] : others[i]?.[tried[row - rows] as number]))
  const all = grouped()
  columns.forEach((_, i) => taking(all, i))
  const known = new Map(Array.from({ length: rows }, (_, row) => [all.numbers[row] as number, row]))
  const found = tried.flatMap((row, at) => {
    const twin = known.get(all.numbers[rows + at] as number)
    return twin === undefined ? [] : [{ row, twin, at }]
  })
  const pairsOf = (some: typeof found) => some.map(({ row, twin }) => [row, twin] as const)
  const continuous = columns.flatMap((column, i) => (tellsRowsApart(column) ? [i] : []))
  const has = (row: number): boolean => continuous.some(i => others[i]?.[row] !== '' && !Number.isNaN(others[i]?.[row]))
  if (continuous.length > 0) return { pairs: pairsOf(found.filter(({ row }) => has(row))), chance: 0 }
  const distinct = [...known.values()]
  const ordered = columns
    .map((column, i) => ({ i, values: new Set<number | string>(column).size }))
    .sort((a, b) => b.values - a.values)
    .map(one => one.i)
  const first = grouped()
  for (let taken = 1; taken < ordered.length; taken++) {
    taking(first, ordered[taken - 1] as number)
    const counts = countsOf(first.numbers, distinct)
    let singles = 0
    for (const count of counts.values()) if (count === 1) singles++
    if (singles < distinct.length / 2) continue
    const single = (at: number): boolean => counts.get(first.numbers[rows + at] as number) === 1
    const twins = found.filter(({ at }) => single(at))
    const twinned = new Set(twins.map(({ at }) => at))
    const misses = tried.filter((_, at) => single(at) && !twinned.has(at)).length
    const rest = ordered.slice(taken).map(i => columns[i] as Column)
    const equal = equalPairs(rest, rows)
    const expected = (misses * equal) / Math.max(1e-9, 1 - equal)
    // What is equal among the first is more often so among the others, too, and chance has its own spread
    return { pairs: pairsOf(twins), chance: 1.5 * expected + 3 * Math.sqrt(expected) }
  }
  // No columns tell rows apart: equal rows are the ordinary case
  return { pairs: [], chance: found.length }
}

/** Whether a number has far more values to take than there are rows, or a text is hardly ever used twice. */
function tellsRowsApart(column: Column): boolean {
  if (!(column instanceof Float32Array)) return new Set(column).size > column.length / 2
  const values = new Float32Array(new Set(column.filter(Number.isFinite))).sort()
  if (values.length < Math.min(50, column.length / 10)) return false
  let gap = Infinity
  for (let i = 1; i < values.length; i++) gap = Math.min(gap, (values[i] as number) - (values[i - 1] as number))
  return ((values.at(-1) as number) - (values[0] as number)) / gap > 100 * column.length
}

interface Measure {
  readonly own: Float32Array
  readonly other: Float32Array
  /** One deviation. */
  readonly unit: number
}

/**
 * Rows that are equal but for noise. Within four times the noise chance makes at least four times as many pairs where a value
 * is continuous, and a copy no more: what the difference leaves are copies.
 */
function nearTwins(
  task: Task,
  train: FrameRows,
  test: FrameRows,
  tried: readonly number[],
): { readonly count: number; readonly pairs: readonly (readonly [number, number])[] } {
  const measures: Measure[] = []
  const exact: (readonly [Column, Column])[] = []
  const others = [...test.inputs, test.labels]
  ;[...train.inputs, train.labels].forEach((own, i) => {
    const other = others[i] as typeof own
    const numbers = own instanceof Float32Array && other instanceof Float32Array
    if (numbers && (i < train.inputs.length || !isClassification(task)) && tellsRowsApart(own))
      measures.push({ own, other, unit: deviation(own) })
    else exact.push([own, other])
  })
  const first = measures.find(one => one.own !== train.labels)
  if (!first) return { count: 0, pairs: [] }
  const order = Int32Array.from({ length: train.rows }, (_, i) => i)
    .filter(row => Number.isFinite(first.own[row]))
    .sort((a, b) => (first.own[a] as number) - (first.own[b] as number))
  const same = (a: number | string | undefined, b: number | string | undefined): boolean =>
    a === b || (Number.isNaN(a) && Number.isNaN(b))
  const within = (mine: number, row: number, width: number): boolean =>
    measures.every(({ own, other, unit }) => {
      const [a, b] = [own[row] as number, other[mine] as number]
      return Math.abs(a - b) <= width * unit || (Number.isNaN(a) && Number.isNaN(b))
    }) && exact.every(([own, other]) => same(own[row], other[mine]))
  let [narrow, wide] = [0, 0]
  const pairs: (readonly [number, number])[] = []
  for (const row of tried) {
    const value = first.other[row] as number
    const reach = 4 * noise * first.unit
    let [low, high] = [0, order.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((first.own[order[middle] as number] as number) < value - reach) low = middle + 1
      else high = middle
    }
    for (let at = low; at < order.length; at++) {
      const twin = order[at] as number
      if (!((first.own[twin] as number) <= value + reach)) break
      if (!within(row, twin, 4 * noise)) continue
      wide++
      if (!within(row, twin, noise)) continue
      narrow++
      pairs.push([row, twin])
    }
  }
  const copies = (4 * narrow - wide) / 3
  // Pairs come by chance as in a Poisson process: three deviations are no chance
  return copies > Math.sqrt(16 * narrow + wide)
    ? { count: Math.min(copies, tried.length), pairs }
    : { count: 0, pairs: [] }
}

function deviation(column: Float32Array): number {
  const values = column.filter(Number.isFinite)
  const mean = values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length))
}
