import { describe, expect, it } from 'vitest'
import type { Decision } from '../../../define/decision.ts'
import { advance } from './advance.ts'
import { route } from './route.ts'
import { resolveRollout, startRollout } from './start.ts'
import type { Outcome, RolloutConfig, RolloutEvent, RolloutState } from './state.ts'

// Every transition of a rollout with its "no" one step before its "yes". Limits are worked out here by hand or from the
// formula of the paper, not taken from the code.

const minute = 60_000_000
const base: RolloutConfig = {
  deployment: 'api',
  challenger: 'm@2',
  stable: 'm@1',
  task: 'binary',
  shadowRows: 0,
  steps: ['20%', '50%'],
  minRequests: 10,
}

class Played {
  state: RolloutState
  decisions: Decision[] = []
  constructor(config: Partial<RolloutConfig> = {}, at = 0) {
    this.state = startRollout({ ...base, ...config }, at, 7)
  }
  send(event: RolloutEvent): this {
    const { state, decisions } = advance(this.state, event)
    this.state = state
    this.decisions.push(...decisions)
    return this
  }
  request(outcome: Outcome, times = 1, arm: 'canary' | 'stable' = 'canary', at = 1): this {
    for (let i = 0; i < times; i++) this.send({ type: 'request', arm, outcome, at })
    return this
  }
  tick(at: number): this {
    return this.send({ type: 'tick', at })
  }
  say(command: 'promote' | 'abort' | 'pause' | 'resume', at = 1): this {
    return this.send({ type: 'command', command, actor: 'ada', at })
  }
  labels(stable: readonly number[], canary: readonly number[], at = 1): this {
    return this.send({ type: 'labels', stable, canary, at })
  }
  shadow(rows: number, stable: number, canary: number, labels?: number): this {
    return this.send({
      type: 'shadow',
      stable: new Float32Array(rows).fill(stable),
      canary: new Float32Array(rows).fill(canary),
      ...(labels === undefined ? {} : { labels: new Float32Array(rows).fill(labels) }),
      at: 1,
    })
  }
  get verdicts(): string[] {
    return this.decisions.map(one => one.verdict)
  }
  get last(): Decision {
    return this.decisions.at(-1) as Decision
  }
}

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

/** n differences of the given mean and standard deviation, as losses of stable around `level`. */
function pairs(n: number, mean: number, spread: number, level = 1): [number[], number[]] {
  const stable = Array.from({ length: n }, () => level)
  return [stable, stable.map((one, i) => one + mean + (i % 2 === 0 ? spread : -spread))]
}

/** Half the width of the asymptotic confidence sequence, as Waudby-Smith et al. write it, with rho² = 1/500, one side of alpha. */
function halfWidth(n: number, spread: number, alpha: number): number {
  const rho2 = 1 / 500
  return (
    spread *
    Math.sqrt((2 * (n * rho2 + 1)) / (n ** 2 * rho2)) *
    Math.sqrt(Math.log(Math.sqrt(n * rho2 + 1) / (alpha / 2)))
  )
}

