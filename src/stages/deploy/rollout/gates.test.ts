import { describe, expect, it } from 'vitest'
import { minute, Played } from '../../../../test/support/played-rollout.ts'
import { isWithin } from './hours.ts'

// What a rollout waits for besides evidence: a person, the hours, other rollouts. And what waits for none of them.

const at = (text: string): number => Date.parse(text) * 1000
const office = { from: '09:00', to: '17:00', days: ['mon', 'tue', 'wed', 'thu', 'fri'], zone: 'Europe/Berlin' } as const

describe('an approval', () => {
  it('is asked for once, when the evidence is there, and goes on with who gave it, when and why', () => {
    const rollout = new Played({ approve: ['50%', 'done'], bake: '1h' }).tick(1)
    expect([rollout.state.phase, rollout.state.weight]).toEqual(['step', 0.2])
    rollout.request('ok', 30).tick(2)
    expect(rollout.state).toMatchObject({ hold: 'approval', weight: 0.2, requests: { canary: 30 } })
    expect(rollout.verdicts).toEqual(['advanced', 'held'])
    expect(rollout.last).toMatchObject({
      rule: { name: 'approval', value: 0.5 },
      reason: 'm@2 may take 50 % of traffic when somebody approves it: millrace rollout approve api',
    })
    // no time runs out while a person is asked
    rollout.tick(100 * minute).say('approve', 101 * minute, 'looked at it')
    expect(rollout.state).toMatchObject({ hold: null, weight: 0.5, since: 101 * minute })
    expect(rollout.state.approved).toEqual([{ gate: 0.5, actor: 'ada', at: 101 * minute, reason: 'looked at it' }])
    expect(rollout.decisions.slice(-2)).toMatchObject([
      {
        verdict: 'approved',
        actor: 'ada',
        at: 101 * minute,
        reason: 'ada approved that m@2 may take 50 % of traffic: looked at it',
        rule: { name: 'command approve', value: 0.5 },
      },
      { verdict: 'advanced', actor: 'system', inputs: { approved: rollout.state.approved } },
    ])
    rollout.request('ok', 10, 'canary', 102 * minute)
    expect(rollout.state.phase).toBe('bake')
    rollout.tick(162 * minute)
    expect(rollout.state).toMatchObject({ phase: 'bake', hold: 'approval', weight: 1 })
    rollout.say('approve', 163 * minute)
    expect(rollout.verdicts.slice(-3)).toEqual(['held', 'approved', 'completed'])
  })

  it('is asked for before the first caller, also where there is no shadow', () => {
    const rollout = new Played({ approve: ['20%'] })
    expect(rollout.state).toMatchObject({ phase: 'shadow', weight: 0 })
    expect(rollout.tick(1).state).toMatchObject({ phase: 'shadow', weight: 0, hold: 'approval' })
    expect(rollout.say('approve', 2).state).toMatchObject({ phase: 'step', weight: 0.2 })
  })

  it('is taken for nothing that does not wait, and no other word stands for it', () => {
    const rollout = new Played({ approve: ['50%', '100%'] }).tick(1)
    const before = rollout.state
    expect(() => rollout.say('approve')).toThrow(/nothing waits for an approval/)
    expect(() => rollout.say('promote')).toThrow(/needs an approval before m@2 may take 50 % of traffic/)
    rollout.request('ok', 10)
    expect(() => rollout.say('resume')).toThrow(/waits for an approval/)
    expect(rollout.state).toMatchObject({ ...before, hold: 'approval', requests: { canary: 10 }, sequence: 2 })
    // what is held by hand asks again when it goes on
    expect(rollout.say('pause', 2).say('resume', 3).state.hold).toBe(null)
    expect(rollout.tick(4).state.hold).toBe('approval')
    rollout.say('approve', 6)
    expect(() => rollout.say('promote', 7)).toThrow(/may take all traffic/)
  })

  it('keeps nobody from taking back', () => {
    const waiting = (): Played => new Played({ approve: ['50%'] }).tick(1).request('ok', 10)
    expect(waiting().state.hold).toBe('approval')
    expect(waiting().request('error', 9).state.phase).toBe('rolled-back')
    expect(waiting().say('abort').state.phase).toBe('rolled-back')
    const apart = waiting().shadow(300, 0.1, 0.9)
    expect([apart.state.hold, apart.last.rule.name]).toEqual(['alarm', 'shadow disagreement'])
  })

  it('must name a step of the rollout', () => {
    expect(() => new Played({ approve: ['30%'] })).toThrow(/MR4510|30%/)
  })
})

