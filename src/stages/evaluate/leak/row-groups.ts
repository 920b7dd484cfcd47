import type { FrameRows } from '../subject.ts'

type Column = FrameRows['inputs'][number]

/**
 * Rows by the values that they are equal in, refined column by column: two rows have the same number as long as all columns
 * that were taken are equal in them, a missing number equal to another. Only rows that still share theirs are looked at, so
 * that thousands of columns cost little more than the first few that tell rows apart.
 */
export class RowGroups {
  readonly numbers: Int32Array
  #shared: Int32Array
  #next = 1

  constructor(rows: number) {
    this.numbers = new Int32Array(rows)
    this.#shared = Int32Array.from({ length: rows }, (_, row) => row)
  }

  take(valueOf: (row: number) => number | string | undefined): void {
    const groups = new Map<number, Map<number | string | undefined, number>>()
    const counts = new Map<number, number>()
    for (const row of this.#shared) {
      const number = this.numbers[row] as number
      let values = groups.get(number)
      if (!values) groups.set(number, (values = new Map()))
      const value = valueOf(row)
      let refined = values.get(value)
      // the first value of a group keeps its number
      if (refined === undefined) values.set(value, (refined = values.size === 0 ? number : this.#next++))
      this.numbers[row] = refined
      counts.set(refined, (counts.get(refined) ?? 0) + 1)
    }
    this.#shared = this.#shared.filter(row => (counts.get(this.numbers[row] as number) as number) > 1)
  }
}

/** How many of some rows have each number. */
export function countsOf(numbers: Int32Array, rows: Iterable<number>): ReadonlyMap<number, number> {
  const counts = new Map<number, number>()
  for (const row of rows) counts.set(numbers[row] as number, (counts.get(numbers[row] as number) ?? 0) + 1)
  return counts
}

/** Share of the pairs of rows that are equal in all of some columns. */
export function equalPairs(columns: readonly Column[], rows: number): number {
  const groups = new RowGroups(rows)
  for (const column of columns) groups.take(row => column[row])
  let pairs = 0
  for (const count of countsOf(groups.numbers, groups.numbers.keys()).values()) pairs += count * (count - 1)
  return pairs / Math.max(1, rows * (rows - 1))
}