describe('labels', () => {
  const half = halfWidth(2000, 0.1, 0.05)

  it('roll back where the lower bound leaves nought, and just not before', () => {
    expect(half).toBeGreaterThan(0.005)
    const just = new Played({ minRequests: 1000 }).labels(...pairs(2000, half * 1.0001, 0.1))
    expect(just.verdicts).toEqual(['rolled-back'])
    expect(just.last.rule).toMatchObject({ name: 'paired loss', statistic: 'lower bound', threshold: 0 })
    expect(just.last.inputs.labels).toMatchObject({ rows: 2000, stableLoss: 1 })
    expect(new Played({ minRequests: 1000 }).labels(...pairs(2000, half * 0.9999, 0.1)).verdicts).toEqual([])
    // fewer errors allowed: wider
    expect(
      new Played({ minRequests: 1000, labelAlpha: 0.01 }).labels(...pairs(2000, half * 1.0001, 0.1)).verdicts,
    ).toEqual([])
  })

  it('roll back in every phase, and never where labels are not asked for', () => {
    const worse = pairs(2000, 1, 0.1)
    expect(new Played({ shadowRows: 1000 }).labels(...worse).verdicts).toEqual(['rolled-back'])
    expect(new Played().say('pause').labels(...worse).verdicts).toEqual(['held', 'rolled-back'])
    expect(new Played({ steps: ['50%'] }).request('ok', 10).labels(...worse).verdicts).toEqual([
      'promoted',
      'rolled-back',
    ])
    expect(new Played({ labels: 'none' }).labels(...worse).verdicts).toEqual([])
    expect(new Played().labels(...pairs(99, 1, 0.001)).verdicts).toEqual([])
    expect(new Played().labels(...pairs(100, 1, 0.001)).verdicts).toEqual(['rolled-back'])
  })

  it('promote within the margin of the stable loss, and just not beyond it', () => {
    // stable loses 1 a row: 1 % of it are allowed
    const config = { steps: ['50%'], labels: 'required' } as const
    const within = new Played(config).request('ok', 10).labels(...pairs(2000, 0.0099 - half, 0.1))
    expect(within.verdicts).toEqual(['promoted'])
    expect(within.last.rule).toMatchObject({ name: 'paired loss', statistic: 'upper bound', threshold: 0.01 })
    expect(within.last.rule.value).toBeCloseTo(0.0099, 10)
    expect(within.last.reason).toBe(
      'the loss of m@2 is at most 0.0099 above that of m@1 on 2000 labelled rows, 0.01 are allowed',
    )
    const beyond = new Played(config).request('ok', 10).labels(...pairs(2000, 0.0101 - half, 0.1))
    expect(beyond.verdicts).toEqual([])
    expect(beyond.tick(29 * minute).verdicts).toEqual([])
    // a margin of two percent allows it; the same of half a loss does not
    const wider = { ...config, margin: 0.02 }
    expect(new Played(wider).request('ok', 10).labels(...pairs(2000, 0.0101 - half, 0.1)).verdicts).toEqual([
      'promoted',
    ])
    expect(new Played(config).request('ok', 10).labels(...pairs(2000, 0.0099 - half, 0.1, 0.5)).verdicts).toEqual([])
  })

  it('that are required and do not decide keep the last step waiting, whatever the requests', () => {
    const played = new Played({ steps: ['20%', '50%'], labels: 'required' }).request('ok', 500)
    expect([played.verdicts, played.state.step]).toEqual([['advanced'], 1])
  })

  it('add up over batches like one', () => {
    const [stable, canary] = pairs(2000, half * 1.0001, 0.1, 3)
    const parts = new Played({ minRequests: 1000 })
    for (let i = 0; i < 1950; i += 50) parts.labels(stable.slice(i, i + 50), canary.slice(i, i + 50))
    expect(parts.verdicts).toEqual([])
    expect(parts.labels(stable.slice(1950), canary.slice(1950)).verdicts).toEqual(['rolled-back'])
    const more = new Played({ minRequests: 1000 })
    more.labels([2, 4], [2, 4]).labels([], []).labels([6], [5])
    expect(more.state.stableLoss).toBeCloseTo(4, 12)
    expect(more.state.losses.n).toBe(3)
    expect(more.state.losses.mean).toBeCloseTo(-1 / 3, 12)
  })

  it('are refused when they are not pairs or not finite', () => {
    const refused = expect.objectContaining({ code: 'MR4511' })
    expect(() => new Played().labels([1, 2], [1])).toThrow(refused)
    expect(() => new Played().labels([1], [Number.NaN])).toThrow(refused)
    expect(() => new Played().labels([1], [Number.POSITIVE_INFINITY])).toThrow(/not finite/)
  })
})

