import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { times } from '../../../../test/fuzz/edges.ts'
import type { Decision } from '../../../define/decision.ts'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'
import { seeded } from '../../../math/random/seeded.ts'
import { advance } from './advance.ts'
import { route } from './route.ts'
import { startRollout } from './start.ts'
import type { Outcome, RolloutConfig, RolloutEvent, RolloutState } from './state.ts'

const base: RolloutConfig = {
  deployment: 'lateness-api',
  challenger: 'lateness@2',
  stable: 'lateness@1',
  task: 'binary',
  shadowRows: 0,
}
const minute = 60_000_000

/** A rollout with the decisions that it made so far. */
class Played {
  state: RolloutState
  readonly decisions: Decision[] = []
  constructor(config: Partial<RolloutConfig> = {}) {
    this.state = startRollout({ ...base, ...config }, 0, 1)
  }
  send(event: RolloutEvent): this {
    const advanced = advance(this.state, event)
    this.state = advanced.state
    this.decisions.push(...advanced.decisions)
    return this
  }
  get verdicts(): string[] {
    return this.decisions.map(decision => decision.verdict)
  }
  ok(requests: number, at = 1): this {
    for (let i = 0; i < requests; i++) this.answer({ stable: 'ok', canary: 'ok' }, at)
    return this
  }
  answer(outcome: { stable: Outcome; canary: Outcome }, at: number, arm: 'stable' | 'canary' = 'canary'): this {
    const rows = { stable: 0, canary: 0, [arm]: 1 }
    return this.send({ type: 'request', rows, weight: this.state.weight, outcome, at })
  }
}

describe('route', () => {
  it('is monotone in the weight and has the share asked for', () => {
    let canary = 0
    for (let i = 0; i < 100_000; i++) if (route('api', `user-${i}`, 0.05) === 'canary') canary++
    expect(canary / 100_000).toBeCloseTo(0.05, 2)
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.double({ min: 0, max: 1, noNaN: true }), (id, key, weight) => {
        if (route(id, key, weight) === 'canary') expect(route(id, key, Math.min(1, weight * 1.5))).toBe('canary')
        expect(route(id, key, 0)).toBe('stable')
        expect(route(id, key, 1)).toBe('canary')
      }),
    )
  })
})

describe('rollout', () => {
  it('bakes no shorter and not for ever when the clock is set back', () => {
    const played = new Played({ steps: ['50%'], minRequests: 10, bake: '1h' }).ok(10, 100 * minute)
    expect(played.state.phase).toBe('bake')
    for (const at of [130, 10, 65]) played.send({ type: 'tick', at: at * minute })
    expect(played.state.phase).toBe('bake')
    expect(played.send({ type: 'tick', at: 70 * minute }).state.phase).toBe('done')
  })

  it('climbs the steps, bakes and completes, each with its record', () => {
    const played = new Played({ shadowRows: 100 })
    const scores = new Float32Array(100).fill(0.4)
    played.send({ type: 'shadow', stable: scores, canary: scores, at: 1 })
    expect(played.state.weight).toBe(0.01)
    played.ok(800)
    expect(played.state.phase).toBe('bake')
    expect(played.state.weight).toBe(1)
    played.send({ type: 'tick', at: 30 * minute })
    expect(played.state.phase).toBe('bake')
    played.send({ type: 'tick', at: 61 * minute })
    expect(played.verdicts).toEqual(['advanced', 'advanced', 'advanced', 'advanced', 'promoted', 'completed'])
    for (const decision of played.decisions) expect(() => canonicalJson(decision as unknown as Json)).not.toThrow()
    expect(new Set(played.decisions.map(decision => decision.id)).size).toBe(6)
    // JSON in, JSON out
    expect(JSON.parse(JSON.stringify(played.state))).toEqual(played.state)
  })

  it('holds when time runs out, goes on when the evidence arrives, and never promotes by time', () => {
    const played = new Played().ok(10)
    for (let at = 31; at < 10_000; at += 100) played.send({ type: 'tick', at: at * minute })
    expect(played.verdicts).toEqual(['held'])
    expect(played.state.step).toBe(0)
    played.ok(190, 20_000 * minute)
    expect(played.verdicts).toEqual(['held', 'advanced'])
  })

  it('rolls back on nine errors that stable does not make, on a score that is not finite, and by hand, held or not', () => {
    const failing = new Played()
    for (let i = 0; i < 9; i++) failing.answer({ stable: 'ok', canary: 'error' }, i)
    expect(failing.verdicts).toEqual(['rolled-back'])
    expect(failing.state.weight).toBe(0)
    const broken = new Played({ shadowRows: 100 })
    broken.send({ type: 'shadow', stable: Float32Array.of(0.5), canary: Float32Array.of(Number.NaN), at: 1 })
    expect(broken.verdicts).toEqual(['rolled-back'])
    const paused = new Played().send({ type: 'command', command: 'pause', actor: 'ada', at: 1 }).ok(5000)
    expect(paused.verdicts).toEqual(['held'])
    for (let i = 0; i < 10; i++) paused.answer({ stable: 'ok', canary: 'timeout' }, 2)
    expect(paused.verdicts).toEqual(['held', 'rolled-back'])
    const byHand = new Played().send({ type: 'command', command: 'abort', actor: 'ada', at: 1 })
    expect(byHand.decisions[0]?.actor).toBe('ada')
    expect(() => byHand.send({ type: 'command', command: 'promote', actor: 'ada', at: 2 })).toThrow(/rolled-back/)
  })

  it('holds, not rolls back, when the models disagree far more than offline', () => {
    const played = new Played({ shadowRows: 1000, expected: { meanDifference: 0.01, flipRate: 0.02 } })
    const stable = new Float32Array(300).fill(0.45)
    played.send({ type: 'shadow', stable, canary: new Float32Array(300).fill(0.55), at: 1 })
    played.send({ type: 'shadow', stable: new Float32Array(3000), canary: new Float32Array(3000), at: 2 })
    expect(played.verdicts).toEqual(['held'])
    played.send({ type: 'command', command: 'resume', actor: 'ada', at: 3 }).send({ type: 'tick', at: 4 })
    expect(played.verdicts).toEqual(['held', 'resumed', 'advanced'])
  })

  it('with required labels waits for them, whatever the requests', () => {
    const played = new Played({ labels: 'required', steps: ['50%'] }).ok(5000)
    expect(played.verdicts).toEqual([])
    const stable = new Float64Array(2000).map((_, i) => 0.4 + 0.1 * (i % 2))
    const better = stable.map((loss, i) => loss - 0.01 + 0.02 * ((i >> 1) % 2) - 0.001)
    played.send({ type: 'labels', stable, canary: better, at: 2 })
    expect(played.verdicts).toEqual(['promoted'])
    expect(played.decisions[0]?.rule.name).toBe('paired loss')
  })

  it('rejects settings out of range by name', () => {
    expect(() => startRollout({ ...base, steps: ['20%', '5%'] }, 0, 1)).toThrow(/steps/)
    expect(() => startRollout({ ...base, alpha: 2 }, 0, 1)).toThrow(/alpha/)
  })
})

