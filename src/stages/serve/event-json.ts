import type { RolloutEvent } from '../deploy/rollout/index.ts'

/** Replacer of `JSON.stringify`: typed arrays as plain ones. JSON has no number that is not finite: such scores are texts. */
export function plainArrays(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Array.from(value)
  if (value instanceof Float32Array) return Array.from(value, one => (Number.isFinite(one) ? one : String(one)))
  return value
}

// Those of earlier versions are null
const scores = (list: readonly (number | string | null)[]): Float32Array =>
  Float32Array.from(list, one => (one === null ? Number.NaN : Number(one)))

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
