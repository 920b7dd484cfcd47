import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileTrees, type Crew, gainImportance, performJob, type TrainingMatrix, trainTrees } from './index.ts'
import { randomFrom } from './sampling.ts'
import { newMemory } from './web-assembly.ts'

function table(
  rows: number,
  width: number,
  seed: number,
  label: (x: number[], random: () => number) => number,
): TrainingMatrix {
  const random = randomFrom(seed, 0)
  const columns = Array.from({ length: width }, () => new Float32Array(rows))
  const labels = new Float32Array(rows)
  for (let row = 0; row < rows; row++) {
    columns.forEach((column, at) => {
      // The last column has few values, the first one some missing.
      column[row] = at === width - 1 ? Math.floor(random() * 5) : at === 0 && random() < 0.1 ? NaN : random() * 10 - 5
    })
    labels[row] = label(
      columns.map(column => column[row] ?? 0),
      random,
    )
  }
  return { rows, columns, labels }
}

const binary = (rows: number, seed = 1): TrainingMatrix =>
  table(rows, 4, seed, ([a = 0, b = 0, , d = 0], random) =>
    (Number.isNaN(a) ? 2 : a) + b * (d > 2 ? 1 : -1) + 2 * (random() - 0.5) > 0 ? 1 : 0,
  )

function rowMajor({ rows, columns }: TrainingMatrix): Float32Array {
  const out = new Float32Array(rows * columns.length)
  columns.forEach((column, at) => {
    column.forEach((value, row) => {
      out[row * columns.length + at] = value
    })
  })
  return out
}

/** Several "threads" one after the other: what a real crew does, without the timing. */
function inTurns(threads: number): Crew {
  return {
    threads,
    allocate: pages => newMemory(pages),
    open: async () => {},
    perform(arena) {
      for (let thread = threads - 1; thread >= 0; thread--) performJob(arena, thread, threads)
    },
    close: async () => {},
  }
}

