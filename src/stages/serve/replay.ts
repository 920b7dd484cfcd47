import type { Decision } from '../../define/decision.ts'
import type { Micros } from '../../internal/time.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { advanceContest, type ContestEvent, type ContestState } from '../deploy/contest/index.ts'
import { advance } from '../deploy/rollout/index.ts'
import type { LogEntry } from './rollout-log.ts'

/** A decision of a rollout, as it was recorded and as its events make it again. */
export interface ReplayedDecision {
  readonly at: Micros
  readonly verdict: string
  readonly rule: string
  /** `missing`: it was made and is not recorded. `unfounded`: it is recorded and the events do not make it. */
  readonly found: 'agrees' | 'differs' | 'missing' | 'unfounded'
}

type Advance<S, E> = (state: S, event: E) => { readonly state: S; readonly decisions: readonly Decision[] }

/** Plays events again, from every state that was kept on. */
function replay<S, E>(entries: readonly LogEntry<S, E>[], move: Advance<S, E>): readonly Decision[] {
  let state: S | undefined
  const decisions: Decision[] = []
  for (const entry of entries) {
    if ('state' in entry) {
      state = entry.state
      continue
    }
    if (!state) continue
    const advanced = move(state, entry.event)
    state = advanced.state
    decisions.push(...advanced.decisions)
  }
  return decisions
}

function same(one: Decision, other: Decision): boolean {
  const of = ({ verdict, rule, at, subject, actor }: Decision): string =>
    JSON.stringify([verdict, rule.name, rule.statistic, rule.value, rule.threshold, at, subject, actor])
  return of(one) === of(other)
}

type Store = Pick<MetadataStore, 'listDecisions'>

/** Makes every decision of a deployment's rollouts again and holds it to what is recorded. */
export const replayed = (
  store: Store,
  deployment: string,
  entries: readonly LogEntry[],
): Promise<readonly ReplayedDecision[]> =>
  held(entries, replay(entries, advance), store.listDecisions({ kind: 'rollout', subject: `deployment ${deployment}` }))

/** The same of its contests. */
export const replayedContests = (
  store: Store,
  deployment: string,
  entries: readonly LogEntry<ContestState, ContestEvent>[],
): Promise<readonly ReplayedDecision[]> =>
  held(
    entries,
    replay(entries, advanceContest),
    store.listDecisions({ kind: 'contest', subject: `deployment ${deployment}` }),
  )

async function held(
  entries: readonly LogEntry<unknown, { readonly at: Micros }>[],
  made: readonly Decision[],
  records: Promise<readonly Decision[]>,
): Promise<readonly ReplayedDecision[]> {
  const recorded = await records
  const told = (one: Decision, found: ReplayedDecision['found']): ReplayedDecision => ({
    at: one.at,
    verdict: one.verdict,
    rule: one.rule.name,
    found,
  })
  const byId = new Map(recorded.map(one => [one.id, one]))
  const again = new Set(made.map(one => one.id))
  const times = entries.flatMap(entry => ('event' in entry ? [entry.event.at] : []))
  const [first = Number.POSITIVE_INFINITY, last = 0] = [times[0], times.at(-1)]
  return [
    ...made.map(one => {
      const record = byId.get(one.id)
      return told(one, record ? (same(one, record) ? 'agrees' : 'differs') : 'missing')
    }),
    ...recorded
      .filter(one => !again.has(one.id) && one.at >= first && one.at <= last)
      .map(one => told(one, 'unfounded')),
  ].toSorted((a, b) => a.at - b.at)
}
