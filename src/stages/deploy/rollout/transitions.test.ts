import { describe, expect, it } from 'vitest'
import { minute, Played } from '../../../../test/support/played-rollout.ts'

// Every transition of a rollout with its "no" one step before its "yes". Limits are worked out here by hand or from the
// formula of the paper, not taken from the code.

describe('guardrails', () => {
  // Of k slow answers, all from the canary at weight w, the e-value is the product of (10w + i) / ((10 + i) w), i < k.
  // 5 of 5 %: 1 · 2.727 · 4.167 · 5.385 · 6.429 = 393.4, not yet 4 / 0.01; the sixth gives 2,885.
  it.each([
    ['1%', 4],
    ['5%', 6],
    ['20%', 9],
  ] as const)('at %s it takes exactly %i slow answers to roll back', (step, most) => {
    const played = new Played({ steps: [step], minRequests: 1000 }).request('slow', most - 1)
    expect(played.verdicts).toEqual([])
    expect(played.request('slow').verdicts).toEqual(['rolled-back'])
    expect(played.last.rule).toMatchObject({ name: 'guardrail slow', statistic: 'ln E' })
    expect(played.last.actor).toBe('system')
    expect(played.last.rule.threshold).toBeCloseTo(Math.log(400), 12)
    expect(played.last.reason).toBe(
      `100 % of the ${most} answers that were 'slow' came from m@2, which has ${step.slice(0, -1)} % of the traffic`,
    )
    expect(played.state).toMatchObject({ phase: 'rolled-back', weight: 0 })
  })

  it('share alpha: alone, a guardrail needs one answer less at 5 %', () => {
    const config = { steps: ['5%'], minRequests: 1000, guardrails: ['slow'] } as const
    expect(new Played(config).request('slow', 4).verdicts).toEqual([])
    expect(new Played(config).request('slow', 5).verdicts).toEqual(['rolled-back'])
    expect(new Played({ ...config, alpha: 0.001 }).request('slow', 5).verdicts).toEqual([])
  })

  it('do not look at outcomes that were not named', () => {
    expect(new Played({ minRequests: 1000, guardrails: ['error'] }).request('slow', 500).verdicts).toEqual([])
  })

  it('say nothing against a canary that has less than its share, however clear the split is', () => {
    const played = new Played({ steps: ['50%'], minRequests: 1000 }).request('slow', 60, 'stable')
    expect(played.request('slow').verdicts).toEqual([])
  })

  it('each kind counts for itself', () => {
    const played = new Played({ steps: ['5%'], minRequests: 1000 })
    for (const kind of ['slow', 'timeout', 'invalid', 'error'] as const) played.request(kind, 4).request('ok', 1)
    expect(played.verdicts).toEqual([])
    expect(played.state.guardrails).toEqual(
      Object.fromEntries(
        ['error', 'timeout', 'invalid', 'slow'].map(kind => [kind, { canary: 4, all: 4, carried: 0 }]),
      ),
    )
  })

  it('carry what speaks against the canary over the steps', () => {
    // 5 of 5 at 5 %: E = 393.4. In the next step one is neutral (E · 1), the second of 20 % gives · 3/11/0.2
    const config = { steps: ['5%', '20%'], minRequests: 6 } as const
    const played = new Played(config).request('slow', 5).request('ok')
    expect(played.state).toMatchObject({ step: 1, weight: 0.2, requests: { stable: 0, canary: 0 } })
    expect(Math.exp(played.state.guardrails.slow.carried)).toBeCloseTo(393.356643, 5)
    expect(played.request('slow').verdicts).toEqual(['advanced'])
    expect(played.request('slow').verdicts).toEqual(['advanced', 'rolled-back'])
    // none of it is there when the step before was quiet
    expect(new Played(config).request('ok', 6).request('slow', 5).verdicts).toEqual(['advanced'])
  })

  it('count in the steps only: a challenger that takes all traffic has nobody to be compared with', () => {
    const played = new Played({ steps: ['50%'] }).request('ok', 10).request('slow', 500)
    expect(played.verdicts).toEqual(['promoted'])
    expect(played.state).toMatchObject({ phase: 'bake', weight: 1 })
  })
})

