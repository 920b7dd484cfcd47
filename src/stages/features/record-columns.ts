/**
 * The columns of a record as numbers. Most of them say nothing of their own: a dataset without a log has no versions, and channels
 * share their times. So each begins with what it is: its values follow, or one that all of them are, or it is as far from a column
 * before it everywhere.
 */
const full = -1
const constant = -2

function isConstant(column: Float64Array, from: number, to: number): boolean {
  const first = column[from]
  for (let i = from + 1; i < to; i++) if (!Object.is(column[i], first)) return false
  return true
}

/** What is to be added to `before` to have `column`, to the last bit; undefined where that differs. */
function distanceOf(before: Float64Array, column: Float64Array, from: number, to: number): number | undefined {
  const [a, b] = [before[from] as number, column[from] as number]
  const distance = Object.is(a, b) ? 0 : b - a
  for (let i = from; i < to; i++) if (!Object.is((before[i] as number) + distance, column[i])) return undefined
  return distance
}

let scratch = new Float64Array(1024)

/** Of columns the values at the places [from, to); what is given is good until the next call. */
export function packColumns(columns: readonly Float64Array[], from: number, to: number): Float64Array {
  const length = to - from
  if (length === 0) return scratch.subarray(0, 0)
  const most = columns.length * (1 + Math.max(2, length))
  if (scratch.length < most) scratch = new Float64Array(most * 2)
  const out = scratch
  const written: number[] = []
  let end = 0
  each: for (const [c, column] of columns.entries()) {
    if (isConstant(column, from, to)) {
      out[end++] = constant
      out[end++] = column[from] as number
      continue
    }
    for (const before of written) {
      const distance = distanceOf(columns[before] as Float64Array, column, from, to)
      if (distance === undefined) continue
      out[end++] = before
      out[end++] = distance
      continue each
    }
    written.push(c)
    out[end++] = full
    for (let i = from; i < to; i++) out[end++] = column[i] as number
  }
  return out.subarray(0, end)
}

/**
 * Reads columns of `length` values from `from` on; those of before, without `isPacked`, have just their values. Gives where they end;
 * undefined where these are no such columns.
 */
export function unpackColumns(
  all: Float64Array,
  from: number,
  columns: readonly Float64Array[],
  length: number,
  isPacked: boolean,
): number | undefined {
  if (!(length >= 0)) return undefined
  if (length === 0) return from
  let end = from
  for (const [c, column] of columns.entries()) {
    const kind = isPacked ? all[end++] : full
    if (kind === constant) column.fill(all[end++] as number, 0, length)
    else if (kind === full) {
      if (end + length > all.length) return undefined
      column.set(all.subarray(end, end + length))
      end += length
    } else {
      const like = kind === undefined || kind >= c ? undefined : columns[kind]
      if (like === undefined) return undefined
      const distance = all[end++] as number
      for (let i = 0; i < length; i++) column[i] = (like[i] as number) + distance
    }
  }
  return end > all.length ? undefined : end
}
