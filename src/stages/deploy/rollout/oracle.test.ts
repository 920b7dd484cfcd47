import fc from 'fast-check'
import { expect, it } from 'vitest'
import { advance } from './advance.ts'
import { startRollout } from './start.ts'
import type { Outcome } from './state.ts'

// A plain oracle of what requests do to a rollout. The mixture is played as bettors who each have a fixed idea of the chance and
// bet all they have on every request that tells the arms apart; the evidence is what they have together. No beta function.

interface Step {
  readonly arm: 'stable' | 'canary'
  readonly stable: Outcome
  readonly canary: Outcome
}

const ideas = 500
/** Half is one bettor's, who is nearly sure; the rest has been shared out evenly above one half. */
class Bettors {
  sure = 0.5
  readonly others = new Float64Array(ideas).fill(0.5 / ideas)
  bet(against: boolean): number {
    const grow = (chance: number): number => 2 * (against ? chance : 1 - chance)
    this.sure *= grow(0.99)
    for (let i = 0; i < ideas; i++) this.others[i] = (this.others[i] as number) * grow(0.5 + (i + 0.5) / ideas / 2)
    return this.sure + this.others.reduce((a, b) => a + b, 0)
  }
}

function plain(steps: readonly Step[], weights: readonly number[], minRequests: number, alpha: number) {
  const verdicts: string[] = []
  const bettors = { error: new Bettors(), timeout: new Bettors() }
  const needed = { error: 2 / alpha, timeout: 4 / alpha }
  let [step, served] = [0, 0]
  let phase = 'step'
  for (const { arm, stable, canary } of steps) {
    for (const kind of ['error', 'timeout'] as const) {
      const [bad, other] = [canary === kind && stable === 'ok', stable === kind && canary === 'ok']
      if ((bad || other) && bettors[kind].bet(bad) >= needed[kind] && bad)
        return { verdicts: [...verdicts, 'rolled-back'], phase: 'rolled-back', weight: 0 }
    }
    if (arm === 'canary' && phase === 'step' && ++served >= minRequests) {
      served = 0
      if (step + 1 < weights.length) {
        verdicts.push('advanced')
        step++
      } else {
        verdicts.push('promoted')
        phase = 'bake'
      }
    }
  }
  return { verdicts, phase, weight: phase === 'bake' ? 1 : (weights[step] as number) }
}

/** Requests of which so many are bad in each arm. */
const stepsOf = fc.record({ stable: fc.nat(30), canary: fc.nat(100), late: fc.nat(100) }).chain(rates =>
  fc.array(
    fc
      .record({ arm: fc.constantFrom('stable', 'canary'), a: fc.nat(99), b: fc.nat(99), c: fc.nat(99), d: fc.nat(99) })
      .map(({ arm, a, b, c, d }): Step => {
        const bad = (late: number): Outcome => (late < rates.late ? 'timeout' : 'error')
        return { arm, stable: a < rates.stable ? bad(b) : 'ok', canary: c < rates.canary ? bad(d) : 'ok' }
      }),
    { minLength: 1, maxLength: 120 },
  ),
)

it('requests move a rollout as the plain oracle says, request by request', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(
      stepsOf,
      fc.uniqueArray(fc.constantFrom(0.02, 0.1, 0.25, 0.6), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 2, max: 60 }),
      fc.constantFrom(0.01, 0.05, 0.2),
      (steps, shares, minRequests, alpha) => {
        const weights = shares.toSorted((a, b) => a - b)
        const names = {
          deployment: 'api',
          challenger: 'm@2',
          stable: 'm@1',
          task: 'regression',
          shadowRows: 0,
        } as const
        let state = startRollout(
          { ...names, steps: weights.map(weight => `${weight * 100}%` as const), minRequests, alpha },
          0,
          1,
        )
        const verdicts: string[] = []
        for (const { arm, ...outcome } of steps) {
          const rows = { stable: 0, canary: 0, [arm]: 1 }
          const event = { type: 'request', at: 1, rows, weight: state.weight, outcome } as const
          const { state: next, decisions } = advance(state, event)
          state = next
          verdicts.push(...decisions.map(({ verdict }) => verdict))
        }
        const expected = plain(steps, state.config.weights, minRequests, alpha)
        expect({ verdicts, phase: state.phase, weight: state.weight }).toEqual(expected)
        seen.set(expected.phase, (seen.get(expected.phase) ?? 0) + 1)
      },
    ),
    { numRuns: 900, seed: 20 },
  )
  // an oracle that is never asked says nothing
  for (const phase of ['step', 'bake', 'rolled-back']) expect(seen.get(phase), phase).toBeGreaterThan(20)
})