describe('trainTrees', () => {
  test('learns a binary task with an interaction and missing values', async () => {
    const held = binary(2000, 9)
    const ensemble = await trainTrees(binary(8000), { task: 'binary', trees: 60 })
    const out = new Float32Array(held.rows)
    compileTrees(ensemble).predict(rowMajor(held), held.rows, out)
    const right = out.filter((p, row) => p > 0.5 === (held.labels[row] === 1)).length
    expect(right / held.rows).toBeGreaterThan(0.88)
    const importance = gainImportance(ensemble)
    expect(importance.reduce((a, b) => a + b)).toBeCloseTo(1, 9)
    expect(importance[2]).toBeLessThan(0.05)
  })

  test('learns a regression and a multiclass task', async () => {
    const matrix = table(6000, 3, 3, ([, b = 0, c = 0]) => b * b + 3 * c)
    const ensemble = await trainTrees(matrix, { task: 'regression', trees: 100 })
    const out = new Float32Array(matrix.rows)
    compileTrees(ensemble).predict(rowMajor(matrix), matrix.rows, out)
    const error = Math.sqrt(out.reduce((sum, y, row) => sum + (y - (matrix.labels[row] ?? 0)) ** 2, 0) / matrix.rows)
    expect(error).toBeLessThan(0.3)

    const three = { ...table(4000, 3, 4, ([, b = 0, c = 0]) => (b > 1 ? 2 : c > 2 ? 1 : 0)), classes: 3 }
    const classes = await trainTrees(three, { task: 'multiclass', trees: 20 })
    const probabilities = new Float32Array(three.rows * 3)
    compileTrees(classes).predict(rowMajor(three), three.rows, probabilities)
    let right = 0
    for (let row = 0; row < three.rows; row++) {
      const p = probabilities.subarray(row * 3, row * 3 + 3)
      expect(p.reduce((a, b) => a + b)).toBeCloseTo(1, 5)
      if (p.indexOf(Math.max(...p)) === three.labels[row]) right++
    }
    expect(right / three.rows).toBeGreaterThan(0.99)
  })

  test('gives the same model for every number of threads, for every task and option', async () => {
    const matrix = binary(50_000)
    const weights = Float32Array.from({ length: matrix.rows }, (_, row) => 1 + (row % 3))
    for (const options of [
      { task: 'binary', trees: 2 },
      { task: 'regression', trees: 2, subsample: 0.5 },
      { task: 'multiclass', trees: 1, columnSample: 0.5, depth: 4 },
    ] as const) {
      for (const data of [matrix, { ...matrix, weights }]) {
        const alone = await trainTrees({ ...data, classes: 2 }, options)
        for (const threads of [2, 3]) {
          expect(await trainTrees({ ...data, classes: 2 }, options, { parallel: inTurns(threads) })).toEqual(alone)
        }
      }
    }
  })

  test('depends on the seed only where something is drawn', async () => {
    const matrix = binary(3000)
    const train = (seed: number): Promise<unknown> =>
      trainTrees(matrix, { task: 'binary', trees: 3, subsample: 0.6, seed })
    expect(await train(1)).toEqual(await train(1))
    expect(await train(1)).not.toEqual(await train(2))
  })

  test('stops early and keeps the best round', async () => {
    const noise = table(600, 3, 5, (_, random) => (random() < 0.5 ? 1 : 0))
    const losses: number[] = []
    const ensemble = await trainTrees(
      noise,
      { task: 'binary', trees: 200, earlyStopping: 5 },
      {
        validation: table(600, 3, 6, (_, random) => (random() < 0.5 ? 1 : 0)),
        onRound: ({ validationLoss }) => void losses.push(validationLoss ?? NaN),
      },
    )
    expect(losses.length).toBeLessThan(200)
    expect(ensemble.trees.length).toBe(Math.max(1, losses.indexOf(Math.min(...losses)) + 1))
  })

  test('obeys depth, leaves and the least rows of a leaf', async () => {
    const { trees } = await trainTrees(binary(5000), { task: 'regression', trees: 3, depth: 3, minLeaf: 100 })
    for (const tree of trees) {
      const depth = (node: number): number =>
        (tree.feature[node] ?? -1) < 0 ? 0 : 1 + Math.max(depth(tree.left[node] ?? 0), depth(tree.right[node] ?? 0))
      expect(depth(0)).toBeLessThanOrEqual(3)
      expect(tree.feature.filter(feature => feature < 0).length).toBeLessThanOrEqual(8)
      tree.feature.forEach((feature, node) => {
        if (feature < 0) expect(tree.count[node]).toBeGreaterThanOrEqual(100)
      })
      expect(tree.threshold.every(threshold => Math.fround(threshold) === threshold)).toBe(true)
    }
  })

  test('refuses what it cannot train on, by name', async () => {
    const matrix = binary(100)
    const train = (change: Partial<TrainingMatrix>, options = {}): Promise<unknown> =>
      trainTrees({ ...matrix, ...change }, { task: 'binary', trees: 1, ...options })
    await expect(train({}, { trees: 0 })).rejects.toThrow(/trees must be a whole number/)
    await expect(train({ columns: [] })).rejects.toThrow(/at least one feature/)
    await expect(train({ columns: [new Float32Array(3)] })).rejects.toThrow(/feature 0 has 3 values/)
    await expect(train({ columns: [new Float32Array(100).fill(Infinity)] })).rejects.toThrow(/infinite/)
    await expect(train({ labels: new Float32Array(100).fill(2) })).rejects.toThrow(/label of row 0 is 2/)
    await expect(train({ weights: new Float32Array(100) })).rejects.toThrow(/weights are zero/)
  })

  test('survives data with nothing to learn', async () => {
    const flat: TrainingMatrix = {
      rows: 50,
      columns: [new Float32Array(50).fill(NaN), new Float32Array(50)],
      labels: new Float32Array(50),
    }
    for (const task of ['binary', 'regression'] as const) {
      const ensemble = await trainTrees(flat, { task, trees: 2 })
      expect(ensemble.trees.every(tree => tree.feature.length === 1)).toBe(true)
    }
  })
})

test('the first split is the best one of all (against trying every one)', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.tuple(
          fc.option(fc.integer({ min: -5, max: 5 }), { nil: NaN }),
          fc.integer({ min: 0, max: 3 }),
          fc.integer({ min: -20, max: 20 }),
        ),
        { minLength: 2, maxLength: 60 },
      ),
      async cases => {
        const columns = [0, 1].map(at => Float32Array.from(cases, row => row[at] as number))
        const labels = Float32Array.from(cases, row => row[2])
        const { trees, baseScore } = await trainTrees(
          { rows: cases.length, columns, labels },
          { task: 'regression', trees: 1, leaves: 2, minLeaf: 1 },
        )
        const g = Array.from(labels, label => (baseScore[0] ?? 0) - label)
        const score = (rows: number[]): number =>
          rows.length ? rows.reduce((sum, row) => sum + (g[row] ?? 0), 0) ** 2 / rows.length : 0
        const all = g.map((_, row) => row)
        const gainOf = (goes: (row: number) => boolean): number => {
          const left = all.filter(goes)
          const right = all.filter(row => !goes(row))
          return left.length && right.length ? (score(left) + score(right) - score(all)) / 2 : 0
        }
        let best = 0
        for (const column of columns) {
          for (const value of column) {
            for (const missing of [true, false]) {
              best = Math.max(
                best,
                gainOf(row => (Number.isNaN(column[row]) ? missing : (column[row] ?? 0) <= value)),
              )
            }
          }
        }
        expect(trees[0]?.gain[0] ?? 0).toBeCloseTo(best, 3)
      },
    ),
    { numRuns: 200 },
  )
})
