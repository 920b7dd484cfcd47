import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileTrees, nextNode, outputsOf, type TrainingMatrix, type Tree, trainTrees } from '../trees/index.ts'
import {
  type Comparison,
  type Forest,
  forestAnswers,
  interventionalContributions,
  linearContributions,
  permutationImportance,
  sampledContributions,
  treeContributions,
} from './index.ts'

const pause = async (): Promise<void> => {}

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

/** Shapley values by their definition. */
function shapley(inputs: number, value: (known: ReadonlySet<number>) => number): number[] {
  const all = Array.from({ length: inputs }, (_, at) => at)
  return all.map(input => {
    let sum = 0
    for (let subset = 0; subset < 2 ** inputs; subset++) {
      if ((subset >> input) & 1) continue
      const known = new Set(all.filter(at => (subset >> at) & 1))
      const weight = (factorial(known.size) * factorial(inputs - 1 - known.size)) / factorial(inputs)
      sum += weight * (value(new Set([...known, input])) - value(known))
    }
    return sum
  })
}

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
        const { expected, values } = await treeContributions(ensemble, row, pause)
        const margins = new Float32Array(outputs)
        compileTrees(ensemble).margins(Float32Array.from(row), 1, margins)
        for (let output = 0; output < outputs; output++) {
          const own = values[output] as Float64Array
          const total = own.reduce((sum, value) => sum + value, expected[output] as number)
          expect(Math.abs(total - (margins[output] as number))).toBeLessThan(1e-5 * Math.max(1, Math.abs(total)))
          const trees = ensemble.trees.filter((_, at) => at % outputs === output)
          const value = (known: ReadonlySet<number>): number =>
            trees.reduce((sum, tree) => sum + conditional(tree, row, known), 0)
          shapley(4, value).forEach((one, feature) => expect(own[feature]).toBeCloseTo(one, 6))
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
  await expect(treeContributions(blind, [1], pause)).rejects.toThrow(/do not tell how many rows/)
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

  test('what the loss depends on is worth what moving it costs, the rest nothing', async () => {
    const { mean, deviation, loss: before } = await permutationImportance(columns, loss, { repeats: 20 })
    expect(before).toBe(0)
    // Of independent values dealt anew, the squares of the differences add up to twice the variance
    expect(mean[0]).toBeGreaterThan(0.9 * 9 * 2 * 0.5)
    expect(mean[0]).toBeLessThan(1.1 * 9 * 2 * 0.5)
    expect((mean[0] as number) / (mean[1] as number)).toBeCloseTo(9, 0)
    expect([mean[2], deviation[2]]).toEqual([0, 0])
    expect(deviation[0]).toBeGreaterThan(0)
  })
  test('columns stay as they were; the seed decides; texts are dealt too', async () => {
    const kept = columns.map(one => [...one])
    const first = await permutationImportance(columns, loss, { seed: 4 })
    expect(columns.map(one => [...one])).toEqual(kept)
    expect(await permutationImportance(columns, loss, { seed: 4 })).toEqual(first)
    expect(await permutationImportance(columns, loss, { seed: 5 })).not.toEqual(first)
    const texts = [Array.from({ length: 50 }, (_, row) => `t${row % 5}`)]
    const wrong = ([list]: readonly (readonly string[])[]): number =>
      (list ?? []).filter((text, row) => text !== `t${row % 5}`).length
    expect((await permutationImportance(texts, wrong)).mean[0]).toBeGreaterThan(25)
    await expect(permutationImportance(texts, wrong, { repeats: 0 })).rejects.toThrow(/repeats/)
  })
})

const comparisons: readonly Comparison[] = ['<=', '<', '>=', '>', '==', '!=']
const cell = fc.oneof(fc.integer({ min: -2, max: 2 }), fc.constant(Number.NaN))
/** A tree whose nodes stand in the order of a heap; the last level is leaves. */
const forestTree = fc
  .record({
    column: fc.array(fc.nat(4), { minLength: 7, maxLength: 7 }),
    comparison: fc.array(fc.constantFrom(...comparisons), { minLength: 7, maxLength: 7 }),
    threshold: fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 7, maxLength: 7 }),
    missingYes: fc.array(fc.boolean(), { minLength: 7, maxLength: 7 }),
    weights: fc.array(fc.tuple(fc.nat(1), fc.integer({ min: -8, max: 8 })), { minLength: 8, maxLength: 8 }),
  })
  .map(({ column, comparison, threshold, missingYes, weights }) => {
    const inner = (node: number): boolean => node < 7
    const nodes = Array.from({ length: 15 }, (_, node) => node)
    return {
      column: nodes.map(node => (inner(node) ? (column[node] as number) : -1)),
      comparison: nodes.map(node => comparison[node] ?? ('<=' as const)),
      threshold: nodes.map(node => threshold[node] ?? 0),
      missingYes: nodes.map(node => missingYes[node] ?? false),
      yes: nodes.map(node => (inner(node) ? 2 * node + 1 : -1)),
      no: nodes.map(node => (inner(node) ? 2 * node + 2 : -1)),
      adds: nodes.map(node => {
        const [output, weight] = weights[node - 7] ?? [0, 0]
        return inner(node)
          ? []
          : [
              { output, weight },
              { output: 1 - output, weight: weight / 2 },
            ]
      }),
    }
  })

