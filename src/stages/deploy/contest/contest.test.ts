import { describe, expect, it } from 'vitest'
import { seeded } from '../../../math/random/seeded.ts'
import type { RequestEvent, RolloutConfig } from '../rollout/index.ts'
import { limitOf } from '../rollout/guardrail-verdict.ts'
import { advanceContest, startContest, type ContestEvent, type ContestState } from './index.ts'

const configOf = (version: number): RolloutConfig => ({
  deployment: 'api',
  challenger: `m@${version}`,
  stable: 'm@1',
  task: 'regression',
})
const begun = (count: number, until = 1_000_000): ContestState =>
  startContest(
    Array.from({ length: count }, (_, i) => configOf(i + 2)),
    { now: 5, until, seeds: Array.from({ length: count }, (_, i) => i) },
  )
const arm = ({ arms }: ContestState, i: number): string => arms[i]?.salt ?? ''

class Played {
  verdicts: string[] = []
  state: ContestState
  constructor(state: ContestState) {
    this.state = state
  }
  take(event: ContestEvent): this {
    const { state, decisions } = advanceContest(this.state, event)
    this.state = state
    this.verdicts.push(...decisions.map(one => `${one.kind} ${one.verdict} ${one.rule.name}`))
    return this
  }
  /** Losses of the i-th challenger beside stable's, both with noise. */
  labels(i: number, less: number, rows = 400, at = 10): this {
    const random = seeded(i + 1)
    const stable = Array.from({ length: rows }, () => 1 + 0.2 * random.normal())
    const canary = stable.map(one => one - less + 0.1 * random.normal())
    return this.take({ type: 'arm', at, arm: arm(this.state, i), event: { type: 'labels', at, stable, canary } })
  }
  errors(i: number, count: number, at = 10): this {
    const outcome = { stable: 'ok', canary: 'error' } as const
    const event: RequestEvent = { type: 'request', at, rows: { stable: 1, canary: 0 }, weight: 0, outcome }
    for (let k = 0; k < count; k++) this.take({ type: 'arm', at, arm: arm(this.state, i), event })
    return this
  }
}

describe('a contest', () => {
  it('shares its error rates, and gives nobody traffic however much each has scored', () => {
    const state = begun(4)
    expect(state.arms.map(one => [one.config.alpha, one.config.labelAlpha, one.weight])).toEqual(
      Array.from({ length: 4 }, () => [0.0025, 0.0125, 0]),
    )
    expect(new Set(state.arms.map(one => one.salt)).size).toBe(4)
    const [first] = state.arms
    // eight times as much evidence of an error as one of two guardrails alone would need
    expect(first && limitOf(first.config, 'error')).toBeCloseTo(Math.log(8 / 0.01), 12)
    const rows = Float32Array.from({ length: 5_000 }, () => 1)
    const event = { type: 'shadow', at: 10, stable: rows, canary: rows.map(one => one + 50) } as const
    const played = new Played(state)
    for (let i = 0; i < 4; i++) played.take({ type: 'arm', at: 10, arm: arm(state, i), event })
    played.take({ type: 'tick', at: 11 })
    expect(played.state.arms.map(one => [one.phase, one.weight, one.shadow.rows])).toEqual(
      Array.from({ length: 4 }, () => ['shadow', 0, 5_000]),
    )
    expect(played.verdicts).toEqual([])
  })

  it('chooses between events, and of several that are better the one that loses least', () => {
    const played = new Played(begun(3)).labels(0, 0.3).labels(1, 0.5).labels(2, 0)
    expect([played.state.phase, played.verdicts]).toEqual(['running', []])
    played.take({ type: 'tick', at: 11 })
    expect(played.state).toMatchObject({ phase: 'chosen', chosen: 'm@3' })
    expect(played.verdicts).toEqual(['contest chosen paired loss'])
    // what comes later changes nothing
    expect(played.labels(0, 2).errors(0, 50).take({ type: 'tick', at: 2_000_000 }).verdicts).toHaveLength(1)
  })

  it('ends with its time, not a microsecond before, and tells who is not worse', () => {
    const played = new Played(begun(2)).labels(0, 0, 4_000)
    expect(played.take({ type: 'tick', at: 999_999 }).state.phase).toBe('running')
    const { state, decisions } = advanceContest(played.state, { type: 'tick', at: 1_000_000 })
    expect(state).toMatchObject({ phase: 'ended', chosen: null })
    expect(decisions[0]?.reason).toContain('m@2 is not worse than the margin allows, and may be deployed by hand')
  })

  it('takes out who is worse or fails, goes on with the others, and ends with the last', () => {
    const played = new Played(begun(3)).labels(0, -0.5)
    expect(played.state.arms.map(one => one.phase)).toEqual(['rolled-back', 'shadow', 'shadow'])
    expect(played.errors(1, 10).state.arms[1]?.phase).toBe('shadow')
    expect(played.errors(1, 1).state.arms[1]?.phase).toBe('rolled-back')
    // one who has left comes back by nothing
    played.labels(0, 5).take({ type: 'tick', at: 12 })
    expect(played.state.phase).toBe('running')
    expect(played.errors(2, 11).state).toMatchObject({ phase: 'ended', chosen: null })
    expect(played.verdicts).toEqual([
      'contest rolled-back paired loss',
      'contest rolled-back guardrail error',
      'contest rolled-back guardrail error',
      'contest ended challengers',
    ])
  })

  it('gives one of several a person takes, and refuses one that has left or never was there', () => {
    const played = new Played(begun(2)).errors(0, 11)
    const choose = (challenger: string) =>
      ({ type: 'choose', at: 12, challenger, actor: 'ada', reason: 'smaller' }) as const
    for (const one of ['m@2', 'm@9'])
      expect(() => advanceContest(played.state, choose(one))).toThrow(expect.objectContaining({ code: 'MR4181' }))
    expect(played.take(choose('m@3')).state).toMatchObject({ phase: 'chosen', chosen: 'm@3' })
  })

  it('decides the same of the same events, by the same ids', () => {
    const ids = (): readonly string[] => {
      let state = begun(2)
      const made: string[] = []
      for (const event of [
        { type: 'arm', at: 9, arm: arm(state, 0), event: { type: 'memory', at: 9, bytes: 2 ** 40 } },
        { type: 'end', at: 10, actor: 'ada' },
      ] as const) {
        const next = advanceContest(state, event)
        state = next.state
        made.push(...next.decisions.map(one => one.id))
      }
      return made
    }
    expect(ids()).toEqual(ids())
    expect(new Set(ids()).size).toBe(2)
  })
})
