import { describe, expect, it } from 'vitest'
import { micros } from '../../../internal/time.ts'
import { advance } from './advance.ts'
import { startRollout } from './start.ts'
import type { Outcome, RolloutConfig, RolloutEvent, RolloutState } from './state.ts'

// Every rule of a rollout with what it just lets pass and what it just does not, at the defaults of the guide.

class Played {
  state: RolloutState
  readonly told: string[] = []
  constructor(config: Partial<RolloutConfig> = {}) {
    const names = { deployment: 'api', challenger: 'm@2', stable: 'm@1', task: 'binary' } as const
    this.state = startRollout({ ...names, shadowRows: 0, ...config }, 0, 1)
  }
  send(event: RolloutEvent): this {
    const { state, decisions } = advance(this.state, event)
    this.state = state
    this.told.push(...decisions.map(({ verdict, rule }) => `${verdict}: ${rule.name}`))
    return this
  }
  answers(count: number, canary: Outcome, at = 1, stable: Outcome = 'ok'): this {
    for (let i = 0; i < count; i++)
      this.send({
        type: 'request',
        at,
        rows: { stable: 0, canary: 1 },
        weight: this.state.weight,
        outcome: { stable, canary },
      })
    return this
  }
  tick(at: number): this {
    return this.send({ type: 'tick', at })
  }
  shadow(count: number, stable: number, canary: number): this {
    const of = (score: number) => new Float32Array(count).fill(score)
    return this.send({ type: 'shadow', stable: of(stable), canary: of(canary), at: 1 })
  }
  losses(count: number, stable: number, canary: number): this {
    const of = (loss: number) => new Float64Array(count).fill(loss)
    return this.send({ type: 'labels', stable: of(stable), canary: of(canary), at: 1 })
  }
}

it('a step needs its requests to the last one', () => {
  expect(new Played().answers(199, 'ok').told).toEqual([])
  expect(new Played().answers(200, 'ok').told).toEqual(['advanced: guardrails'])
  expect(new Played({ minRequests: 3 }).answers(3, 'ok').told).toEqual(['advanced: guardrails'])
  const whole = new Played().answers(800, 'ok')
  expect([whole.told.length, whole.state.phase, whole.state.config.weights]).toEqual([
    4,
    'bake',
    [0.01, 0.05, 0.2, 0.5],
  ])
})

it('shadow rows are needed to the last one', () => {
  expect(new Played({ shadowRows: 1000 }).shadow(999, 0.4, 0.4).told).toEqual([])
  expect(new Played({ shadowRows: 1000 }).shadow(1000, 0.4, 0.4).told).toEqual(['advanced: shadow'])
  const { config } = startRollout({ deployment: 'd', challenger: 'b', stable: 'a', task: 'binary' }, 0, 1)
  expect(config.shadowRows).toBe(1000)
})

it('a step is held when its time has run out, not a microsecond before', () => {
  expect(new Played().tick(micros('30m') - 1).told).toEqual([])
  expect(new Played().tick(micros('30m')).told).toEqual(['held: time'])
  expect(new Played({ maxWait: '2h' }).tick(micros('2h') - 1).told).toEqual([])
  expect(new Played({ maxWait: '2h' }).tick(micros('2h')).told).toEqual(['held: time'])
})

it('after a resume the time is waited for anew', () => {
  const played = new Played().tick(micros('30m'))
  const resumed = micros('50m')
  played.send({ type: 'command', command: 'resume', actor: 'ada', at: resumed })
  expect(played.tick(resumed + micros('30m') - 1).told).toEqual(['held: time', 'resumed: command resume'])
  expect(played.tick(resumed + micros('30m')).told.at(-1)).toBe('held: time')
})

it('a bake ends at its length, not a microsecond before', () => {
  const baking = () => new Played({ steps: ['50%'] }).answers(200, 'ok', 7)
  expect(baking().state.phase).toBe('bake')
  expect(baking().tick(7 + micros('1h') - 1).told).toEqual(['promoted: guardrails'])
  expect(baking().tick(7 + micros('1h')).told).toEqual(['promoted: guardrails', 'completed: bake'])
})