describe('against background rows', () => {
  const width = 5
  // Columns 1 and 3 are made of one input, and move together
  const owner = [0, 1, 2, 1, 3]

  test('trees of any origin have the Shapley values of mixed rows, with every comparison and missing values', async () => {
    const forests = fc.record({
      trees: fc.array(forestTree, { minLength: 1, maxLength: 3 }),
      row: fc.array(cell, { minLength: width, maxLength: width }),
      background: fc.array(fc.array(cell, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(forests, async ({ trees, row, background }) => {
        const forest: Forest = { outputs: 2, width, base: [0.5, -1], trees }
        const others = { rows: background.length, features: background.flat() }
        const { expected, values } = await interventionalContributions(forest, row, others, { owner, inputs: 4, pause })
        for (const output of [0, 1]) {
          const value = (known: ReadonlySet<number>): number => {
            const mixed = background.flatMap(other =>
              other.map((own, at) => (known.has(owner[at] as number) ? row[at] : own)),
            )
            const answers = forestAnswers(forest, mixed as number[], background.length)
            return background.reduce((sum, _, at) => sum + (answers[at * 2 + output] as number), 0) / background.length
          }
          expect(expected[output]).toBeCloseTo(value(new Set()), 9)
          shapley(4, value).forEach((one, input) => expect(values[output]?.[input]).toBeCloseTo(one, 9))
        }
      }),
      { numRuns: 60 },
    )
  })

  test('a linear model: each input adds its coefficient times its distance from the mean, a code its effect', () => {
    const model = {
      task: 'binary' as const,
      coefficients: [[2, -1, 0]],
      intercepts: [0.25],
      replacements: [0, 7, 0],
      effects: [{ feature: 2, values: [[0], [4], [8]] }],
    }
    const others = { rows: 2, features: [1, 2, 0, 3, Number.NaN, 2] }
    const { expected, values } = linearContributions(model, [5, Number.NaN, 1], others)
    // Means of what is added: 2 × 2, −(2 + 7)/2, (0 + 8)/2
    expect(expected).toEqual([0.25 + 4 - 4.5 + 4])
    expect([...(values[0] ?? [])]).toEqual([10 - 4, -7 + 4.5, 4 - 4])
  })

  const answered = (
    f: (row: readonly number[]) => number,
    row: readonly number[],
    background: readonly number[][],
  ) => ({
    inputs: row.length,
    outputs: 1,
    background: background.length,
    seed: 3,
    answers: async (rows: readonly { background: number; known: Uint8Array }[]) =>
      rows.map(({ background: at, known }) =>
        f(row.map((own, i) => (known[i] ? own : (background[at]?.[i] as number)))),
      ),
  })
  const random = (at: number): number => Math.sin(at * 12.9898) * 2
  const background = Array.from({ length: 40 }, (_, row) =>
    Array.from({ length: 6 }, (_unused, i) => random(row * 6 + i + 1)),
  )
  const f = ([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number => a * b + 3 * c + Math.max(0, d)
  const row = [1, 2, -1, 0.5, 9, -9]
  const exact = (): number[] =>
    shapley(6, known => {
      const of = background.map(other => f(other.map((own, i) => (known.has(i) ? (row[i] as number) : own))))
      return of.reduce((sum, one) => sum + one, 0) / of.length
    })

  test('any function: over all subsets the values are exact', async () => {
    const found = await sampledContributions({ ...answered(f, row, background), maxAnswers: 64 * 40 })
    expect(found.errors).toBeUndefined()
    expect(found.background).toBe(40)
    exact().forEach((one, i) => expect(found.values[0]?.[i]).toBeCloseTo(one, 9))
    expect(found.values[0]?.[5]).toBe(0)
  })
  test('any function: random orders come within their error, add up, and the seed decides', async () => {
    const asked = { ...answered(f, row, background), maxAnswers: 64 * 40 - 64 * 15 }
    const found = await sampledContributions(asked)
    const [values, errors] = [Array.from(found.values[0] ?? []), Array.from(found.errors?.[0] ?? [])]
    const off = exact().map((one, i) => Math.abs((values[i] as number) - one) / Math.max(1e-9, errors[i] as number))
    expect(Math.max(...off)).toBeLessThan(4)
    expect(errors[0]).toBeGreaterThan(0)
    expect(values[4]).toBe(0)
    expect(errors[4]).toBe(0)
    expect((found.expected[0] as number) + values.reduce((a, b) => a + b, 0)).toBeCloseTo(f(row), 9)
    expect(await sampledContributions(asked)).toEqual(found)
    expect(await sampledContributions({ ...asked, seed: 4 })).not.toEqual(found)
  })
  test.each([
    // of few inputs all subsets of at least thirty background rows, and of all forty where there is room
    ['all subsets', 6, 64 * 40, 64 * 40, 40],
    ['fewer background rows', 6, 64 * 30, 64 * 30, 30],
    ['orders, as many as there is room for', 6, 64 * 30 - 1, 274 * 7, 40],
    ['as many orders', 30, 31 * 100, 31 * 100, 40],
    ['ten orders, below which no error can be told', 30, 1, 31 * 10, 5],
    ['five hundred orders, beyond which none is worth its time', 30, 1e9, 31 * 500, 40],
  ])('any function is asked for no more than there is room for: %s', async (_, inputs, maxAnswers, answers, rows) => {
    let count = 0
    const found = await sampledContributions({
      inputs,
      outputs: 1,
      background: 40,
      seed: 1,
      maxAnswers,
      answers: async mixed => {
        count += mixed.length
        return mixed.map(({ known }) => known.reduce((sum, one) => sum + one, 0))
      },
    })
    expect(count).toBe(answers)
    expect(found.background).toBe(rows)
  })
})
