import { checkSpace, combinations, keyOf, type Proposal, type Space, type Trial } from './space.ts'

/**
 * The next combination that was not tried, in order; undefined when all were. Numbers that range are asked at `points` evenly
 * spread values, ends included (default 5).
 */
export function proposeGrid(
  history: readonly Trial[],
  space: Space,
  _seed = 0,
  { points = 5 }: { readonly points?: number } = {},
): Proposal | undefined {
  checkSpace(space)
  if (!(Number.isInteger(points) && points >= 1)) throw new RangeError(`points must be 1 or more, got ${points}`)
  const tried = new Set(history.map(trial => keyOf(trial.parameters)))
  for (const parameters of combinations(space, points))
    if (!tried.has(keyOf(parameters))) return { parameters, budget: 1 }
  return undefined
}
