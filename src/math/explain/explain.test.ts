import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileTrees, nextNode, outputsOf, type TrainingMatrix, type Tree, trainTrees } from '../trees/index.ts'
import { permutationImportance, treeContributions } from './index.ts'

const tables = fc.record({
  rows: fc.array(
    fc.tuple(
      fc.integer({ min: -4, max: 4 }),
      fc.option(fc.integer({ min: 0, max: 5 }), { nil: NaN }),
      fc.nat(6),
      fc.nat(3),
      fc.nat(2),
    ),
    { minLength: 20, maxLength: 60 },
  ),
  task: fc.constantFrom('regression', 'binary', 'multiclass', 'count' as const),
})

/** What a tree answers on average when only some features are known, by its definition. */
function conditional(tree: Tree, row: readonly number[], known: ReadonlySet<number>, node = 0): number {
  const feature = tree.feature[node] as number
  if (feature < 0) return tree.value[node] as number
  if (known.has(feature)) return conditional(tree, row, known, nextNode(tree, node, row[feature] as number))
  const [left, right] = [tree.left[node] as number, tree.right[node] as number]
  const share = (tree.count[left] as number) / (tree.count[node] as number)
  return share * conditional(tree, row, known, left) + (1 - share) * conditional(tree, row, known, right)
}

const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))

test('contributions are the Shapley values over all subsets, and add up to the margin', async () => {
  await fc.assert(
    fc.asyncProperty(tables, async ({ rows, task }) => {
      const matrix: TrainingMatrix = {
        rows: rows.length,
        columns: [0, 1, 2, 3].map(at => Float32Array.from(rows, row => row[at] as number)),
        codes: [0, 0, 7, 0],
        labels: Float32Array.from(rows, ([a, b, c, , k]) =>
          task === 'regression' ? a * (b || 1) + (c % 2) * 3 : task === 'binary' ? Number(a + (c % 3) > 0) : k,
        ),
        classes: 3,
      }
      const ensemble = await trainTrees(matrix, { task, trees: 3, depth: 4, minLeaf: 1, learningRate: 0.5 })
      const outputs = outputsOf(ensemble)
      for (const row of [[0, 1, 2, 3], [-4, NaN, 6, 0], rows[0]?.slice(0, 4) ?? []]) {
        const { expected, values } = treeContributions(ensemble, row)
        const margins = new Float32Array(outputs)
        compileTrees(ensemble).margins(Float32Array.from(row), 1, margins)
        for (let output = 0; output < outputs; output++) {
          const own = values[output] as Float64Array
          const total = own.reduce((sum, value) => sum + value, expected[output] as number)
          expect(Math.abs(total - (margins[output] as number))).toBeLessThan(1e-5 * Math.max(1, Math.abs(total)))
          const trees = ensemble.trees.filter((_, at) => at % outputs === output)
          const value = (known: ReadonlySet<number>): number =>
            trees.reduce((sum, tree) => sum + conditional(tree, row, known), 0)
          for (let feature = 0; feature < 4; feature++) {
            let shapley = 0
            for (let subset = 0; subset < 16; subset++) {
              if ((subset >> feature) & 1) continue
              const known = new Set([0, 1, 2, 3].filter(at => (subset >> at) & 1))
              const weight = (factorial(known.size) * factorial(3 - known.size)) / factorial(4)
              shapley += weight * (value(new Set([...known, feature])) - value(known))
            }
            expect(own[feature]).toBeCloseTo(shapley, 6)
          }
        }
      }
    }),
    { numRuns: 25 },
  )
})

test('trees without the counts of their rows cannot tell', async () => {
  const matrix = {
    rows: 50,
    columns: [Float32Array.from({ length: 50 }, (_, row) => row)],
    labels: new Float32Array(50),
  }
  const ensemble = await trainTrees(
    { ...matrix, labels: matrix.columns[0] as Float32Array },
    { task: 'regression', trees: 1 },
  )
  const blind = { ...ensemble, trees: ensemble.trees.map(tree => ({ ...tree, count: tree.count.map(() => 0) })) }
  expect(() => treeContributions(blind, [1])).toThrow(/do not tell how many rows/)
})

describe('permutation', () => {
  const rows = 400
  const column = (at: number): Float32Array =>
    Float32Array.from({ length: rows }, (_, row) => Math.sin((row + 1) * (at + 1.3) * 7))
  const columns = [column(0), column(1), column(2)]
  const loss = ([a, b]: readonly Float32Array[]): number =>
    Array.from(
      { length: rows },
      (_, row) =>
        (3 * (a?.[row] ?? 0) + (b?.[row] ?? 0) - 3 * (columns[0]?.[row] ?? 0) - (columns[1]?.[row] ?? 0)) ** 2,
    ).reduce((sum, one) => sum + one, 0) / rows

  test('what the loss depends on is worth what moving it costs, the rest nothing', () => {
    const { mean, deviation, loss: before } = permutationImportance(columns, loss, { repeats: 20 })
    expect(before).toBe(0)
    // Of independent values dealt anew, the squares of the differences add up to twice the variance
    expect(mean[0]).toBeGreaterThan(0.9 * 9 * 2 * 0.5)
    expect(mean[0]).toBeLessThan(1.1 * 9 * 2 * 0.5)
    expect((mean[0] as number) / (mean[1] as number)).toBeCloseTo(9, 0)
    expect([mean[2], deviation[2]]).toEqual([0, 0])
    expect(deviation[0]).toBeGreaterThan(0)
  })
  test('columns stay as they were; the seed decides; texts are dealt too', () => {
    const kept = columns.map(one => [...one])
    const first = permutationImportance(columns, loss, { seed: 4 })
    expect(columns.map(one => [...one])).toEqual(kept)
    expect(permutationImportance(columns, loss, { seed: 4 })).toEqual(first)
    expect(permutationImportance(columns, loss, { seed: 5 })).not.toEqual(first)
    const texts = [Array.from({ length: 50 }, (_, row) => `t${row % 5}`)]
    const wrong = ([list]: readonly (readonly string[])[]): number =>
      (list ?? []).filter((text, row) => text !== `t${row % 5}`).length
    expect(permutationImportance(texts, wrong).mean[0]).toBeGreaterThan(25)
    expect(() => permutationImportance(texts, wrong, { repeats: 0 })).toThrow(/repeats/)
  })
})
