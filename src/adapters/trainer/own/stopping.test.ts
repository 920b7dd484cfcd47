import { expect, it } from 'vitest'
import { seeded } from '../../../math/random/seeded.ts'
import { trainTrees, type TreeEnsemble } from '../../../math/trees/index.ts'
import { gbt } from '../../../define/trainer.ts'
import { type Examples, partOf, rowsOf } from './examples.ts'
import { fitEstimator, type FitHooks } from './fit-estimator.ts'

// Where training ends, held to losses that are looked up one by one.

const patience = 6
const options = { trees: 120, leaves: 6, minLeaf: 5, learningRate: 0.3 }

function examplesOf(rows: number, seed: number, task: 'regression' | 'multiclass' = 'regression'): Examples {
  const random = seeded(seed)
  const columns = Array.from({ length: 3 }, () => Float32Array.from({ length: rows }, () => random.next()))
  const worth = (row: number): number => (columns[0]?.[row] ?? 0) * 2 + random.next()
  return {
    task,
    rows,
    columns,
    codes: [0, 0, 0],
    names: ['a', 'b', 'c'],
    scale: { offset: [0, 0, 0], factor: [1, 1, 1] },
    labels: Float32Array.from({ length: rows }, (_, row) =>
      task === 'multiclass' ? Math.floor(worth(row)) : worth(row),
    ),
    ...(task === 'multiclass' ? { classes: 3 } : {}),
  }
}

async function fitted(trainer: ReturnType<typeof gbt>, examples: Examples, more: Partial<FitHooks> = {}) {
  const { estimator } = await fitEstimator(trainer, examples, { crew: undefined, onRound: () => undefined, ...more })
  return (estimator as { readonly ensemble: TreeEnsemble }).ensemble
}

/** After how many rounds the loss on other rows was least, when nobody waits longer than the patience. */
async function bestRounds(own: Examples, held: Examples): Promise<number> {
  const losses: number[] = []
  const { task } = own
  await trainTrees(
    own,
    { task, ...options },
    { validation: held, onRound: one => void losses.push(one.validationLoss as number) },
  )
  let best = 0
  for (let at = 1; at < losses.length && at - best <= patience; at++)
    if ((losses[at] as number) < (losses[best] as number)) best = at
  return best + 1
}

it.each([
  ['regression', 2],
  ['regression', 5],
  ['multiclass', 3],
] as const)('of %s, %i folds say how many rounds all rows are learned from', async (task, folds) => {
  const examples = examplesOf(403, 7, task)
  const edges = Array.from({ length: folds + 1 }, (_, at) => Math.floor((at * 403) / folds))
  const each = await Promise.all(
    edges.slice(1).map((to, at) => {
      const from = edges[at] as number
      return bestRounds(
        rowsOf(examples, row => row < from || row >= to),
        partOf(examples, from, to),
      )
    }),
  )
  const rounds = Math.round(each.reduce((sum, one) => sum + one, 0) / folds)
  expect(rounds).toBeLessThan(options.trees)
  const told: number[] = []
  const found = await fitted(gbt({ ...options, earlyStopping: patience, stoppingFolds: folds }), examples, {
    onRound: (done, of) => told.push(done / of),
  })
  expect(found).toEqual(await fitted(gbt({ ...options, trees: rounds }), examples))
  // progress never goes back, and ends at the end
  expect(told).toEqual(told.toSorted((a, b) => a - b))
  expect(told.at(-1)).toBe(1)
})

it('without folds, or with fewer rows than folds can be made of, the newest tenth says when to stop', async () => {
  const examples = examplesOf(400, 9)
  const stopping = gbt({ ...options, earlyStopping: patience })
  const rounds = await bestRounds(partOf(examples, 0, 360), partOf(examples, 360, 400))
  expect((await fitted(stopping, examples)).trees).toHaveLength(rounds)
  const few = examplesOf(40, 9)
  expect(await fitted({ ...stopping, stoppingFolds: 21 } as never, few)).toEqual(await fitted(stopping, few))
})
