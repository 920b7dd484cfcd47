import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { maxCodeBins } from './arena.ts'
import { slots } from './slots.ts'
import { bestCodeSplit } from './best-code-split.ts'
import { binCodes } from './categories.ts'
import { nextNode, outputsOf, type TrainingMatrix, type Tree, type TreeEnsemble } from './ensemble.ts'
import { compileTrees } from './evaluate.ts'
import { codeBase } from './kernels.ts'
import { layoutOf } from './layout.ts'
import { lossOf } from './progress.ts'
import { randomFrom } from './sampling.ts'
import { gradientOf, hessianOf, type SplitRules } from './split.ts'
import { trainTrees } from './train.ts'

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

describe('the best division of codes', () => {
  const cells = fc.array(fc.record({ g: fc.integer({ min: -60, max: 60 }), n: fc.integer({ min: 0, max: 9 }) }), {
    minLength: 2,
    maxLength: 8,
  })
  const rulesFor = (bins: number, over: Partial<SplitRules> = {}): SplitRules => ({
    bins: [bins],
    features: [0],
    categorical: [true],
    l2: 0,
    leastHessian: 0,
    minLeaf: 1,
    categoryL2: 0,
    categorySmoothing: 0,
    ...over,
  })
  const histogramOf = (list: readonly { g: number; n: number }[]): Float64Array => {
    const histogram = new Float64Array(slots)
    list.forEach(({ g, n }, bin) => {
      histogram[bin] = n === 0 ? 0 : n * codeBase + g
    })
    return histogram
  }

  test('without smoothing is the best of all subsets', () => {
    fc.assert(
      fc.property(cells, fc.integer({ min: 1, max: 4 }), (list, least) => {
        const present = list.map((cell, bin) => ({ ...cell, bin })).filter(cell => cell.n > 0)
        const G = sum(present.map(cell => cell.g))
        const N = sum(present.map(cell => cell.n))
        let best = 0
        for (let subset = 1; subset < 2 ** present.length - 1; subset++) {
          const inside = present.filter((_, at) => (subset >> at) & 1)
          const [g, n] = [sum(inside.map(cell => cell.g)), sum(inside.map(cell => cell.n))]
          best = Math.max(best, g ** 2 / n + (G - g) ** 2 / (N - n) - G ** 2 / N)
        }
        const found = bestCodeSplit(histogramOf(list), N * codeBase + G, 0, rulesFor(list.length), 0)
        // Up to four are asked one by one
        if (present.length > 4) expect(found?.gain ?? 0).toBeCloseTo(best, 6)
        else if (present.length < 4) expect(found?.gain ?? 0).toBeCloseTo(best, 6)
        if (!found) return
        const inside = present.filter(cell => found.bins?.includes(cell.bin))
        const [g, n] = [sum(inside.map(cell => cell.g)), sum(inside.map(cell => cell.n))]
        expect([gradientOf(found.left), hessianOf(found.left)]).toEqual([g, n])
        // the lighter group is named, so that unknown codes go with most rows
        expect(2 * n).toBeLessThanOrEqual(N)
        const guarded = bestCodeSplit(histogramOf(list), N * codeBase + G, least, rulesFor(list.length), 0)
        if (guarded) {
          const size = hessianOf(guarded.left)
          expect(Math.min(size, N - size)).toBeGreaterThanOrEqual(least)
        }
      }),
      { numRuns: 400 },
    )
  })

  test('penalty and smoothing make a division of many worth less, of few not', () => {
    const list = [1, 2, 3, 4, 5, 6].map(g => ({ g: g * 10 - 35, n: 5 }))
    const gain = (count: number, over: Partial<SplitRules>): number => {
      const some = list.slice(0, count)
      const total = sum(some.map(cell => cell.n)) * codeBase + sum(some.map(cell => cell.g))
      return bestCodeSplit(histogramOf(some), total, 0, rulesFor(count, over), 0)?.gain ?? 0
    }
    expect(gain(6, { categoryL2: 5 })).toBeLessThan(gain(6, {}))
    expect(gain(3, { categoryL2: 5 })).toBe(gain(3, {}))
  })

  test('smoothing puts codes of few rows in the middle', () => {
    // one row of a great slope among codes of many rows: first without smoothing, between the others with it
    const list = [{ g: -30, n: 1 }, ...[-40, -20, 0, 20, 40].map(g => ({ g, n: 20 }))]
    const total = sum(list.map(cell => cell.n)) * codeBase + sum(list.map(cell => cell.g))
    const bins = (smoothing: number) =>
      bestCodeSplit(histogramOf(list), total, 0, rulesFor(list.length, { categorySmoothing: smoothing }), 0)?.bins
    expect(bins(0)).toContain(0)
    expect(bins(5000)).not.toEqual(bins(0))
  })
})