describe('guardrails', () => {
  // k requests that all speak against the challenger weigh 0.5 · 1.98^k + 0.5 · 2^(k+1) (1 − 2^−(k+1)) / (k + 1): 75.6, 146.5,
  // 285.0, 556.1, 1087.5 for 7 to 11
  it.each([
    // half of alpha is for errors, the rest is shared by what else can alarm
    ['error', undefined, 9],
    ['timeout', undefined, 10],
    ['slow', '20ms', 11],
  ] as const)('a guardrail asks for its share of alpha: %s', (outcome, maxLatency, most) => {
    const stated = maxLatency === undefined ? {} : { maxLatency }
    expect(new Played(stated).answers(most - 1, outcome).told).toEqual([])
    expect(new Played(stated).answers(most, outcome).told).toEqual([`rolled-back: guardrail ${outcome}`])
    // one has it for itself: 100
    expect(new Played({ guardrails: [outcome] }).answers(7, outcome).told).toEqual([])
    expect(new Played({ guardrails: [outcome] }).answers(8, outcome).told).toEqual([
      `rolled-back: guardrail ${outcome}`,
    ])
    // 0.001 for it alone: 1,000
    expect(new Played({ guardrails: [outcome], alpha: 0.001 }).answers(10, outcome).told).toEqual([])
    expect(new Played({ guardrails: [outcome], alpha: 0.001 }).answers(11, outcome).told).toHaveLength(1)
    // what is not watched decides nothing
    const others = (['error', 'timeout', 'slow'] as const).filter(one => one !== outcome)
    expect(new Played({ guardrails: others }).answers(100, outcome).told).toEqual([])
  })

  it('a challenger that takes longer than stable is one too slow, one that takes as long is not', () => {
    const took = (canary: number, config: Partial<RolloutConfig> = {}): readonly string[] => {
      const played = new Played({ minRequests: 1_000, ...config })
      for (let i = 0; i < 10; i++)
        played.send({
          type: 'request',
          at: 1,
          rows: { stable: 1, canary: 0 },
          weight: 0.01,
          outcome: { stable: 'ok', canary: 'ok' },
          took: { stable: 10, canary },
        })
      return played.told
    }
    expect([took(10), took(11.75), took(11.76)]).toEqual([[], [], ['rolled-back: guardrail latency']])
    expect([took(15.25, { slower: 0.5 }), took(15.26, { slower: 0.5 })]).toEqual([
      [],
      ['rolled-back: guardrail latency'],
    ])
  })

  it('bad answers of both arms speak against nobody', () => {
    for (const outcome of ['error', 'timeout'] as const)
      expect(new Played({ minRequests: 1_000 }).answers(999, outcome, 1, outcome).told).toEqual([])
    const even = new Played({ minRequests: 10_000 })
    for (let i = 0; i < 1_000; i++) even.answers(1, 'error').answers(1, 'ok', 1, 'error')
    expect(even.told).toEqual([])
  })

  it('memory beyond what is allowed rolls back, that which is allowed does not come here', () => {
    expect(new Played().send({ type: 'memory', at: 1, bytes: 2 ** 31 }).told).toEqual(['rolled-back: memory'])
  })
})

it('labels against the challenger roll back, equal ones do not', () => {
  // below 100 pairs nothing is said
  expect(new Played().losses(99, 0.3, 0.4).told).toEqual([])
  expect(new Played().losses(100, 0.3, 0.4).told).toEqual(['rolled-back: paired loss'])
  expect(new Played().losses(5_000, 0.3, 0.3).told).toEqual([])
  expect(new Played({ labels: 'none' }).losses(5_000, 0.3, 0.4).told).toEqual([])
  const required = () => new Played({ labels: 'required', steps: ['50%'] }).answers(200, 'ok')
  expect(required().told).toEqual([])
  // 1 % more than the stable loss is tolerated
  expect(required().losses(5_000, 0.3, 0.3).told).toEqual(['promoted: paired loss'])
  expect(required().losses(99, 0.3, 0.3).told).toEqual([])
})

