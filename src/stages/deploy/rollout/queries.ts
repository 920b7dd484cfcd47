import { fail } from '../../../errors/index.ts'
import { proceed } from './proceed.ts'
import { isBeyond, limitsInWords } from './query-verdict.ts'
import type { QueryEvent, RolloutState } from './state.ts'
import { type Transition, rollBack } from './transition.ts'
import { short } from './words.ts'

/** Takes an answer; so many beyond a limit in a row take the challenger back. */
export function onQuery(state: RolloutState, { at, name, value, reason }: QueryEvent): Transition {
  const { config } = state
  const query = config.queries[name]
  if (!query) throw fail('rolloutEvent', { event: 'query', reason: `no query is called ${name}` })
  const before = state.queries[name]?.failures ?? 0
  const failures = value === null ? before : isBeyond(query, value) ? before + 1 : 0
  const answer = { at, value, failures, ...(reason === undefined ? {} : { reason }) }
  const next = { ...state, queries: { ...state.queries, [name]: answer } }
  if (value === null || failures < query.failures) return proceed(next, at)
  const rule = { name: 'query', statistic: name, value, threshold: [query.min, query.max] }
  const times = failures === 1 ? '' : `, ${failures} times in a row beyond it`
  return rollBack(
    next,
    at,
    `${name} is ${short(value)} with ${config.challenger}, ${limitsInWords(query)} is promised${times}`,
    rule,
  )
}
