import type { FeatureSpec } from '../../define/features.ts'
import type { Aggregate } from './aggregates.ts'
import { aggregateOf, enoughFor } from './kept.ts'
import type { WindowBounds } from './window-bounds.ts'

/** Places of the events that a feature sees, while it is computed. */
let places = new Int32Array(1024)

/** Events of one entity in the order of their time; those of one time in the order in which they came. */
export interface LookedAt {
  readonly event: Float64Array
  /** From when each counts, and before when; without `until` they count for ever. */
  readonly visible: Float64Array
  readonly until?: Float64Array | undefined
  /** NaN where there is no value. */
  readonly value: Float64Array
}

/**
 * A feature at `t`, of the events at the places [from, to), which are gone through anew; NaN for null. `compare` orders values where they
 * are no numbers.
 */
export function lookAt(
  aggregate: Aggregate,
  spec: FeatureSpec,
  bounds: WindowBounds,
  events: LookedAt,
  from: number,
  to: number,
  t: number,
  compare?: (a: number, b: number) => number,
): number {
  const { event, visible, until, value } = events
  const end = bounds.end(t)
  const oldest = bounds.start(t)
  const enough = enoughFor(aggregate, spec)
  if (places.length < to - from) places = new Int32Array((to - from) * 2)
  let seen = 0
  let last = Number.NaN
  for (let i = to - 1; i >= from; i--) {
    const at = event[i] as number
    if (at >= end) continue
    if (at < oldest) break
    if ((visible[i] as number) > t || Number.isNaN(value[i] as number) || (until && (until[i] as number) <= t)) continue
    // Events of one time are in no order yet
    if (seen >= enough && at < last) break
    places[seen++] = i
    last = at
  }
  return aggregateOf(aggregate, spec, { event, visible, value }, places, seen, t, compare)
}
