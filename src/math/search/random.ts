import { checkSpace, drawNew, keyOf, type Proposal, randomAt, type Space, type Trial } from './space.ts'

/** A combination at random that was not tried; undefined when all were (Bergstra and Bengio 2012). */
export function proposeRandom(history: readonly Trial[], space: Space, seed = 0): Proposal | undefined {
  checkSpace(space)
  const tried = new Set(history.map(trial => keyOf(trial.parameters)))
  const parameters = drawNew(space, tried, randomAt(seed, history.length))
  return parameters && { parameters, budget: 1 }
}
