import { describe, expect, it } from 'vitest'
import { micros } from '../../../internal/time.ts'
import { decideRetrain, noRetrains, type RetrainEvidence, type RetrainPolicy, type RetrainState } from './retrain.ts'

const now = 100 * micros('1d')
const policy: RetrainPolicy = {
  model: 'lateness',
  on: ['drift', 'performance', 'data'],
  driftWindows: 2,
  minNewLabels: 1000,
  cooldown: '24h',
  maxPerWeek: 3,
}
const drift: RetrainEvidence = {
  trigger: 'drift',
  reason: 'city drifted',
  windows: 2,
  newLabels: 1000,
  evidence: ['r'],
}
const because = (trigger: RetrainEvidence['trigger'], more: Partial<RetrainEvidence> = {}): RetrainEvidence => ({
  ...drift,
  trigger,
  windows: 0,
  newLabels: 0,
  ...more,
})
const ago = (...times: readonly number[]): RetrainState => ({ active: null, fired: times.map(time => now - time) })
const [day, week] = [micros('1d'), micros('7d')]

/** Each rule with what just does not start a retrain, and what just does. */
const rules: readonly [
  rule: string,
  no: readonly [RetrainEvidence, RetrainState?],
  yes: readonly [RetrainEvidence, RetrainState?],
][] = [
  ['persistence', [{ ...drift, windows: 1 }], [{ ...drift, windows: 2 }]],
  ['new labels', [{ ...drift, newLabels: 999 }], [{ ...drift, newLabels: 1000 }]],
  ['cooldown', [drift, ago(day - 1)], [drift, ago(day)]],
  ['cooldown', [because('performance'), ago(day - 1)], [because('performance'), ago(day)]],
  ['cooldown', [because('data'), ago(day - 1)], [because('data'), ago(day)]],
  // a scheduled one counts for the cool-down
  ['cooldown', [drift, { ...ago(), scheduled: now - day + 1 }], [drift, { ...ago(), scheduled: now - day }]],
  ['storm guard', [drift, ago(week - 1, 3 * day, day)], [drift, ago(week, 3 * day, day)]],
  ['one at a time', [because('schedule'), { ...ago(), active: 'd' }], [because('schedule'), ago()]],
  ['one rollout at a time', [drift, { ...ago(), active: 'd', waits: 'it waits' }], [drift]],
  ['one rollout at a time', [{ ...drift, tried: 'lateness@2' }], [because('data', { tried: 'lateness@2' })]],
  ['one rollout at a time', [because('performance', { tried: 'm@2' })], [because('schedule', { tried: 'm@2' })]],
  ['data', [because('data', { refused: 'rows are bad' })], [because('data')]],
]

describe('a retrain', () => {
  const decided = ([seen, state = noRetrains]: readonly [RetrainEvidence, RetrainState?]) =>
    decideRetrain(policy, state, seen, now)

  it.each(rules)('%s', (rule, no, yes) => {
    expect(decided(no)).toMatchObject({ verdict: 'suppressed', rule: { name: rule } })
    expect(decided(no).reason).toMatch(/^no retrain: .+ \(city drifted\)$/)
    expect(decided(yes)).toMatchObject({ verdict: 'fired', rule: { name: yes[0].trigger }, reason: 'city drifted' })
  })

  it('is started by what the monitor names, and by the schedule always', () => {
    const only = { ...policy, on: ['performance'] as const }
    const verdict = (trigger: RetrainEvidence['trigger']) => decideRetrain(only, noRetrains, { ...drift, trigger }, now)
    expect(verdict('drift')).toMatchObject({ verdict: 'suppressed', rule: { name: 'trigger' } })
    expect(verdict('data')).toMatchObject({ verdict: 'suppressed', rule: { name: 'trigger' } })
    expect(verdict('performance').verdict).toBe('fired')
    expect(verdict('schedule').verdict).toBe('fired')
  })

  it('that is scheduled is held back by no cool-down and no weekly limit', () => {
    expect(decided([because('schedule'), ago(3, 2, 1)]).verdict).toBe('fired')
  })

  it('has the defaults of the guide: a day, three a week', () => {
    const bare: RetrainPolicy = { model: 'm', on: ['data'] }
    const rule = (state: RetrainState) => decideRetrain(bare, state, because('data'), now).rule.name
    expect([rule(ago(day - 1)), rule(ago(day))]).toEqual(['cooldown', 'data'])
    expect([rule(ago(6 * day, 4 * day, 2 * day)), rule(ago(6 * day, 2 * day))]).toEqual(['storm guard', 'data'])
  })
})
