import { describe, expect, it } from 'vitest'
import { minute, Played } from '../../../../test/support/played-rollout.ts'

// Every transition of a rollout with its "no" one step before its "yes". Limits are worked out here by hand or from the
// formula of the paper, not taken from the code.

describe('guardrails', () => {
  // What k requests say that all speak against the challenger: 0.5 · 1.98^k + 0.5 · 2^(k+1) (1 − 2^−(k+1)) / (k + 1), by
  // quadrature: 75.6, 146.5, 285.0, 556.1, 1087.5 for k = 7 … 11.
  const many = { minRequests: 1000 } as const

  it.each([
    ['error', 9, 200],
    ['timeout', 10, 400],
  ] as const)('%s: whatever the share, exactly %i roll back', (kind, most, limit) => {
    for (const step of ['1%', '20%', '50%'] as const) {
      const played = new Played({ ...many, steps: [step] }).request(kind, most - 1)
      expect(played.verdicts).toEqual([])
      expect(played.request(kind).verdicts).toEqual(['rolled-back'])
      expect(played.last.rule).toMatchObject({ name: `guardrail ${kind}`, statistic: 'ln E' })
      expect(played.last.actor).toBe('system')
      expect(played.last.rule.threshold).toBeCloseTo(Math.log(limit), 12)
      expect(played.last.reason).toMatch(new RegExp(`^of m@2 and m@1 one .*: ${most} of ${most} times`))
      expect(played.state).toMatchObject({ phase: 'rolled-back', weight: 0 })
      expect(played.last.inputs.guardrails).toMatchObject({ [kind]: { canary: most - 1 + 1, all: most } })
    }
  })

  it('slow answers count beyond a stated latency, and then all four share alpha', () => {
    expect(new Played(many).request('slow', 500).verdicts).toEqual([])
    const stated = { ...many, maxLatency: '20ms' } as const
    expect(new Played(stated).request('slow', 10).verdicts).toEqual([])
    // a sixth of 0.01 asks for 600, which the eleventh reaches
    const played = new Played(stated).request('slow', 11)
    expect(played.last.rule).toMatchObject({ name: 'guardrail slow', threshold: Math.log(600) })
    expect(played.last.reason).toContain('took longer than the 20 ms that are allowed')
    expect(new Played(stated).request('error', 9).verdicts).toEqual(['rolled-back'])
  })

  it('latency: most requests take the challenger more than 15 % longer than stable, and a quarter of a millisecond', () => {
    // half of alpha is for errors, a quarter for this: ten of ten
    const took = (stable: number, canary: number) => new Played(many).took(stable, canary, 10)
    expect(took(100, 115.24).verdicts).toEqual([])
    expect(took(100, 115.26).verdicts).toEqual(['rolled-back'])
    expect(took(0.1, 0.364).verdicts).toEqual([])
    expect(took(0.1, 0.366).verdicts).toEqual(['rolled-back'])
    expect(new Played(many).took(100, 130, 9).verdicts).toEqual([])
    expect(new Played({ ...many, slower: 0.3 }).took(100, 130, 1000).verdicts).toEqual([])
    const last = took(10, 40).last
    expect(last.rule).toMatchObject({ name: 'guardrail latency', statistic: 'ln E' })
    expect(last.reason).toBe(
      'of m@2 and m@1 one took more than 15 % longer than the other for the same request: 10 of 10 times the challenger did',
    )
    // as often the other way round it says nothing
    const even = new Played(many)
    for (let i = 0; i < 500; i++) even.took(100, 130).took(100, 80)
    expect(even.verdicts).toEqual([])
    // who does not answer has no time
    expect(new Played(many).both({ stable: 'error', canary: 'ok' }).state.guardrails.latency.all).toBe(0)
  })

  it('share alpha: alone, a guardrail needs one request less', () => {
    const config = { ...many, guardrails: ['error'] } as const
    expect(new Played(config).request('error', 7).verdicts).toEqual([])
    expect(new Played(config).request('error', 8).verdicts).toEqual(['rolled-back'])
    expect(new Played({ ...config, alpha: 0.001 }).request('error', 10).verdicts).toEqual([])
    expect(new Played({ ...config, alpha: 0.001 }).request('error', 11).verdicts).toEqual(['rolled-back'])
  })

  it('do not look at outcomes that were not named', () => {
    expect(new Played({ ...many, guardrails: ['error'] }).request('timeout', 500).verdicts).toEqual([])
  })

  it('say nothing of requests on which both arms are bad, in whatever way, or both well', () => {
    const played = new Played(many)
    for (const stable of ['error', 'timeout'] as const)
      for (const canary of ['error', 'timeout', 'invalid'] as const)
        for (let i = 0; i < 50; i++) played.both({ stable, canary })
    expect(played.verdicts).toEqual([])
    expect(played.state.guardrails).toMatchObject({ error: { canary: 0, all: 0 }, timeout: { canary: 0, all: 0 } })
  })

  it('count what stable fails at for the challenger', () => {
    // one of stable's makes it fourteen of the challenger's
    const played = new Played(many).request('error', 1, 'stable').request('error', 13)
    expect(played.verdicts).toEqual([])
    expect(played.request('error').verdicts).toEqual(['rolled-back'])
    expect(played.last.inputs.guardrails).toMatchObject({ error: { canary: 14, all: 15 } })
    expect(new Played(many).request('error', 300, 'stable').request('error', 20).verdicts).toEqual([])
  })

  it('each kind counts for itself', () => {
    const played = new Played(many)
    for (const kind of ['timeout', 'error'] as const) played.request(kind, 7).request('ok', 1)
    expect(played.verdicts).toEqual([])
    expect(played.state.guardrails).toMatchObject({ error: { canary: 7, all: 7 }, timeout: { canary: 7, all: 7 } })
  })

  it('carry what speaks against the challenger over phases and steps', () => {
    const played = new Played({ steps: ['5%', '20%'], minRequests: 6, shadowRows: 10 }).request('error', 3)
    played.shadow(10, 0.5, 0.5).request('error', 4).request('ok', 2)
    expect(played.state).toMatchObject({ step: 1, weight: 0.2, requests: { stable: 0, canary: 0 } })
    expect(played.request('error').verdicts).toEqual(['advanced', 'advanced'])
    expect(played.request('error').verdicts).toEqual(['advanced', 'advanced', 'rolled-back'])
  })

  it('work in shadow, while held and during the bake: both arms are asked in all of them', () => {
    expect(new Played({ shadowRows: 100 }).request('error', 9).verdicts).toEqual(['rolled-back'])
    expect(new Played().say('pause').request('error', 9).verdicts).toEqual(['held', 'rolled-back'])
    expect(new Played({ steps: ['50%'] }).request('ok', 10).request('error', 9).verdicts).toEqual([
      'promoted',
      'rolled-back',
    ])
  })

  it('a process that takes too much memory ends at once', () => {
    const played = new Played(many).send({ type: 'memory', at: 1, bytes: 2 ** 30 + 1 })
    expect(played.verdicts).toEqual(['rolled-back'])
    expect(played.last.rule).toEqual({ name: 'memory', statistic: 'bytes', value: 2 ** 30 + 1, threshold: 2 ** 30 })
    expect(played.last.reason).toBe('m@2 took 1025 MiB more than when it was loaded, 1024 MiB are allowed')
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

  it('a request of many rows is one step at most, and counts for the share that it was answered by', () => {
    const request = { type: 'request', at: 1, outcome: { stable: 'ok', canary: 'ok' } } as const
    const played = new Played().send({ ...request, weight: 0.2, rows: { stable: 800, canary: 5_000 } })
    expect(played.state).toMatchObject({ step: 1, requests: { stable: 0, canary: 0 } })
    // on its way since the step before
    played.send({ ...request, weight: 0.2, rows: { stable: 800, canary: 5_000 } })
    expect(played.state).toMatchObject({ step: 1, requests: { stable: 0, canary: 0 } })
    expect(played.verdicts).toEqual(['advanced'])
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
      .request('error', 20)
      .send({ type: 'memory', at: 2, bytes: 2 ** 40 })
      .tick(99 * minute)
      .labels([1], [2])
      .shadow(1, 0, Number.NaN)
    expect(over.state).toBe(state)
    const done = new Played({ steps: ['50%'] }).request('ok', 10).tick(60 * minute + 1)
    expect(done.state.phase).toBe('done')
    expect(() => done.say('abort')).toThrow(/done/)
  })
})
