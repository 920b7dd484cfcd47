import type { Guardrail, GuardrailState } from './state.ts'

/** Segments that can have evidence of their own in one rollout. */
export const maxSegments = 50
/** Requests before a segment has evidence of its own: until then it counts among the rare ones. */
const rareUntil = 5

/** What is known of one segment, or of the rare ones together. */
export interface SegmentState {
  readonly requests: number
  /** Of the requests since it has evidence of its own. */
  readonly guardrails: Readonly<Partial<Record<Guardrail, GuardrailState>>>
}

/** JSON of bounded size, whatever values come. */
export interface Segments {
  /** By name, `zone = north`. */
  readonly seen: Readonly<Record<string, SegmentState>>
  /** Requests of segments that are rare, or came when there was no room. */
  readonly rare: SegmentState
}

/** What one request says: 1 against the challenger, 0 for it, of each guardrail in which the arms differ. */
export type Differences = readonly (readonly [Guardrail, 0 | 1])[]

const unseen: SegmentState = { requests: 0, guardrails: {} }
export const noSegments: Segments = { seen: {}, rare: unseen }

export const isJudged = ({ requests }: SegmentState): boolean => requests > rareUntil

/** Guardrails with what one request adds to them. */
export function counted<T extends SegmentState['guardrails']>(guardrails: T, differences: Differences): T {
  if (differences.length === 0) return guardrails
  const next: Partial<Record<Guardrail, GuardrailState>> = { ...guardrails }
  for (const [kind, one] of differences) {
    const { canary, all } = next[kind] ?? { canary: 0, all: 0 }
    next[kind] = { canary: canary + one, all: all + 1 }
  }
  return next as T
}

/**
 * Room for one more segment: a free place, or that of the rarest, the oldest of them, which has no evidence of its own yet. So that
 * a column of many values, each once, keeps none that comes often from being seen.
 */
function makeRoom(seen: Record<string, SegmentState>): boolean {
  const names = Object.keys(seen)
  if (names.length < maxSegments) return true
  let rarest: string | undefined
  let fewest = rareUntil
  for (const name of names) {
    const { requests } = seen[name] as SegmentState
    if (requests >= fewest) continue
    rarest = name
    fewest = requests
  }
  if (rarest === undefined) return false
  delete seen[rarest]
  return true
}

/**
 * Counts a request in each segment that its rows are in. Whether a segment is judged by itself depends on nothing but how often
 * it came before: its evidence begins anew then, and each of the tests, of which there are never more than there is room for, keeps
 * its error rate.
 */
export function withRequest(before: Segments, names: readonly string[], differences: Differences): Segments {
  if (names.length === 0) return before
  const seen: Record<string, SegmentState> = { ...before.seen }
  let isRare = false
  for (const name of names) {
    if (seen[name] === undefined && !makeRoom(seen)) {
      isRare = true
      continue
    }
    const { requests, guardrails } = seen[name] ?? unseen
    const own = requests >= rareUntil
    isRare ||= !own
    seen[name] = { requests: requests + 1, guardrails: own ? counted(guardrails, differences) : guardrails }
  }
  const { rare } = before
  return {
    seen,
    rare: isRare ? { requests: rare.requests + 1, guardrails: counted(rare.guardrails, differences) } : rare,
  }
}
