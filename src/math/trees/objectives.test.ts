import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compileTrees, type Crew, performJob, type TrainingMatrix, type TreeEnsemble, trainTrees } from './index.ts'
import { lossOf } from './progress.ts'
import { weightedQuantile } from './quantile-leaves.ts'
import { randomFrom } from './sampling.ts'
import { newMemory } from './web-assembly.ts'

function answers(ensemble: TreeEnsemble, { rows, columns }: TrainingMatrix): Float32Array {
  const width = columns.length
  const flat = Float32Array.from(
    { length: rows * width },
    (_, i) => columns[i % width]?.[Math.floor(i / width)] as number,
  )
  const compiled = compileTrees(ensemble)
  const out = new Float32Array(rows * compiled.outputs)
  compiled.predict(flat, rows, out)
  return out
}

function table(
  rows: number,
  seed: number,
  label: (a: number, b: number, random: () => number) => number,
): TrainingMatrix {
  const random = randomFrom(seed, 0)
  const columns = [0, 1].map(() => Float32Array.from({ length: rows }, () => random() * 4 - 2))
  const labels = Float32Array.from({ length: rows }, (_, row) =>
    label(columns[0]?.[row] as number, columns[1]?.[row] as number, random),
  )
  return { rows, columns, labels }
}
const mean = (list: ArrayLike<number>): number => Array.from(list).reduce((a, b) => a + b, 0) / list.length

test('a weighted quantile is the least value that enough of the weight does not exceed', () => {
  const pairs = fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: 0, max: 4 })), { minLength: 1 })
  fc.assert(
    fc.property(pairs, fc.constantFrom(0.05, 0.25, 0.5, 0.9), (list, quantile) => {
      const total = list.reduce((sum, [, weight]) => sum + weight, 0)
      const values = list.map(([value]) => value)
      const plain = [...values].sort((a, b) => a - b)
      const below = (value: number): number => values.filter(one => one <= value).length
      expect(weightedQuantile(values, undefined, quantile)).toBe(
        plain.find(value => below(value) >= quantile * values.length - 1e-9),
      )
      if (total === 0) return
      const spread = list
        .flatMap(([value, weight]) => Array.from({ length: weight }, () => value))
        .sort((a, b) => a - b)
      expect(
        weightedQuantile(
          values,
          list.map(([, weight]) => weight),
          quantile,
        ),
      ).toBe(weightedQuantile(spread, undefined, quantile))
    }),
    { numRuns: 300 },
  )
})

describe('quantiles', () => {
  // Noise whose spread grows with a: 3 (1 + |a|) × uniform
  const noisy = (rows: number, seed: number): TrainingMatrix =>
    table(rows, seed, (a, b, random) => 1000 + 5 * b + 3 * (1 + Math.abs(a)) * random())

  test.each([0.1, 0.5, 0.9])(
    '%s: that share of new labels lies below, everywhere, and the bounds follow the noise',
    async quantile => {
      const ensemble = await trainTrees(noisy(8000, 1), { task: 'quantile', quantile, trees: 80, minLeaf: 150 })
      const fresh = noisy(4000, 2)
      const out = answers(ensemble, fresh)
      const below = (keep: (row: number) => boolean): number =>
        mean(
          [...fresh.labels.keys()]
            .filter(keep)
            .map(row => Number((fresh.labels[row] as number) <= (out[row] as number))),
        )
      expect(Math.abs(below(() => true) - quantile)).toBeLessThan(0.03)
      expect(Math.abs(below(row => Math.abs(fresh.columns[0]?.[row] ?? 0) < 1) - quantile)).toBeLessThan(0.06)
      const truth = (row: number): number =>
        1000 + 5 * (fresh.columns[1]?.[row] ?? 0) + 3 * (1 + Math.abs(fresh.columns[0]?.[row] ?? 0)) * quantile
      expect(mean([...fresh.labels.keys()].map(row => Math.abs((out[row] as number) - truth(row))))).toBeLessThan(0.6)
    },
  )

  test('a constant is the quantile itself, and each leaf of one tree is its rows’', async () => {
    const matrix = noisy(500, 3)
    const one = await trainTrees(matrix, { task: 'quantile', quantile: 0.3, trees: 1, leaves: 4, learningRate: 1 })
    expect(one.baseScore[0]).toBe(weightedQuantile(matrix.labels, undefined, 0.3))
    const groups = new Map<number, number[]>()
    answers(one, matrix).forEach((answer, row) =>
      groups.set(answer, [...(groups.get(answer) ?? []), matrix.labels[row] as number]),
    )
    expect(groups.size).toBeGreaterThan(1)
    for (const [answer, labels] of groups) expect(answer).toBeCloseTo(weightedQuantile(labels, undefined, 0.3), 2)
  })
})

