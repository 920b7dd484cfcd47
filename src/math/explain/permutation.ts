import { seeded } from '../random/seeded.ts'

/** How much a loss rises when a column's values are dealt out anew among the rows, by column. */
export interface PermutationImportance {
  readonly mean: readonly number[]
  /** Standard deviation over the repeats. */
  readonly deviation: readonly number[]
  /** Loss of the columns as they are. */
  readonly loss: number
}

/**
 * Importance of each column for a loss, by permutation (Breiman 2001; Fisher, Rudin and Dominici 2019): model and rows stay
 * what they are, only what ties the column to its row goes. Deterministic for a seed. `loss` is asked columns × repeats times.
 */
export function permutationImportance<C extends { readonly length: number; readonly [row: number]: unknown }>(
  columns: readonly C[],
  loss: (columns: readonly C[]) => number,
  { repeats = 5, seed = 0 }: { readonly repeats?: number; readonly seed?: number } = {},
): PermutationImportance {
  if (!(Number.isInteger(repeats) && repeats >= 1)) throw new RangeError(`repeats must be 1 or more, got ${repeats}`)
  const before = loss(columns)
  const random = seeded(seed)
  const rises = columns.map((column, at) =>
    Array.from({ length: repeats }, () => {
      const moved = dealt(column, () => random.next())
      return loss(columns.map((one, place) => (place === at ? moved : one))) - before
    }),
  )
  const mean = rises.map(list => list.reduce((sum, rise) => sum + rise, 0) / repeats)
  const deviation = rises.map((list, at) =>
    Math.sqrt(list.reduce((sum, rise) => sum + (rise - (mean[at] as number)) ** 2, 0) / repeats),
  )
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