describe('shadow scores', () => {
  it('out of range roll back at once; at the very edge they do not', () => {
    for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, -1e-6, 1.0001]) {
      const played = new Played({ shadowRows: 100 }).shadow(1, 0.5, bad)
      expect(played.verdicts, String(bad)).toEqual(['rolled-back'])
      expect(played.last.rule).toEqual({
        name: 'finite scores',
        statistic: 'scores out of range',
        value: 1,
        threshold: 0,
      })
    }
    for (const fine of [0, 1]) expect(new Played({ shadowRows: 100 }).shadow(1, 0.5, fine).verdicts).toEqual([])
    const regression = { shadowRows: 100, task: 'regression' } as const
    expect(new Played(regression).shadow(1, -5, 300).verdicts).toEqual([])
    expect(new Played(regression).shadow(1, -5, Number.NaN).verdicts).toEqual(['rolled-back'])
    // what stable could not score is not the challenger's fault, and no disagreement
    const { state } = new Played({ shadowRows: 100 }).shadow(3, Number.NaN, 0.5)
    expect(state.shadow).toMatchObject({ rows: 3, sumDifference: 0, flips: 0, nonFinite: 0 })
  })

  it('count flips at the threshold itself', () => {
    const flips = (stable: number, canary: number, threshold?: number): number =>
      new Played({ shadowRows: 100, ...(threshold === undefined ? {} : { threshold }) }).shadow(1, stable, canary).state
        .shadow.flips
    expect([flips(0.49, 0.5), flips(0.5, 0.49), flips(0.5, 0.9), flips(0.1, 0.49)]).toEqual([1, 1, 0, 0])
    expect([flips(0.25, 0.5, 0.25), flips(0.125, 0.25, 0.25)]).toEqual([0, 1])
  })

  /** A rollout in shadow whose first 256 rows have so many flips. */
  const flipping = (flips: number, config: Partial<RolloutConfig>): Played =>
    new Played({ shadowRows: 10_000, ...config }).send({
      type: 'shadow',
      stable: new Float32Array(256).fill(0.5),
      canary: Float32Array.from({ length: 256 }, (_, i) => (i < flips ? 0.49 : 0.5)),
      at: 1,
    })

  it('hold when flips pass twice what was measured offline by three standard errors', () => {
    // of 256 rows: 18 are 7.03 %, at most 2 · 1 % + 3 · 1.598 % = 6.79 %; 16 are 6.25 %, at most 6.54 %
    const expected = { meanDifference: 1, flipRate: 0.01 }
    expect(flipping(16, { expected }).verdicts).toEqual([])
    const held = flipping(18, { expected })
    expect(held.verdicts).toEqual(['held'])
    expect(held.state.hold).toBe('alarm')
    expect(held.last.rule).toMatchObject({ name: 'shadow disagreement', statistic: 'flip rate', value: 18 / 256 })
    expect(held.last.rule.threshold).toBeCloseTo(0.02 + 3 * Math.sqrt(((18 / 256) * (238 / 256)) / 256), 12)
    expect(flipping(250, {}).verdicts).toEqual([])
  })

  it('hold when the mean difference passes twice what was measured offline', () => {
    const expected = { meanDifference: 0.0625, flipRate: 1 }
    // no spread: the standard error is nought, the limit exactly 0.125
    const at = (difference: number): Played =>
      new Played({ shadowRows: 10_000, expected }).shadow(256, 0.5, 0.5 + difference)
    expect(at(0.125).verdicts).toEqual([])
    expect(at(0.1875).verdicts).toEqual(['held'])
    expect(at(0.1875).last.rule).toEqual({
      name: 'shadow disagreement',
      statistic: 'mean difference of scores',
      value: 0.1875,
      threshold: 0.125,
    })
    // half of the rows differ by 0.375: as much in the mean, and 3 · 0.1875 / 16 of doubt
    const spread = (d: number): Played =>
      new Played({ shadowRows: 10_000, expected }).send({
        type: 'shadow',
        stable: new Float32Array(256).fill(0.5),
        canary: Float32Array.from({ length: 256 }, (_, i) => (i % 2 === 0 ? 0.5 + d : 0.5)),
        at: 1,
      })
    // d/2 > 0.125 + 3 (d/2)/16 where d > 0.3077
    expect(spread(0.3125).verdicts).toEqual(['held'])
    expect(spread(0.296875).verdicts).toEqual([])
  })

  it('look at 256 rows, then at twice as many each time', () => {
    const expected = { meanDifference: 0.0625, flipRate: 1 }
    const played = new Played({ shadowRows: 10_000, expected }).shadow(255, 0.5, 0.9)
    expect([played.verdicts, played.state.shadow.nextLook]).toEqual([[], 256])
    expect(played.shadow(1, 0.5, 0.5).verdicts).toEqual(['held'])
    expect(played.state.shadow.nextLook).toBe(512)
    played.say('resume').shadow(255, 0.5, 0.9)
    expect(played.verdicts).toEqual(['held', 'resumed'])
    expect(played.shadow(1, 0.5, 0.9).verdicts).toEqual(['held', 'resumed', 'held'])
    expect(played.shadow(5000, 0.5, 0.5).state.shadow.nextLook).toBe(8192)
  })

  it('are not looked at while a person holds, nor after promotion', () => {
    const expected = { meanDifference: 0.0625, flipRate: 1 }
    const paused = new Played({ shadowRows: 10_000, expected }).say('pause').shadow(300, 0.5, 0.9)
    expect([paused.verdicts, paused.state.hold]).toEqual([['held'], 'paused'])
    const baking = new Played({ expected }).say('promote').shadow(300, 0.5, 0.9)
    expect(baking.verdicts).toEqual(['promoted'])
    const waited = new Played({ shadowRows: 10_000, expected }).tick(30 * minute).shadow(300, 0.5, 0.9)
    expect([waited.verdicts, waited.state.hold]).toEqual([['held', 'held'], 'alarm'])
    // in a step it goes on being looked at
    expect(new Played({ expected, minRequests: 1000 }).shadow(300, 0.5, 0.9).verdicts).toEqual(['held'])
  })

  it('with their labels are paired losses: log loss of binary scores, squared error of values', () => {
    const binary = new Played({ shadowRows: 10_000 }).shadow(1, 0.75, 0.5, 1).state
    expect(binary.stableLoss).toBeCloseTo(-Math.log(0.75), 6)
    expect(binary.losses.mean).toBeCloseTo(Math.log(0.75) - Math.log(0.5), 6)
    const regression = new Played({ shadowRows: 10_000, task: 'regression' }).shadow(1, 3, 6, 2).state
    expect([regression.stableLoss, regression.losses.mean]).toEqual([1, 15])
    expect(new Played({ shadowRows: 10_000 }).shadow(5, 0.75, 0.5, Number.NaN).state.losses.n).toBe(0)
    expect(new Played({ shadowRows: 10_000 }).shadow(200, 0.9, 0.2, 1).verdicts).toEqual(['rolled-back'])
    // the labels complete what a last step waited for
    const last = new Played({ steps: ['50%'], labels: 'required' }).request('ok', 10).shadow(200, 0.5, 0.75, 1)
    expect(last.verdicts).toEqual(['promoted'])
  })

  it('of unequal lengths are refused', () => {
    const event = { type: 'shadow', at: 1, stable: new Float32Array(2), canary: new Float32Array(2) } as const
    const refused = expect.objectContaining({ code: 'MR4511' })
    expect(() => new Played().send({ ...event, canary: new Float32Array(1) })).toThrow(refused)
    expect(() => new Played().send({ ...event, labels: new Float32Array(1) })).toThrow(refused)
    expect(() => new Played().send({ ...event, labels: new Float32Array(2) })).not.toThrow()
  })
})

