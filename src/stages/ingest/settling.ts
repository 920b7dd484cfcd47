/** Since when a file stands as it does. */
interface Standing {
  readonly stamp: string
  readonly at: number
}

export type Standings = ReadonlyMap<string, Standing>

export interface SettleResult {
  /** By name. */
  readonly settled: readonly string[]
  readonly standings: Standings
}

/**
 * Which files have stood unchanged for `settledMs`: a file that is still written to changes its stamp between two looks. One
 * look alone says nothing. `standings` is what the look before gave, `now` milliseconds of a clock that never goes back.
 */
export function settle(
  standings: Standings,
  present: ReadonlyMap<string, string>,
  now: number,
  settledMs: number,
): SettleResult {
  const next = new Map<string, Standing>()
  const settled: string[] = []
  for (const [name, stamp] of present) {
    const before = standings.get(name)
    const unchanged = before?.stamp === stamp
    next.set(name, unchanged ? before : { stamp, at: now })
    if (unchanged && now - before.at >= settledMs) settled.push(name)
  }
  return { settled: settled.toSorted(), standings: next }
}
