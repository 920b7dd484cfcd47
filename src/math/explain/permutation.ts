import { seeded } from '../random/seeded.ts'

/** How much a loss rises when a column's values are dealt out anew among the rows, by column; of `only`, in their order. */
export interface PermutationImportance {
  readonly mean: readonly number[]
  /** Standard deviation over the repeats. */
  readonly deviation: readonly number[]
  /** Loss of the columns as they are. */
  readonly loss: number
}

/**
 * Importance of each column for a loss, by permutation (Breiman 2001; Fisher, Rudin and Dominici 2019): model and rows stay
 * what they are, only what ties the column to its row goes. Deterministic for a seed. `loss` is asked columns × repeats times; `only` names the
 * places of those columns that are dealt out (default all).
 */
export async function permutationImportance<C extends { readonly length: number; readonly [row: number]: unknown }>(
  columns: readonly C[],
  loss: (columns: readonly C[]) => number | Promise<number>,
  {
    repeats = 5,
    seed = 0,
    only = Array.from(columns.keys()),
  }: { readonly repeats?: number; readonly seed?: number; readonly only?: readonly number[] } = {},
): Promise<PermutationImportance> {
  if (!(Number.isInteger(repeats) && repeats >= 1)) throw new RangeError(`repeats must be 1 or more, got ${repeats}`)
  const before = await loss(columns)
  const random = seeded(seed)
  const mean: number[] = []
  const deviation: number[] = []
  for (const at of only) {
    const column = columns[at]
    if (column === undefined) throw new RangeError(`there is no column ${at} of ${columns.length}`)
    const rises: number[] = []
    for (let repeat = 0; repeat < repeats; repeat++) {
      const moved = dealt(column, () => random.next())
      rises.push((await loss(columns.map((one, place) => (place === at ? moved : one)))) - before)
    }
    const middle = rises.reduce((sum, rise) => sum + rise, 0) / repeats
    mean.push(middle)
    deviation.push(Math.sqrt(rises.reduce((sum, rise) => sum + (rise - middle) ** 2, 0) / repeats))
  }
  return { mean, deviation, loss: before }
}

/** The values in a random order (Fisher and Yates). */
function dealt<C extends { readonly length: number; readonly [row: number]: unknown }>(
  column: C,
  random: () => number,
): C {
  const moved = (column as unknown as { slice(): { [row: number]: unknown; length: number } }).slice()
  for (let at = moved.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1))
    ;[moved[at], moved[other]] = [moved[other], moved[at]]
  }
  return moved as unknown as C
}
