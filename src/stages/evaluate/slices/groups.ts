import type { FrameRows } from '../subject.ts'

/** A part of the test rows, by name. */
export interface Slice {
  readonly name: string
  /** What it was cut by: slices of one column do not make a pair. */
  readonly of: string
  readonly rows: Int32Array
  /** A range of a number, in which a right score hardly varies. */
  readonly isRange: boolean
}

export type AnyColumn = FrameRows['inputs'][number] | Uint8Array

/** Most values of a column that are slices of their own. */
const maxValues = 12
const ranges = 5

/** Values of a text or boolean, ranges of a number by the quantiles of training, and what is missing. */
export function slicesOf(name: string, column: AnyColumn, training: AnyColumn | undefined): Slice[] {
  const rowsWhere = (holds: (row: number) => boolean): Int32Array =>
    Int32Array.from({ length: column.length }, (_, i) => i).filter(holds)
  const slice = (words: string, isRange: boolean, holds: (row: number) => boolean): Slice => ({
    name: `${name} ${words}`,
    of: name,
    isRange,
    rows: rowsWhere(holds),
  })
  if (column instanceof Uint8Array)
    return [{ name, of: name, isRange: false, rows: rowsWhere(row => column[row] === 1) }]
  if (!(column instanceof Float32Array)) {
    const counts = new Map<string, number>()
    for (const value of column) counts.set(value, (counts.get(value) ?? 0) + 1)
    const named = [...counts]
      .filter(([value]) => value !== '')
      .sort((a, b) => b[1] - a[1])
      .map(([value]) => value)
    const kept = new Set(named.slice(0, maxValues))
    return [
      ...[...kept].map(value => slice(`= ${value}`, false, row => column[row] === value)),
      ...(named.length > kept.size
        ? [slice('= any other', false, row => column[row] !== '' && !kept.has(column[row] as string))]
        : []),
      slice('missing', false, row => column[row] === ''),
    ].filter(one => one.rows.length > 0)
  }
  const missing = slice('missing', false, row => Number.isNaN(column[row]))
  const known = (training instanceof Float32Array ? training : column).filter(value => !Number.isNaN(value)).sort()
  const values = [...new Set(known)]
  const parts =
    values.length <= maxValues
      ? values.map(value => slice(`= ${short(value)}`, values.length > 3, row => column[row] === value))
      : rangesOf(known).map(([low, high]) =>
          slice(
            low === -Infinity
              ? `≤ ${short(high)}`
              : high === Infinity
                ? `> ${short(low)}`
                : `${short(low)} to ${short(high)}`,
            true,
            row => (column[row] as number) > low && (column[row] as number) <= high,
          ),
        )
  return [...parts, missing].filter(one => one.rows.length > 0)
}

const short = (value: number): string => String(Number(value.toPrecision(4)))

/** Ranges that hold about equally many of the sorted values, open at both ends: right-closed. */
function rangesOf(sorted: Float32Array): (readonly [number, number])[] {
  const edges = Array.from(
    { length: ranges - 1 },
    (_, i) => sorted[Math.floor(((i + 1) / ranges) * sorted.length)] as number,
  )
  const inner = [...new Set(edges)]
  return [
    ...inner.map((edge, i) => [i === 0 ? -Infinity : (inner[i - 1] as number), edge] as const),
    [inner.at(-1) as number, Infinity] as const,
  ]
}

/** Rows that are in both of two slices of different columns. */
export function pairsOf(slices: readonly Slice[], fewest: number, rows: number): Slice[] {
  const flags = slices.map(slice => {
    const within = new Uint8Array(rows)
    for (const row of slice.rows) within[row] = 1
    return within
  })
  const pairs: Slice[] = []
  slices.forEach((first, i) => {
    slices.forEach((second, j) => {
      if (j <= i || first.of === second.of) return
      const both = first.rows.filter(row => flags[j]?.[row] === 1)
      if (both.length < fewest || both.length === first.rows.length || both.length === second.rows.length) return
      pairs.push({
        name: `${first.name} and ${second.name}`,
        of: `${first.of} and ${second.of}`,
        isRange: first.isRange || second.isRange,
        rows: both,
      })
    })
  })
  return pairs
}
