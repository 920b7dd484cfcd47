import { describe, expect, it } from 'vitest'
import { minute, Played } from '../../../../test/support/played-rollout.ts'
import type { RolloutConfig } from './state.ts'

// What labels and shadow scores do to a rollout: limits from the formula of the paper or by hand, not from the code.

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

  it('count what each decides by its own threshold', () => {
    const thresholds = { threshold: 0.75, stableThreshold: 0.25 }
    const flips = (stable: number, canary: number): number =>
      new Played({ shadowRows: 100, ...thresholds }).shadow(1, stable, canary).state.shadow.flips
    // the same score is yes to one and no to the other; other scores may be the same decision
    expect([flips(0.5, 0.5), flips(0.25, 0.75), flips(0.2, 0.7), flips(0.25, 0.7), flips(0.2, 0.75)]).toEqual([
      1, 0, 0, 1, 1,
    ])
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
    // where nothing is said, a tenth of the labels of two good versions differ: 20 % and their doubt
    expect(flipping(72, {}).verdicts).toEqual([])
    expect(flipping(73, {}).verdicts).toEqual(['held'])
    expect(flipping(250, { task: 'regression' }).verdicts).toEqual([])
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