describe('bins of codes', () => {
  const matrixOf = (
    codes: number,
    rows: number,
    label: (code: number) => number,
    classes?: number,
  ): TrainingMatrix => ({
    rows,
    columns: [Float32Array.from({ length: rows }, (_, row) => row % codes)],
    codes: [codes],
    labels: Float32Array.from({ length: rows }, (_, row) => label(row % codes)),
    ...(classes ? { classes } : {}),
  })
  test('each code has its own where there is room, and codes beyond share with those of about the same label', () => {
    const few = binCodes(
      matrixOf(maxCodeBins, 3000, code => code),
      0,
      'regression',
    )
    expect(few.bins).toBe(maxCodeBins)
    expect([...few.binOf]).toEqual(Array.from({ length: maxCodeBins }, (_, code) => code))
    for (const task of ['regression', 'multiclass'] as const) {
      // the label says only in which of three groups a code is
      const many = binCodes(
        matrixOf(2000, 6000, code => code % 3, 3),
        0,
        task,
      )
      expect(many.bins).toBe(maxCodeBins)
      const groups = new Map<number, Set<number>>()
      many.binOf.forEach((bin, code) => groups.set(bin, (groups.get(bin) ?? new Set()).add(code % 3)))
      expect([...groups.values()].every(group => group.size === 1)).toBe(true)
    }
  })

  test('a feature of more codes than a column holds has several columns', () => {
    const bins = (count: number) => ({ bins: count, binOf: new Uint16Array(count) })
    expect(layoutOf(4, [undefined, bins(255), bins(256), undefined])).toEqual({
      columns: 5,
      first: [0, 1, 2, 4],
      wide: [-1, -1, 0, -1],
      wides: 1,
    })
  })
})

const naive = (ensemble: TreeEnsemble, values: readonly number[]): number[] => {
  const outputs = outputsOf(ensemble)
  const margins = [...ensemble.baseScore]
  ensemble.trees.forEach((tree: Tree, at) => {
    let node = 0
    while ((tree.feature[node] as number) >= 0)
      node = nextNode(tree, node, values[tree.feature[node] as number] as number)
    margins[at % outputs] = (margins[at % outputs] as number) + (tree.value[node] as number)
  })
  return margins
}

describe.each([3, 40, 255, 256, 600, 1500])('a text of %s codes', codes => {
  const random = randomFrom(codes, 1)
  const rows = 6000
  const effect = Float32Array.from({ length: codes }, () => random() * 4 - 2)
  const columns = [
    Float32Array.from({ length: rows }, () => Math.floor(random() ** 2 * codes)),
    Float32Array.from({ length: rows }, () => (random() < 0.1 ? NaN : random())),
  ]
  const labels = Float32Array.from(columns[0] as Float32Array, (code, row) =>
    (effect[code] ?? 0) + ((columns[1]?.[row] ?? 0) || 0) + random() > 0.7 ? 1 : 0,
  )
  const matrix: TrainingMatrix = { rows, columns, codes: [codes, 0], labels, classes: 2 }

  test('is learned as it is evaluated, and better than as a number', async () => {
    for (const task of ['binary', 'multiclass', 'regression'] as const) {
      const losses: number[] = []
      const options = { task, trees: 4, learningRate: 0.3, subsample: 0.7, seed: 3 } as const
      const hooks = {
        validation: matrix,
        onRound: (r: { validationLoss?: number }) => void losses.push(r.validationLoss ?? NaN),
      }
      const ensemble = await trainTrees(matrix, options, hooks)
      expect(ensemble.trees.some(tree => tree.codes)).toBe(true)
      const { outputs, margins } = compileTrees(ensemble)
      const flat = Float32Array.from({ length: rows * 2 }, (_, i) => columns[i % 2]?.[Math.floor(i / 2)] as number)
      const out = new Float32Array(rows * outputs)
      margins(flat, rows, out)
      for (let row = 0; row < rows; row += 97)
        naive(ensemble, [flat[2 * row] as number, flat[2 * row + 1] as number]).forEach((margin, k) =>
          expect(out[row * outputs + k]).toBeCloseTo(margin, 5),
        )
      const byColumn = Float64Array.from(
        { length: rows * outputs },
        (_, i) => out[(i % rows) * outputs + Math.floor(i / rows)] as number,
      )
      expect(losses.at(-1)).toBeCloseTo(lossOf(task, byColumn, matrix), 5)
      const { codes: _, ...asNumbers } = matrix
      const numeric: number[] = []
      await trainTrees(asNumbers, options, { ...hooks, onRound: r => void numeric.push(r.validationLoss ?? NaN) })
      if (codes >= 40) expect(losses.at(-1)).toBeLessThan(numeric.at(-1) as number)
    }
  })

  test('a code beyond those of training, or between two, goes to the right', async () => {
    const ensemble = await trainTrees(matrix, { task: 'binary', trees: 2 })
    const { predict } = compileTrees(ensemble)
    const ask = (code: number): number => {
      const out = new Float32Array(1)
      predict(Float32Array.from([code, 0.5]), 1, out)
      return out[0] as number
    }
    for (const strange of [codes, 1e9, -1, 0.5, NaN])
      expect(ask(strange)).toBeCloseTo(1 / (1 + Math.exp(-(naive(ensemble, [strange, 0.5])[0] as number))), 5)
  })
})

test('codes must be whole numbers below their count', async () => {
  const matrix = { rows: 2, columns: [Float32Array.from([0, 2])], codes: [2], labels: Float32Array.from([0, 1]) }
  await expect(trainTrees(matrix, { task: 'binary', trees: 1 })).rejects.toThrow(
    'row 1 of feature 0 has the code 2 of 2',
  )
  const missing = { ...matrix, columns: [Float32Array.from([0, NaN])] }
  await expect(trainTrees(missing, { task: 'binary', trees: 1 })).rejects.toThrow('row 1 of feature 0 has the code NaN')
})