describe('the hard stop', () => {
  it.each(['error', 'timeout', 'invalid'] as const)('comes with the fifth %s in a row, not with the fourth', kind => {
    const config = { guardrails: [], minRequests: 1000 }
    expect(new Played(config).request(kind, 4).verdicts).toEqual([])
    const played = new Played(config).request(kind, 5)
    expect(played.verdicts).toEqual(['rolled-back'])
    expect(played.last.rule).toEqual({
      name: 'hard stop',
      statistic: 'consecutive canary errors',
      value: 5,
      threshold: 5,
    })
  })

  it('begins anew after an answer that came, slow or not, and does not count what stable does', () => {
    const config = { guardrails: [], minRequests: 1000 }
    for (const good of ['ok', 'slow'] as const)
      expect(new Played(config).request('error', 4).request(good).request('error', 4).verdicts).toEqual([])
    expect(new Played(config).request('error', 4).request('error', 9, 'stable').verdicts).toEqual([])
    expect(new Played(config).request('error', 4).request('ok', 1, 'stable').request('error').verdicts).toEqual([
      'rolled-back',
    ])
  })

  it('works in shadow, while held and during the bake', () => {
    expect(new Played({ shadowRows: 100 }).request('error', 5).verdicts).toEqual(['rolled-back'])
    expect(new Played().say('pause').request('error', 5).verdicts).toEqual(['held', 'rolled-back'])
    expect(new Played({ steps: ['50%'] }).request('ok', 10).request('error', 5).verdicts).toEqual([
      'promoted',
      'rolled-back',
    ])
  })
})

describe('steps', () => {
  it('go on with the last request that is needed, of the canary alone, and count anew', () => {
    const played = new Played().request('ok', 100, 'stable').request('ok', 9)
    expect([played.verdicts, played.state.requests]).toEqual([[], { stable: 100, canary: 9 }])
    played.request('ok')
    expect(played.state).toMatchObject({ step: 1, weight: 0.5, since: 1, requests: { stable: 0, canary: 0 } })
    expect(played.last).toMatchObject({
      verdict: 'advanced',
      kind: 'rollout',
      subject: 'deployment api',
      reason: '10 requests at 20 % and no guardrail alarms',
      rule: { name: 'guardrails', statistic: 'canary requests', value: 10, threshold: 10 },
      evidence: ['model:m@2', 'model:m@1'],
      actor: 'system',
      inputs: { phase: 'step', weight: 0.2, requests: { stable: 100, canary: 10 } },
    })
    expect(played.request('ok', 9).verdicts).toEqual(['advanced'])
    expect(played.request('ok').verdicts).toEqual(['advanced', 'promoted'])
    expect(played.last.reason).toBe(
      'all steps passed their guardrails; labels are advisory and 0 labelled rows speak not against it',
    )
    expect(played.last.rule).toEqual({ name: 'guardrails', statistic: 'canary requests', value: 10, threshold: 10 })
  })

  it('shadow ends with its last row, and nothing is a request of the canary before', () => {
    const played = new Played({ shadowRows: 100 }).shadow(99, 0.4, 0.4)
    expect([played.verdicts, played.state.weight, played.state.phase]).toEqual([[], 0, 'shadow'])
    played.shadow(1, 0.4, 0.4)
    expect(played.state).toMatchObject({ phase: 'step', step: 0, weight: 0.2 })
    expect(played.last).toMatchObject({
      verdict: 'advanced',
      rule: { name: 'shadow', statistic: 'rows', value: 100, threshold: 100 },
      reason: 'm@2 scored 100 rows beside m@1 without an alarm',
    })
  })

  it('the bake takes its hour, not a minute less, and ends without anybody', () => {
    const played = new Played({ steps: ['50%'] }).request('ok', 10, 'canary', 5 * minute).tick(65 * minute - 1)
    expect(played.verdicts).toEqual(['promoted'])
    played.tick(65 * minute)
    expect(played.verdicts).toEqual(['promoted', 'completed'])
    expect(played.state).toMatchObject({ phase: 'done', weight: 1 })
    expect(played.last).toMatchObject({
      reason: 'm@2 has served all traffic since 1970-01-01T00:05:00Z without an alarm',
      rule: { name: 'bake', statistic: 'microseconds', value: 60 * minute, threshold: 60 * minute },
    })
  })

  it('a paused bake does not end', () => {
    const played = new Played({ steps: ['50%'] })
      .request('ok', 10)
      .say('pause')
      .tick(500 * minute)
    expect(played.verdicts).toEqual(['promoted', 'held'])
    expect(played.say('resume', 500 * minute).tick(559 * minute).state.phase).toBe('bake')
    expect(played.tick(560 * minute).state.phase).toBe('done')
  })
})

