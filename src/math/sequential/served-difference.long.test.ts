import { expect, it } from 'vitest'
import { seeded, type SeededRandom } from '../random/seeded.ts'
import { addServed, noServed, servedDifference } from './served-difference.ts'

// The promised error rate of business metrics, by simulation: arms alike, shares that rise, a look at every unit of the canary.
// What makes it so (the expectation of a term) is held beside, at once.

const draws: Readonly<Record<string, (random: SeededRandom) => number>> = {
  'normal, far from nought': random => 100 + 5 * random.normal(),
  'a conversion in thirty': random => (random.next() < 0.033 ? 1 : 0),
  'revenue: nothing, or a lognormal amount': random => (random.next() < 0.05 ? Math.exp(3 + 1.2 * random.normal()) : 0),
  'lognormal with a long tail': random => Math.exp(2 * random.normal()),
}
const shares = [0.01, 0.05, 0.2, 0.5]

it.each(Object.entries(draws))('%s: alike arms are told apart at most at the nominal rate', (_, draw) => {
  const random = seeded(3)
  const rollouts = 200
  let wrong = 0
  for (let rollout = 0; rollout < rollouts; rollout++) {
    let moments = noServed
    let told = false
    for (const share of shares)
      for (let canaries = 0; canaries < 150 && !told; ) {
        const canary = random.next() < share
        moments = addServed(moments, draw(random), canary, share)
        if (!canary) continue
        canaries++
        told = servedDifference(moments, 0.05).upper < 0
      }
    if (told) wrong++
  }
  // 2.5 % a side, and three standard errors of 200 tries
  expect(wrong / rollouts).toBeLessThanOrEqual(0.058)
})