describe('settings', () => {
  const least = { deployment: 'api', challenger: 'm@2', stable: 'm@1', task: 'binary' } as const

  it('have the defaults that their page names', () => {
    expect(resolveRollout(least)).toEqual({
      ...least,
      weights: [0.01, 0.05, 0.2, 0.5],
      shadowRows: 1000,
      minRequests: 200,
      maxWait: 30 * minute,
      bake: 60 * minute,
      labels: 'advisory',
      alpha: 0.01,
      labelAlpha: 0.05,
      margin: 0.01,
      guardrails: ['error', 'timeout', 'invalid', 'slow'],
      threshold: 0.5,
      expected: null,
    })
    expect(startRollout(least, 5, 1)).toMatchObject({ phase: 'shadow', weight: 0, since: 5, step: 0, hold: null })
    expect(startRollout({ ...least, shadowRows: 0 }, 5, 1)).toMatchObject({ phase: 'step', weight: 0.01 })
  })

  it.each([
    ['steps', { steps: ['5%', '5%'] }, { steps: ['5%', '6%'] }],
    ['steps', { steps: ['0%'] }, { steps: ['0.1%'] }],
    ['steps', { steps: ['100%'] }, { steps: ['99.9%'] }],
    ['steps', { steps: [] }, { steps: ['1%'] }],
    ['steps', { steps: ['x%'] }, {}],
    ['shadowRows', { shadowRows: -1 }, { shadowRows: 0 }],
    ['minRequests', { minRequests: 1.5 }, { minRequests: 1 }],
    ['maxWait', { maxWait: 'soon' }, { maxWait: '1s' }],
    ['bake', { bake: '5' }, { bake: '5m' }],
    ['alpha', { alpha: 0 }, { alpha: 0.999 }],
    ['alpha', { alpha: 1 }, { alpha: 1e-9 }],
    ['labelAlpha', { labelAlpha: 1 }, { labelAlpha: 0.5 }],
    ['margin', { margin: -0.001 }, { margin: 0 }],
    ['margin', { margin: Number.NaN }, { margin: 5 }],
  ])('%s: %j is refused, %j is taken', (setting, bad, good) => {
    expect(() => resolveRollout({ ...least, ...(bad as object) })).toThrow(
      expect.objectContaining({ details: expect.objectContaining({ setting }) }),
    )
    expect(() => resolveRollout({ ...least, ...(good as object) })).not.toThrow()
  })
})

describe('the arm of a key', () => {
  // FNV-1a over UTF-16 units and the finaliser of MurmurHash3, computed in Python; the share of 2^32 that the hash is
  it.each([
    ['fares', 'user-1', 3069540787],
    ['fares', 'user-2', 2181251002],
    ['fares', '', 3209288512],
    ['lateness-api', 'user-1', 3634626029],
    ['fares', 'zoë 😀', 2023967746],
  ])('of %s, %j changes exactly at its hash', (deployment, key, hash) => {
    expect(route(deployment, key, hash / 2 ** 32)).toBe('stable')
    expect(route(deployment, key, (hash + 1) / 2 ** 32)).toBe('canary')
  })
})