describe('counts', () => {
  const rate = (a: number, b: number): number => Math.exp(0.8 * a - 0.5 * b * b)
  const poisson = (of: number, random: () => number): number => {
    let [count, product] = [0, random()]
    for (const limit = Math.exp(-of); product > limit; count++) product *= random()
    return count
  }
  const counted = (rows: number, seed: number): TrainingMatrix =>
    table(rows, seed, (a, b, random) => poisson(rate(a, b), random))

  test('rates are learned, are never negative, and add up to what was counted', async () => {
    const matrix = counted(8000, 4)
    const ensemble = await trainTrees(matrix, { task: 'count', trees: 60, minLeaf: 100 })
    const out = answers(ensemble, matrix)
    expect(Math.min(...out)).toBeGreaterThan(0)
    expect(mean(out) / mean(matrix.labels)).toBeCloseTo(1, 2)
    const fresh = counted(4000, 5)
    const relative = [...answers(ensemble, fresh)].map((one, row) =>
      Math.abs(Math.log(one / rate(fresh.columns[0]?.[row] ?? 0, fresh.columns[1]?.[row] ?? 0))),
    )
    expect(mean(relative)).toBeLessThan(0.25)
  })

  test('each leaf of one tree is the mean count of its rows, far from the mean of all too', async () => {
    const matrix = table(400, 6, a => (a > 1 ? 500 : 1))
    const one = await trainTrees(matrix, { task: 'count', trees: 1, leaves: 2, learningRate: 1 })
    const out = answers(one, matrix)
    out.forEach((answer, row) => {
      const wanted = matrix.labels[row] as number
      // A leaf moves a rate by at most e³
      const base = Math.exp(one.baseScore[0] as number)
      expect(answer / Math.max(wanted, base * Math.exp(-3))).toBeCloseTo(1, 1)
    })
  })

  test('labels below 0 are refused', async () => {
    const matrix = table(50, 7, a => a)
    await expect(trainTrees(matrix, { task: 'count', trees: 1 })).rejects.toThrow(/which a count task cannot learn/)
  })
})

/** Several "threads" one after the other. */
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

test.each(['count', 'quantile', 'binary', 'regression'] as const)(
  '%s with texts, directions and weights is the same for every number of threads; weights count as repeated rows',
  async task => {
    const random = randomFrom(3, 3)
    const rows = 20_000
    const base = table(rows, 9, (a, b, r) => Math.max(0, Math.floor(2 + a + b * b + r())))
    const text = Float32Array.from({ length: rows }, () => Math.floor(random() * 300))
    const labels = task === 'binary' ? base.labels.map(label => Number(label > 3)) : base.labels
    const weights = Float32Array.from({ length: rows }, (_, row) => row % 3)
    const matrix: TrainingMatrix = { rows, columns: [...base.columns, text], codes: [0, 0, 300], labels, weights }
    const options = { task, trees: 3, monotone: [1, 0, 0], subsample: 0.8, columnSample: 0.8 } as const
    const alone = await trainTrees(matrix, options)
    for (const threads of [2, 3])
      expect(await trainTrees(matrix, options, { parallel: inTurns(threads) })).toEqual(alone)

    const again = [...labels.keys()].flatMap(row => Array.from({ length: row % 3 }, () => row))
    const pick = (list: Float32Array): Float32Array => Float32Array.from(again, row => list[row] as number)
    const repeated: TrainingMatrix = {
      rows: again.length,
      columns: matrix.columns.map(pick),
      codes: [0, 0, 300],
      labels: pick(labels),
    }
    const loss = async (of: TrainingMatrix): Promise<number> => {
      const ensemble = await trainTrees(of, { task, trees: 10 })
      const width = 3
      const flat = Float32Array.from(
        { length: rows * width },
        (_, i) => matrix.columns[i % width]?.[Math.floor(i / width)] as number,
      )
      const out = new Float32Array(rows)
      compileTrees(ensemble).margins(flat, rows, out)
      return lossOf(task, Float64Array.from(out), matrix)
    }
    const [one, two] = [await loss(matrix), await loss(repeated)]
    // Rounding of gradients differs, and with it now and then a split
    expect(Math.abs(one - two)).toBeLessThan(0.02 * Math.abs(two) + 2e-3)
  },
)
