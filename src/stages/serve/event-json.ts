import type { RolloutEvent } from '../deploy/rollout/index.ts'

/** Replacer of `JSON.stringify`: typed arrays as plain ones. Scores that are not finite are written as null. */
export const plainArrays = (_: string, value: unknown): unknown =>
  value instanceof Float32Array || value instanceof Uint8Array ? Array.from(value) : value

const scores = (list: readonly (number | null)[]): Float32Array => Float32Array.from(list, one => one ?? Number.NaN)

/** An event as it was before it was written. */
export function eventOfJson(written: RolloutEvent): RolloutEvent {
  if (written.type !== 'shadow') return written
  const { stable, canary, flipped, labels, ...event } = written as unknown as Record<string, number[]>
  return {
    ...(event as unknown as Extract<RolloutEvent, { type: 'shadow' }>),
    stable: scores(stable ?? []),
    canary: scores(canary ?? []),
    ...(flipped ? { flipped: Uint8Array.from(flipped) } : {}),
    ...(labels ? { labels: scores(labels) } : {}),
  }
}
