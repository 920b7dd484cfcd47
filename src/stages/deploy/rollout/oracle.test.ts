import fc from 'fast-check'
import { expect, it } from 'vitest'
import { advance } from './advance.ts'
import { startRollout } from './start.ts'
import type { BadOutcome, Outcome } from './state.ts'

// A plain oracle of what requests do to a rollout. The mixture e-value is played as Pólya's urn, one bad answer after another:
// the chance that the urn gave the arm, over the chance of the null. No beta function, no state that is carried.

interface Step {
  readonly arm: 'stable' | 'canary'
  readonly outcome: Outcome
}

interface Expected {
  readonly verdicts: readonly string[]
  readonly phase: string
  readonly weight: number
}

function plain(
  answers: readonly Step[],
  weights: readonly number[],
  minRequests: number,
  alpha: number,
  watched: readonly BadOutcome[],
): Expected {
  const verdicts: string[] = []
  const evidence = new Map<string, number>(watched.map(kind => [kind, 1]))
  let [step, inRow, served] = [0, 0, 0]
  let urns = new Map<string, [canary: number, all: number]>()
  let phase = 'step'
  const end = (): Expected => ({
    verdicts,
    phase,
    weight: phase === 'bake' ? 1 : phase === 'step' ? (weights[step] as number) : 0,
  })
  for (const { arm, outcome } of answers) {
    if (arm === 'canary') {
      served++
      inRow = outcome === 'ok' || outcome === 'slow' ? 0 : inRow + 1
    }
    if (inRow === 5) {
      verdicts.push('rolled-back')
      phase = 'rolled-back'
      return end()
    }
    if (outcome !== 'ok' && watched.includes(outcome) && phase === 'step') {
      const weight = weights[step] as number
      const [canary, all] = urns.get(outcome) ?? [0, 0]
      const chance = (10 * weight + canary) / (10 + all)
      const factor = arm === 'canary' ? chance / weight : (1 - chance) / (1 - weight)
      evidence.set(outcome, (evidence.get(outcome) as number) * factor)
      const now: [number, number] = [canary + (arm === 'canary' ? 1 : 0), all + 1]
      urns.set(outcome, now)
      if (arm === 'canary' && now[0] / now[1] > weight && (evidence.get(outcome) as number) >= watched.length / alpha) {
        verdicts.push('rolled-back')
        phase = 'rolled-back'
        return end()
      }
    }
    if (phase === 'step' && arm === 'canary' && served >= minRequests) {
      served = 0
      urns = new Map()
      if (step + 1 < weights.length) {
        verdicts.push('advanced')
        step++
      } else {
        verdicts.push('promoted')
        phase = 'bake'
      }
    }
  }
  return end()
}

const kinds = ['error', 'timeout', 'invalid', 'slow'] as const
/** Answers of which so many of each arm are bad, in one way more often than in the others. */
const answersOf = fc
  .record({ often: fc.constantFrom('slow', 'timeout', 'invalid', 'error'), stable: fc.nat(20), canary: fc.nat(100) })
  .chain(({ often, stable, canary }) =>
    fc.array(
      fc
        .record({ arm: fc.constantFrom('stable', 'canary'), bad: fc.nat(99), kind: fc.nat(9) })
        .map(({ arm, bad, kind }): Step => {
          if (bad >= (arm === 'stable' ? stable : canary)) return { arm, outcome: 'ok' }
          return { arm, outcome: kinds[kind] ?? often }
        }),
      { minLength: 1, maxLength: 200 },
    ),
  )

it('requests move a rollout as the plain oracle says, answer by answer', () => {
  const seen = new Map<string, number>()
  fc.assert(
    fc.property(
      answersOf,
      fc.uniqueArray(fc.constantFrom(0.02, 0.1, 0.25, 0.6), { minLength: 1, maxLength: 3 }),
      fc.integer({ min: 2, max: 60 }),
      fc.constantFrom(0.01, 0.05, 0.2),
      fc.subarray([...kinds], { minLength: 1 }),
      (answers, shares, minRequests, alpha, guardrails) => {
        const weights = shares.toSorted((a, b) => a - b)
        let state = startRollout(
          {
            deployment: 'api',
            challenger: 'm@2',
            stable: 'm@1',
            task: 'regression',
            shadowRows: 0,
            steps: weights.map(weight => `${weight * 100}%` as const),
            minRequests,
            alpha,
            guardrails,
          },
          0,
          1,
        )
        const verdicts: string[] = []
        for (const one of answers) {
          const { state: next, decisions } = advance(state, { type: 'request', at: 1, ...one })
          state = next
          verdicts.push(...decisions.map(({ verdict }) => verdict))
        }
        const expected = plain(answers, state.config.weights, minRequests, alpha, guardrails)
        expect({ verdicts, phase: state.phase, weight: state.weight }).toEqual(expected)
        seen.set(expected.phase, (seen.get(expected.phase) ?? 0) + 1)
      },
    ),
    { numRuns: 1_000, seed: 20 },
  )
  // an oracle that is never asked says nothing
  for (const phase of ['step', 'bake', 'rolled-back']) expect(seen.get(phase), phase).toBeGreaterThan(20)
})
