import { logPairedEvents } from '../../../math/sequential/paired-events.ts'
import { isJudged, maxSegments, type SegmentState } from './segments.ts'
import type { Guardrail, GuardrailState, ResolvedConfig, RolloutState } from './state.ts'

const logOf = ({ canary, all }: GuardrailState): number => logPairedEvents(canary, all - canary)

/** Logarithm of the e-value of one guardrail over the whole rollout. */
export const logE = ({ guardrails }: Pick<RolloutState, 'guardrails'>, kind: Guardrail): number =>
  logOf(guardrails[kind])

type GuardrailConfig = Pick<ResolvedConfig, 'guardrails' | 'alpha' | 'segments'>

/** The part of alpha that one guardrail has: half is for errors, the rest is shared by what else can alarm. */
function shareOf({ guardrails }: GuardrailConfig, kind: Guardrail): number {
  const errors = guardrails.includes('error') && guardrails.length > 1
  return !errors ? 1 / guardrails.length : kind === 'error' ? 0.5 : 0.5 / (guardrails.length - 1)
}

/** The value of `logE` that rolls back. Where segments are declared, half of alpha is theirs. */
export function limitOf(config: GuardrailConfig, kind: Guardrail): number {
  return -Math.log(config.alpha * shareOf(config, kind) * (config.segments ? 0.5 : 1))
}

/** The same within one segment: as many as are ever judged by themselves share that half with the rare ones. */
export function segmentLimitOf(config: GuardrailConfig, kind: Guardrail): number {
  return -Math.log((config.alpha * shareOf(config, kind) * 0.5) / (maxSegments + 1))
}

/** One guardrail within one segment. */
export interface SegmentStanding {
  /** Undefined: the rare segments together. */
  readonly segment: string | undefined
  readonly kind: Guardrail
  /** Requests of it in all. */
  readonly requests: number
  readonly canary: number
  readonly all: number
  readonly logE: number
  readonly limit: number
}

function standingsOf(
  config: GuardrailConfig,
  segment: string | undefined,
  { requests, guardrails }: SegmentState,
  kinds: readonly Guardrail[],
): SegmentStanding[] {
  return kinds.flatMap(kind => {
    const counts = guardrails[kind]
    if (!counts) return []
    return [{ segment, kind, requests, ...counts, logE: logOf(counts), limit: segmentLimitOf(config, kind) }]
  })
}

const nearestFirst = (a: SegmentStanding, b: SegmentStanding): number => b.logE / b.limit - a.logE / a.limit

type WithSegments = Pick<RolloutState, 'config' | 'segments'>

/** Every guardrail of every segment that something is known of, nearest to its limit first. */
export function segmentStandings({ config, segments }: WithSegments): readonly SegmentStanding[] {
  if (!segments) return []
  const judged = Object.entries(segments.seen).filter(([, one]) => isJudged(one))
  return [...judged, [undefined, segments.rare] as const]
    .flatMap(([segment, one]) => standingsOf(config, segment, one, config.guardrails))
    .toSorted(nearestFirst)
}

/** The guardrail of the named segments, or of the rare ones, that takes the challenger back: of several the one with the most evidence. */
export function brokenSegment(
  { config, segments }: WithSegments,
  names: readonly string[],
  kinds: readonly Guardrail[],
): SegmentStanding | undefined {
  if (!segments) return undefined
  const judged = names.flatMap((name): [string, SegmentState][] => {
    const one = segments.seen[name]
    return one && isJudged(one) ? [[name, one]] : []
  })
  return [...judged, [undefined, segments.rare] as const]
    .flatMap(([segment, one]) => standingsOf(config, segment, one, kinds))
    .filter(one => one.logE >= one.limit)
    .toSorted(nearestFirst)[0]
}

/** Lines of segments that people are shown, besides the rare ones. */
const shownSegments = 8

/** What people are shown of segments: the nearest to their limits, and always what is judged together. */
export function shownStandings(state: WithSegments): {
  readonly shown: readonly SegmentStanding[]
  readonly hidden: number
} {
  const all = segmentStandings(state)
  const nearest = all.slice(0, shownSegments)
  const rare = nearest.some(one => one.segment === undefined) ? undefined : all.find(one => one.segment === undefined)
  const shown = rare ? [...nearest, rare] : nearest
  return { shown, hidden: all.length - shown.length }
}

/** A segment as people read it. */
export const segmentInWords = (segment: string | undefined): string => segment ?? 'rare segments together'