describe('rollout error rates, simulated', () => {
  function traffic(seed: number, errors: { stable: number; canary: number }, most: number) {
    const random = seeded(seed)
    const played = new Played()
    const of = (arm: 'stable' | 'canary'): Outcome =>
      random.next() < errors[arm] ? (random.next() < 0.5 ? 'error' : 'timeout') : 'ok'
    let served = 0
    for (let i = 0; i < most && played.state.phase === 'step'; i++) {
      const arm = random.next() < played.state.weight ? 'canary' : 'stable'
      if (arm === 'canary') served++
      played.answer({ stable: of('stable'), canary: of('canary') }, i, arm)
    }
    return { played, served }
  }

  it('a healthy canary is rolled back in at most 1 % of rollouts', () => {
    let back = 0
    const rollouts = 60 * times
    for (let seed = 0; seed < rollouts; seed++) {
      const { played } = traffic(seed, { stable: 0.008, canary: 0.008 }, 40_000)
      if (played.verdicts.includes('rolled-back')) back++
      else expect(played.verdicts.at(-1)).toBe('promoted')
    }
    expect(back / rollouts).toBeLessThanOrEqual(0.01)
  })

  it('a broken canary is gone within one of its requests, one with 5 % errors within five', () => {
    // all requests are scored by both, and one in a hundred is the canary's
    const median = (errors: number): number =>
      Array.from({ length: 60 }, (_, seed) => {
        const { played, served } = traffic(seed + 1000, { stable: 0.001, canary: errors }, 100_000)
        return played.verdicts.at(-1) === 'rolled-back' ? served : Number.POSITIVE_INFINITY
      }).sort((a, b) => a - b)[30] as number
    expect(median(1)).toBeLessThanOrEqual(1)
    expect(median(0.05)).toBeLessThanOrEqual(5)
  })

  it('a small paired loss is found with thousands of labels, an equal model stays', () => {
    // like a unit bug on the flights: mean loss +0.003, spread of the paired difference 0.055
    const labels = (seed: number, shift: number): number => {
      const random = seeded(seed)
      const played = new Played({ shadowRows: 1_000_000 })
      for (let n = 100; n <= 40_000; n += 100) {
        const stable = Float64Array.from({ length: 100 }, () => -Math.log(1 - 0.6 * random.next()))
        const canary = stable.map(loss => loss + shift + 0.055 * random.normal())
        played.send({ type: 'labels', stable, canary, at: n })
        if (played.state.phase === 'rolled-back') return n
      }
      return Number.POSITIVE_INFINITY
    }
    const found = Array.from({ length: 40 }, (_, seed) => labels(seed, 0.003)).sort((a, b) => a - b)
    expect(found[20]).toBeLessThan(8000)
    expect(found[39]).toBeLessThan(30_000)
    const wrong = Array.from({ length: 100 }, (_, seed) => labels(seed + 500, 0)).filter(Number.isFinite).length
    expect(wrong).toBeLessThanOrEqual(3)
  })
})

it('an event costs about a microsecond', () => {
  let state = startRollout({ ...base, minRequests: 1_000_000_000 }, 0, 1)
  const start = process.cpuUsage().user
  for (let i = 0; i < 300_000; i++)
    state = advance(state, {
      type: 'request',
      rows: { stable: 1, canary: 0 },
      weight: state.weight,
      outcome: { stable: 'ok', canary: 'ok' },
      took: { stable: 1, canary: i % 2 },
      at: i,
    }).state
  // generous, for busy machines
  expect((process.cpuUsage().user - start) / 300_000).toBeLessThan(10)
})
