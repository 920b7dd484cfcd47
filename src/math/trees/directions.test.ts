import { describe, expect, test } from 'vitest'
import type { Task } from '../task.ts'
import type { TrainingMatrix } from './ensemble.ts'
import { compileTrees } from './evaluate.ts'
import type { TreeOptions } from './options.ts'
import { randomFrom } from './sampling.ts'
import { trainTrees } from './train.ts'

const tasks: readonly Task[] = ['regression', 'binary', 'count', 'quantile']

/** Three numbers, of which the first goes up and down, and a text; noise on top. */
function tableOf(task: Task, rows = 3000): TrainingMatrix {
  const random = randomFrom(tasks.indexOf(task) + 5, 2)
  const columns = [
    ...Array.from({ length: 3 }, () =>
      Float32Array.from({ length: rows }, () => (random() < 0.05 ? NaN : random() * 6)),
    ),
    Float32Array.from({ length: rows }, () => Math.floor(random() * 12)),
  ]
  const value = (row: number): number => {
    const [a = 0, b = 0, c = 0, d = 0] = columns.map(column => (column[row] as number) || 0)
    return Math.sin(a * 2) + 0.3 * a + b * (d % 2 === 0 ? 0.3 : -0.3) - 0.4 * c + random() * 1.5
  }
  const labels = Float32Array.from({ length: rows }, (_, row) => {
    const y = value(row)
    return task === 'binary' ? (y > 0.5 ? 1 : 0) : task === 'count' ? Math.max(0, Math.floor(y * 2)) : y * 1e4
  })
  return { rows, columns, codes: [0, 0, 0, 12], labels }
}

/** The greatest step against the direction, as a share of the range of all answers, over a sweep at 60 rows. */
async function against(task: Task, feature: number, direction: number, options: Partial<TreeOptions>): Promise<number> {
  const matrix = tableOf(task)
  const ensemble = await trainTrees(matrix, { task, trees: 25, learningRate: 0.2, quantile: 0.7, ...options })
  const { predict } = compileTrees(ensemble)
  const steps = 90
  let worst = 0
  let [low, high] = [Infinity, -Infinity]
  for (let row = 0; row < 3000; row += 50) {
    const rows = Float32Array.from({ length: steps * 4 }, (_, i) =>
      i % 4 === feature ? -1 + Math.floor(i / 4) * 0.09 : (matrix.columns[i % 4]?.[row] as number),
    )
    const out = new Float32Array(steps)
    predict(rows, steps, out)
    for (const value of out) [low, high] = [Math.min(low, value), Math.max(high, value)]
    for (let at = 1; at < steps; at++)
      worst = Math.max(worst, -direction * ((out[at] as number) - (out[at - 1] as number)))
  }
  return worst / (high - low)
}

describe.each(tasks)('%s', task => {
  test.each([
    [0, 1],
    [0, -1],
    [1, 1],
    [2, -1],
  ])('with feature %s the answer goes %s or stays, which it does not by itself', async (feature, direction) => {
    const monotone = [0, 0, 0, 0]
    monotone[feature] = direction
    expect(await against(task, feature, direction, { monotone })).toBe(0)
    expect(await against(task, feature, direction, { monotone, subsample: 0.6, l2: 3, depth: 4 })).toBe(0)
    if (feature < 2) expect(await against(task, feature, direction, {})).toBeGreaterThan(0.01)
  })

  test('several directions at once hold, each', async () => {
    const monotone = [1, -1, -1]
    for (const [feature, direction] of monotone.entries())
      expect(await against(task, feature, direction, { monotone })).toBe(0)
  })
})

test('a direction is 1, 0 or −1, and of no several classes', async () => {
  const matrix = tableOf('binary', 50)
  await expect(trainTrees(matrix, { task: 'binary', trees: 1, monotone: [2] })).rejects.toThrow(/monotone must be/)
  await expect(trainTrees({ ...matrix, classes: 2 }, { task: 'multiclass', trees: 1, monotone: [1] })).rejects.toThrow(
    /not for multiclass/,
  )
  const plain = await trainTrees(matrix, { task: 'binary', trees: 2 })
  expect(await trainTrees(matrix, { task: 'binary', trees: 2, monotone: [0, 0] })).toEqual(plain)
})

test('where the data go in the direction anyhow, a direction costs next to nothing', async () => {
  const rows = 4000
  const random = randomFrom(8, 8)
  const columns = [0, 1].map(() => Float32Array.from({ length: rows }, random))
  const labels = Float32Array.from(
    { length: rows },
    (_, row) => 3 * (columns[0]?.[row] ?? 0) + (columns[1]?.[row] ?? 0) + random() * 0.2,
  )
  const matrix = { rows, columns, labels }
  const loss = async (monotone: number[]): Promise<number> => {
    let last = NaN
    const onRound = (round: { validationLoss?: number }): void => void (last = round.validationLoss ?? NaN)
    await trainTrees(matrix, { task: 'regression', trees: 60, monotone }, { validation: matrix, onRound })
    return last
  }
  expect(await loss([1, 1])).toBeLessThan((await loss([])) * 1.5)
})
