import { headline, type Score } from '../../math/metrics/row-loss.ts'
import type { Clock } from '../../ports/clock.ts'
import type { InferenceResult } from '../../ports/inference-runtime.ts'
import { route } from '../deploy/rollout/index.ts'

/** What a challenger made of a call: its scores, or why there are none. */
export type Challenged = { readonly scores: Float32Array } | { readonly missing: 'error' | 'timeout' }

/** Milliseconds that a challenger has at least, once stable has answered; and how many times what stable took. */
const leastWait = 1_000
const patience = 4

/**
 * A challenger's answer, waited for no longer than callers can be asked to: they get stable's, whatever becomes of it. `took`
 * is what stable took, in milliseconds: large calls take both models longer.
 */
export async function inTime(
  run: Promise<InferenceResult>,
  took: number,
  clock: Pick<Clock, 'sleep'>,
  failed: (reason: unknown) => void,
): Promise<Challenged> {
  const stop = new AbortController()
  const wait = Math.max(leastWait, patience * took)
  try {
    return await Promise.race([
      run,
      clock.sleep(wait, stop.signal).then((): Challenged => {
        failed(`no answer ${wait} ms after stable's`)
        return { missing: 'timeout' }
      }),
    ])
  } catch (error) {
    failed(error)
    return { missing: 'error' }
  } finally {
    stop.abort()
  }
}

/** What keeps a caller on one arm: what the caller says, the value of the sticky column, or nothing but the call itself. */
export function keyOf(
  { id, key, row }: { readonly id: string; readonly key?: string; readonly row: Readonly<Record<string, unknown>> },
  stickyBy: string | undefined,
): string {
  const value = key ?? (stickyBy === undefined ? undefined : row[stickyBy])
  return value === null || value === undefined ? id : String(value)
}

/** Who answers a row, and what the rollout hears of it. */
export interface Answer {
  /** The arm that the row was given to. */
  readonly arm: 'stable' | 'canary'
  readonly score: Score
  readonly outcome: 'ok' | 'error' | 'timeout' | 'invalid'
  /** Stable answered for a challenger that could not. */
  readonly fallback: boolean
}

/** The answer of one row: by the arm of its key, by stable where the challenger has none that can be used. */
export function answerOf(
  of: { readonly deployment: string; readonly key: string; readonly weight: number },
  own: Score,
  challenged: { readonly score: Score } | { readonly missing: 'timeout' | 'error' } | undefined,
): Answer {
  if (challenged === undefined || of.weight <= 0 || route(of.deployment, of.key, of.weight) === 'stable')
    return { arm: 'stable', score: own, outcome: 'ok', fallback: false }
  if ('missing' in challenged) return { arm: 'canary', score: own, outcome: challenged.missing, fallback: true }
  const { score } = challenged
  if (!Number.isFinite(headline(score))) return { arm: 'canary', score: own, outcome: 'invalid', fallback: true }
  return { arm: 'canary', score, outcome: 'ok', fallback: false }
}
