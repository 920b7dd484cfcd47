import type { Decision } from '../../define/decision.ts'
import type { Micros } from '../../internal/time.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { advance, type RolloutState } from '../deploy/rollout/index.ts'
import type { LogEntry } from './rollout-log.ts'

/** A decision of a rollout, as it was recorded and as its events make it again. */
export interface Replayed {
  readonly at: Micros
  readonly verdict: string
  readonly rule: string
  /** `missing`: it was made and is not recorded. `unfounded`: it is recorded and the events do not make it. */
  readonly found: 'agrees' | 'differs' | 'missing' | 'unfounded'
}

/** Plays the events of rollouts again, from every state that was kept on. */
export function replay(entries: readonly LogEntry[]): readonly Decision[] {
  let state: RolloutState | undefined
  const decisions: Decision[] = []
  for (const entry of entries) {
    if ('state' in entry) {
      state = entry.state
      continue
    }
    if (!state) continue
    const advanced = advance(state, entry.event)
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

/** Makes every decision of a deployment's rollouts again and holds it to what is recorded. */
export async function replayed(
  store: Pick<MetadataStore, 'listDecisions'>,
  deployment: string,
  entries: readonly LogEntry[],
): Promise<readonly Replayed[]> {
  const made = replay(entries)
  const recorded = await store.listDecisions({ kind: 'rollout', subject: `deployment ${deployment}` })
  const told = (one: Decision, found: Replayed['found']): Replayed => ({
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
