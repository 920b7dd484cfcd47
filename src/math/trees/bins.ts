import { type Arena, lanes, missingBin } from './arena.ts'
import type { CodeBins } from './categories.ts'
import { codesPerColumn, type Layout, layoutOf } from './layout.ts'

/** Rows that the borders are chosen from; more change the borders by less than their spacing. */
const sampleRows = 200_000

/** Upper borders of a feature's bins, ascending float32; bin b holds values in (borders[b − 1], borders[b]]. */
export type Borders = Float32Array

/** Borders of every feature. Throws RangeError at an infinite value. */
export function chooseBorders(columns: readonly Float32Array[], maxBins: number): Borders[] {
  return columns.map((column, feature) => bordersOf(column, maxBins, feature))
}

function bordersOf(column: Float32Array, maxBins: number, feature: number): Borders {
  // Evenly spaced rows: deterministic, and unlike the first rows not of one day.
  const stride = Math.max(1, column.length / sampleRows)
  const sample = new Float32Array(Math.min(column.length, sampleRows))
  let kept = 0
  for (let at = 0; at < sample.length; at++) {
    const value = column[Math.floor(at * stride)] as number
    if (Math.abs(value) === Infinity) throw new RangeError(`feature ${feature} holds an infinite value`)
    // +0 and −0 are one value to a comparison.
    if (!Number.isNaN(value)) sample[kept++] = value + 0
  }
  const sorted = sample.subarray(0, kept).sort()
  const values: number[] = []
  const counts: number[] = []
  for (let at = 0; at < kept; ) {
    const value = sorted[at] as number
    let next = at + 1
    while (next < kept && (sorted[next] as number) === value) next++
    values.push(value)
    counts.push(next - at)
    at = next
  }
  return cut(values, counts, kept, maxBins)
}

/** Between two neighbouring values, the midpoint if float32 can tell it from the upper one. */
function border(lower: number, upper: number): number {
  const middle = Math.fround(lower + (upper - lower) / 2)
  return middle < upper && middle >= lower ? middle : lower
}

/** One bin a value where they fit; otherwise bins of equal counts, in which frequent values stand alone. */
function cut(values: readonly number[], counts: readonly number[], total: number, maxBins: number): Borders {
  const borders: number[] = []
  if (values.length <= maxBins) {
    for (let at = 1; at < values.length; at++) borders.push(border(values[at - 1] as number, values[at] as number))
    return Float32Array.from(borders)
  }
  let rest = total
  let bins = maxBins
  let filled = 0
  for (let at = 0; at < values.length - 1 && bins > 1; at++) {
    const count = counts[at] as number
    const target = rest / bins
    filled += count
    if (filled >= target || filled + (counts[at + 1] as number) / 2 > target) {
      borders.push(border(values[at] as number, values[at + 1] as number))
      rest -= filled
      filled = 0
      bins--
    }
  }
  return Float32Array.from(borders)
}

/** Cells of the table that finds a value's bin. */
const cells = 2048

/** Finds bins of one feature: a table of equal cells over the range gives the first bin to try. */
export function binFinder(borders: Borders): (value: number) => number {
  const last = borders.length
  const low = last > 0 ? (borders[0] as number) : 0
  const span = last > 0 ? (borders[last - 1] as number) - low : 0
  const scale = span > 0 && Number.isFinite(span) ? (cells - 1) / span : 0
  const start = new Uint8Array(cells)
  let bin = 0
  for (let cell = 0; cell < cells && scale > 0; cell++) {
    // One cell of slack on the left makes rounding harmless; the scan to the right does the rest.
    const value = low + (cell - 1) / scale
    while (bin < last && (borders[bin] as number) < value) bin++
    start[cell] = bin
  }
  return value => {
    if (value !== value) return missingBin
    const cell = (value - low) * scale
    let at = cell >= cells - 1 ? (start[cells - 1] as number) : cell > 0 ? (start[cell | 0] as number) : 0
    while (at < last && value > (borders[at] as number)) at++
    return at
  }
}

/** Writes every row's bins into the arena's words. Throws RangeError at an infinite value. */
export function fillWords(
  arena: Pick<Arena, 'words' | 'wide'>,
  columns: readonly Float32Array[],
  borders: readonly Borders[],
  codeBins: readonly (CodeBins | undefined)[] = [],
  layout: Layout = layoutOf(columns.length, codeBins),
): void {
  columns.forEach((column, feature) => {
    const first = layout.first[feature] as number
    const codes = codeBins[feature]
    if (codes) return fillCodes(arena, column, codes, first, layout.wide[feature] as number)
    const words = arena.words[first >> 2] as Int32Array
    const shift = (first & (lanes - 1)) * 8
    const find = binFinder(borders[feature] as Borders)
    for (let row = 0; row < column.length; row++) {
      const value = column[row] as number
      if (value === Infinity || value === -Infinity) {
        throw new RangeError(`row ${row} of feature ${feature} is infinite`)
      }
      words[row] = (words[row] as number) | (find(value) << shift)
    }
  })
}

/** A code's bin stands in one of the feature's columns, and the missing bin in the others. */
function fillCodes(
  arena: Pick<Arena, 'words' | 'wide'>,
  column: Float32Array,
  { bins, binOf }: CodeBins,
  first: number,
  wide: number,
): void {
  const own = arena.wide[wide]
  if (own) for (let row = 0; row < column.length; row++) own[row] = binOf[column[row] as number] as number
  const count = Math.max(1, Math.ceil(bins / codesPerColumn))
  for (let at = first; at < first + count; at++) {
    const words = arena.words[at >> 2] as Int32Array
    const shift = (at & (lanes - 1)) * 8
    const low = (at - first) * codesPerColumn
    for (let row = 0; row < column.length; row++) {
      const bin = (binOf[column[row] as number] as number) - low
      words[row] = (words[row] as number) | ((bin >= 0 && bin < codesPerColumn ? bin : missingBin) << shift)
    }
  }
}
