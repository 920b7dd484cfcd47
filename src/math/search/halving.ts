import { checkSpace, drawNew, keyOf, type Proposal, randomAt, type Space, type Trial } from './space.ts'

export interface HalvingOptions {
  /** Combinations that start (default 27). */
  readonly trials?: number
  /** Of how many one goes on with as many times the effort (default 3). */
  readonly eta?: number
  /** Share of the full effort that a combination starts with (default 1/9). */
  readonly minBudget?: number
}

/**
 * Asynchronous successive halving (Li et al. 2020): many combinations with little effort, of which always the best `eta`-th
 * goes on with `eta` times as much. `'wait'` while only running trials can say what comes next; undefined at the end.
 */
export function proposeHalving(
  history: readonly Trial[],
  space: Space,
  seed = 0,
  { trials = 27, eta = 3, minBudget = 1 / 9 }: HalvingOptions = {},
): Proposal | 'wait' | undefined {
  checkSpace(space)
  if (!(Number.isInteger(trials) && trials >= 1)) throw new RangeError(`trials must be 1 or more, got ${trials}`)
  if (!(eta > 1)) throw new RangeError(`eta must be above 1, got ${eta}`)
  if (!(minBudget > 0 && minBudget <= 1))
    throw new RangeError(`minBudget must be above 0 and up to 1, got ${minBudget}`)
  const budgets = budgetsOf(minBudget, eta)
  const rungs = budgets.map(budget => history.filter(trial => Math.abs((trial.budget ?? 1) - budget) <= 1e-9 * budget))
  for (let rung = budgets.length - 2; rung >= 0; rung--) {
    const own = rungs[rung] as readonly Trial[]
    const promoted = new Set((rungs[rung + 1] as readonly Trial[]).map(trial => keyOf(trial.parameters)))
    const done = own.filter(trial => trial.loss !== undefined)
    const best = [...done]
      .filter(trial => trial.loss !== null && Number.isFinite(trial.loss))
      .sort((a, b) => (a.loss as number) - (b.loss as number))
      .slice(0, Math.floor(done.length / eta))
    const next = best.find(trial => !promoted.has(keyOf(trial.parameters)))
    if (next) return { parameters: next.parameters, budget: budgets[rung + 1] as number }
  }
  const [first = []] = rungs
  if (first.length < trials) {
    const tried = new Set(first.map(trial => keyOf(trial.parameters)))
    const parameters = drawNew(space, tried, randomAt(seed, first.length))
    if (parameters) return { parameters, budget: budgets[0] as number }
  }
  return history.some(trial => trial.loss === undefined) ? 'wait' : undefined
}

/** Up to the full effort, which is always the last. */
function budgetsOf(minBudget: number, eta: number): number[] {
  const budgets: number[] = []
  for (let budget = minBudget; budget < 1 - 1e-9; budget *= eta) budgets.push(budget)
  return [...budgets, 1]
}