describe('waiting', () => {
  it('is held at thirty minutes, once, and says what is missing', () => {
    const played = new Played().request('ok', 3).tick(30 * minute - 1)
    expect(played.verdicts).toEqual([])
    played
      .tick(30 * minute)
      .tick(31 * minute)
      .tick(300 * minute)
    expect(played.verdicts).toEqual(['held'])
    expect(played.state).toMatchObject({ hold: 'timeout', phase: 'step', weight: 0.2 })
    expect(played.last.reason).toBe('time has run out with 3 of 10 canary requests; it goes on when they arrive')
    expect(played.last.rule).toEqual({
      name: 'time',
      statistic: 'microseconds',
      value: 30 * minute,
      threshold: 30 * minute,
    })
    expect(new Played({ shadowRows: 50 }).shadow(7, 0.5, 0.5).tick(30 * minute).last.reason).toContain(
      '7 of 50 shadow rows',
    )
    const labels = new Played({ steps: ['50%'], labels: 'required' }).request('ok', 10).labels([1, 1], [1, 1])
    expect(labels.tick(30 * minute).last.reason).toContain('labels that decide: 2 rows so far')
  })

  it('is what the clock says: requests of stable ask nobody', () => {
    const played = new Played().request('ok', 3, 'stable', 40 * minute).request('ok', 3, 'canary', 40 * minute)
    expect(played.verdicts).toEqual([])
    expect(played.tick(40 * minute).verdicts).toEqual(['held'])
  })

  it('resume begins the wait anew', () => {
    const played = new Played().tick(30 * minute).say('resume', 100 * minute)
    expect(played.state.hold).toBeNull()
    played.tick(100 * minute + 1).tick(130 * minute - 1)
    expect(played.verdicts).toEqual(['held', 'resumed'])
    expect(played.tick(130 * minute).verdicts).toEqual(['held', 'resumed', 'held'])
  })

  it('each step has its own', () => {
    const played = new Played().request('ok', 10, 'canary', 29 * minute).tick(58 * minute)
    expect(played.verdicts).toEqual(['advanced'])
    expect(played.tick(59 * minute).verdicts).toEqual(['advanced', 'held'])
  })

  it('what was held by time goes on by itself; what a person or an alarm holds does not', () => {
    const byTime = new Played().tick(30 * minute).request('ok', 10, 'canary', 40 * minute)
    expect(byTime.verdicts).toEqual(['held', 'advanced'])
    expect(byTime.state.hold).toBeNull()
    const paused = new Played()
      .say('pause')
      .request('ok', 100)
      .tick(500 * minute)
    expect([paused.verdicts, paused.state.hold]).toEqual([['held'], 'paused'])
    expect(paused.say('resume', 500 * minute).tick(500 * minute).verdicts).toEqual(['held', 'resumed', 'advanced'])
  })
})

describe('commands', () => {
  it('are recorded with who gave them', () => {
    const played = new Played().say('pause', 2).say('resume', 3).say('promote', 4).say('abort', 5)
    expect(played.decisions.map(one => [one.verdict, one.rule, one.actor, one.at, one.reason])).toEqual([
      ['held', { name: 'command pause' }, 'ada', 2, 'ada paused the rollout of m@2'],
      ['resumed', { name: 'command resume' }, 'ada', 3, 'ada let the rollout of m@2 go on'],
      ['promoted', { name: 'command promote' }, 'ada', 4, 'ada promoted m@2 by hand'],
      ['rolled-back', { name: 'command abort' }, 'ada', 5, 'ada aborted the rollout of m@2'],
    ])
    expect(played.state).toMatchObject({ phase: 'rolled-back', weight: 0, sequence: 4 })
    expect(new Set(played.decisions.map(one => one.id)).size).toBe(4)
  })

  it('that change nothing record nothing', () => {
    expect(new Played().say('resume').verdicts).toEqual([])
    expect(new Played().say('promote').say('promote').verdicts).toEqual(['promoted'])
  })

  it('are refused at the end, where every other event is let pass', () => {
    const over = new Played().say('abort')
    for (const command of ['promote', 'abort', 'pause', 'resume'] as const)
      expect(() => over.say(command)).toThrow(expect.objectContaining({ code: 'MR4511' }))
    const { state } = over
    over
      .request('error', 9)
      .tick(99 * minute)
      .labels([1], [2])
      .shadow(1, 0, Number.NaN)
    expect(over.state).toBe(state)
    const done = new Played({ steps: ['50%'] }).request('ok', 10).tick(60 * minute + 1)
    expect(done.state.phase).toBe('done')
    expect(() => done.say('abort')).toThrow(/done/)
  })
})
