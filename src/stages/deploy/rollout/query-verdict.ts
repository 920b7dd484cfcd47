import type { ResolvedQuery } from '../../../define/canary.ts'
import type { RolloutState } from './state.ts'
import { short } from './words.ts'

/** A query as it stands. */
export interface QueryStanding {
  readonly name: string
  readonly min: number | null
  readonly max: number | null
  readonly value: number | null
  readonly at: number | null
  /** Answers in a row beyond a limit, and how many take the challenger back. */
  readonly failures: number
  readonly allowed: number
  /** `open`: it has said nothing since the step began. */
  readonly verdict: 'holds' | 'beyond' | 'open'
  readonly says: string
}

export const isBeyond = ({ min, max }: ResolvedQuery, value: number): boolean =>
  (min !== null && value < min) || (max !== null && value > max)

export const limitsInWords = ({ min, max }: Pick<ResolvedQuery, 'min' | 'max'>): string =>
  [...(min === null ? [] : [`at least ${short(min)}`]), ...(max === null ? [] : [`at most ${short(max)}`])].join(
    ' and ',
  )

type Known = Pick<RolloutState, 'config' | 'queries' | 'since'>

/** All queries as they stand. An answer of before the step, the one that began it too, speaks of less traffic than there is now. */
export function queryStandings({ config, queries, since }: Known): readonly QueryStanding[] {
  return Object.entries(config.queries).map(([name, query]) => {
    const { min, max, failures: allowed } = query
    const last = queries[name]
    const value = last?.value ?? null
    const isOpen = last === undefined || value === null || last.at <= since
    const says = isOpen
      ? last?.value === null
        ? `it says nothing${last.reason === undefined ? '' : `, ${last.reason}`}`
        : 'it was not answered since the challenger has so much traffic'
      : `it is ${short(value)}, ${limitsInWords(query)} is promised`
    const verdict = isOpen ? 'open' : isBeyond(query, value) ? 'beyond' : 'holds'
    return { name, min, max, value, at: last?.at ?? null, failures: last?.failures ?? 0, allowed, verdict, says }
  })
}

/** Those of which it is not known that they hold. */
export const openQueries = (state: Known): readonly QueryStanding[] =>
  queryStandings(state).filter(one => one.verdict !== 'holds')