it('a score that is no probability rolls back at once, 0 and 1 are some', () => {
  const shadow = { shadowRows: 10_000 }
  for (const score of [0, 1]) expect(new Played(shadow).shadow(1, 0.5, score).told).toEqual([])
  expect(new Played(shadow).shadow(1, Number.NaN, Number.NaN).told).toEqual([])
  for (const score of [-1e-9, 1.000_001, Number.NaN, Number.POSITIVE_INFINITY])
    expect(new Played(shadow).shadow(1, 0.5, score).told).toEqual(['rolled-back: finite scores'])
  expect(new Played({ ...shadow, task: 'regression' }).shadow(1, 0.5, 1e9).told).toEqual([])
  expect(new Played({ ...shadow, task: 'regression' }).shadow(1, 0.5, Number.NaN).told).toHaveLength(1)
})

it('disagreement holds beyond twice what was measured offline', () => {
  const shadow = { shadowRows: 10_000, expected: { meanDifference: 0.01, flipRate: 0.1 } }
  expect(new Played(shadow).shadow(300, 0.2, 0.2199).told).toEqual([])
  expect(new Played(shadow).shadow(300, 0.2, 0.2201).told).toEqual(['held: shadow disagreement'])
  // 256 rows are the first look
  expect(new Played(shadow).shadow(255, 0.2, 0.9).told).toEqual([])
  // flips: 0.2 and three standard errors of 300 rows are 0.275 for a quarter, 0.279 for three tenths
  const flips = (share: number) =>
    new Played(shadow).send({
      type: 'shadow',
      stable: new Float32Array(300).fill(0.499),
      canary: Float32Array.from({ length: 300 }, (_, i) => (i < 300 * share ? 0.501 : 0.499)),
      at: 1,
    }).told
  expect(flips(0.25)).toEqual([])
  expect(flips(0.3)).toEqual(['held: shadow disagreement'])
})

it('every command does what it says once, and nothing afterwards', () => {
  const command = (played: Played, command: 'abort' | 'promote' | 'pause' | 'resume') =>
    played.send({ type: 'command', command, actor: 'ada', at: 5 })
  expect(command(new Played(), 'abort').told).toEqual(['rolled-back: command abort'])
  expect(command(new Played(), 'promote').told).toEqual(['promoted: command promote'])
  const paused = command(new Played(), 'pause')
  expect(paused.answers(1_000, 'ok').told).toEqual(['held: command pause'])
  expect(command(paused, 'resume').tick(6).told.slice(1)).toEqual(['resumed: command resume', 'advanced: guardrails'])
  expect(command(new Played(), 'resume').told).toEqual([])
  expect(command(command(new Played(), 'promote'), 'promote').told).toEqual(['promoted: command promote'])
  for (const last of ['abort', 'promote', 'pause', 'resume'] as const)
    expect(() => command(command(new Played(), 'abort'), last)).toThrow(
      expect.objectContaining({ code: 'MR4511' }) as Error,
    )
})

it('what is no event of a rollout is refused by its name', () => {
  const unequal = { stable: new Float64Array(2), canary: new Float64Array(3), at: 1 }
  expect(() => new Played().send({ type: 'labels', ...unequal })).toThrow(/2 stable losses, 3 canary losses/)
  expect(() => new Played().losses(1, 0.3, Number.NaN)).toThrow(/not finite/)
  expect(() => new Played({ steps: [] })).toThrow(expect.objectContaining({ code: 'MR4510' }) as Error)
  expect(() => new Played({ alpha: 1 })).toThrow(/alpha/)
  expect(() => new Played({ maxWait: 'soon' as never })).toThrow(/maxWait/)
  expect(() => new Played({ minRequests: -1 })).toThrow(/minRequests/)
  expect(() => new Played({ margin: -1 })).toThrow(/margin/)
})