describe('hours', () => {
  it.each([
    ['2026-11-30T08:00:00Z', true, 'Monday, 9 o’clock in winter'],
    ['2026-11-30T07:59:59Z', false, 'a second earlier'],
    ['2026-11-30T15:59:59Z', true, 'the last second'],
    ['2026-11-30T16:00:00Z', false, '17 o’clock'],
    ['2026-07-06T07:00:00Z', true, 'Monday, 9 o’clock in summer'],
    ['2026-07-06T06:59:00Z', false, 'a minute earlier'],
    ['2026-11-29T12:00:00Z', false, 'Sunday'],
    ['2026-11-29T23:30:00Z', false, 'Monday, half past midnight there'],
  ] as const)('are by the clocks of their zone: %s', (moment, open, _) => {
    expect(isWithin(office, at(moment))).toBe(open)
  })

  it('that pass midnight belong to the day on which they begin', () => {
    const night = { from: '22:00', to: '04:00', days: ['fri'], zone: 'UTC' } as const
    const open = (text: string): boolean => isWithin(night, at(text))
    // 4 December 2026 is a Friday
    expect(['2026-12-04T22:00:00Z', '2026-12-05T03:59:00Z'].map(open)).toEqual([true, true])
    expect(['2026-12-04T03:00:00Z', '2026-12-05T04:00:00Z', '2026-12-05T22:00:00Z'].map(open)).toEqual([
      false,
      false,
      false,
    ])
    expect(isWithin({ ...night, days: ['sun'], to: '24:00' }, at('2026-12-06T23:59:59Z'))).toBe(true)
    expect(isWithin({ ...night, days: ['sun'] }, at('2026-12-07T01:00:00Z'))).toBe(true)
  })

  it('keep traffic from rising, not from being taken back, nor a bake from ending', () => {
    const evening = at('2026-11-30T16:30:00Z')
    const rollout = new Played({ hours: office, bake: '1h' }, evening).tick(evening)
    expect(rollout.state).toMatchObject({ phase: 'shadow', hold: 'hours', weight: 0 })
    expect(rollout.last.reason).toBe(
      'm@2 is ready to take 20 % of traffic, which is done 09:00–17:00 on mon, tue, wed, thu, fri (Europe/Berlin); it goes on then',
    )
    rollout.tick(at('2026-12-01T07:59:59Z'))
    expect(rollout.verdicts).toEqual(['held'])
    const morning = at('2026-12-01T08:00:00Z')
    rollout.tick(morning)
    expect(rollout.state).toMatchObject({ phase: 'step', weight: 0.2, hold: null, since: morning })
    rollout.request('ok', 10, 'canary', morning + 1).request('ok', 10, 'canary', at('2026-12-01T15:59:59Z'))
    expect(rollout.state.phase).toBe('bake')
    expect(rollout.tick(at('2026-12-01T17:00:00Z')).state.phase).toBe('done')
    const bad = new Played({ hours: office }, evening).tick(evening).request('error', 9, 'canary', evening)
    expect(bad.state.phase).toBe('rolled-back')
    // an operator's word goes before them
    expect(new Played({ hours: office }, evening).say('promote', evening).state.phase).toBe('bake')
  })

  it('come after the approval, which may be given at night', () => {
    const night = at('2026-11-30T22:00:00Z')
    const rollout = new Played({ hours: office, approve: ['20%'] }, night).tick(night).say('approve', night + 1)
    expect(rollout.verdicts).toEqual(['held', 'approved', 'held'])
    expect(rollout.state).toMatchObject({ hold: 'hours', weight: 0 })
    expect(rollout.tick(at('2026-12-01T09:00:00Z')).state.weight).toBe(0.2)
  })
})

describe('rollouts of other deployments', () => {
  it('keep traffic from rising as long as they run', () => {
    const rollout = new Played({ after: ['db', 'web'] }).send({ type: 'rolling', at: 1, deployments: ['db'] }).tick(1)
    expect(rollout.state).toMatchObject({ phase: 'shadow', hold: 'after' })
    expect(rollout.last).toMatchObject({
      verdict: 'held',
      reason: 'm@2 is ready to take 20 % of traffic, and waits for the end of the rollout of db',
      rule: { name: 'after', value: ['db'] },
    })
    rollout.send({ type: 'rolling', at: 2, deployments: [] }).tick(2).request('ok', 10, 'canary', 3)
    expect(rollout.state).toMatchObject({ weight: 0.5, hold: null })
    rollout.send({ type: 'rolling', at: 4, deployments: ['web'] }).request('ok', 10, 'canary', 5)
    expect(rollout.state).toMatchObject({ phase: 'step', hold: 'after' })
    expect(rollout.say('promote', 6).state.phase).toBe('bake')
  })
})
