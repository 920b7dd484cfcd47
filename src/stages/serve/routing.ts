import { headline, type Score } from '../../math/metrics/row-loss.ts'
import { route } from '../deploy/rollout/index.ts'
import type { PredictRequest } from './types.ts'

/** What keeps a caller on one arm: what the caller says, the value of the sticky column, or nothing but the call itself. */
export function keyOf(
  request: { readonly id: string; readonly key?: string; readonly row: Readonly<Record<string, unknown>> },
  stickyBy: string | undefined,
): string {
  return callerOf(request, stickyBy) ?? request.id
}

/** Who is kept on one arm; undefined where each call is drawn by itself. */
export function callerOf(
  { key, row }: { readonly key?: string; readonly row: Readonly<Record<string, unknown>> },
  stickyBy: string | undefined,
): string | undefined {
  const value = key ?? (stickyBy === undefined ? undefined : row[stickyBy])
  return value === null || value === undefined ? undefined : String(value)
}

/** By what rows are divided between the arms. */
export interface Division {
  readonly salt: string
  /** Share of the challenger. */
  readonly weight: number
}

export function armOf(
  division: Division | undefined,
  request: PredictRequest & { readonly id: string },
  stickyBy: string | undefined,
): 'stable' | 'canary' {
  if (!division) return 'stable'
  if (request.arm !== undefined) return request.arm
  return division.weight > 0 ? route(division.salt, keyOf(request, stickyBy), division.weight) : 'stable'
}

/** Who answers a row. */
export interface Answer {
  readonly score: Score
  /** Stable answered for a challenger that could not. */
  readonly fallback: boolean
}

/** The answer of one row: by its arm, by stable where the challenger has none that can be used; undefined where neither has one. */
export function answerOf(
  arm: 'stable' | 'canary',
  own: Score | undefined,
  challenger: Score | undefined,
): Answer | undefined {
  if (arm === 'canary' && challenger !== undefined && Number.isFinite(headline(challenger)))
    return { score: challenger, fallback: false }
  return own === undefined ? undefined : { score: own, fallback: arm === 'canary' }
}
