import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Arena, lanes, missingBin, openArena, arenaPages, slots } from './arena.ts'
import { bestSplit, gradientOf, hessianOf, type SplitRules } from './best-split.ts'
import { binFinder, chooseBorders, fillWords } from './bins.ts'
import { type Crew, solo } from './crew.ts'
import { gainImportance, outputsOf, type TrainingMatrix, type Tree, type TreeEnsemble } from './ensemble.ts'
import { compileTrees, softmaxRows } from './evaluate.ts'
import { codeBase, performJob, share } from './kernels.ts'
import { applyToBins, baseScores, lossOf, marginsOfColumns } from './progress.ts'
import { randomFrom, sampleFeatures, sampleRows } from './sampling.ts'
import { trainTrees } from './train.ts'
import { newMemory } from './web-assembly.ts'

// Trees against what they are by definition: loops over rows, in plain numbers.

const number = fc.oneof(
  { weight: 5, arbitrary: fc.integer({ min: -4, max: 4 }).map(x => x / 2) },
  { weight: 1, arbitrary: fc.constant(Number.NaN) },
)
/** A table of up to 60 rows and 3 features, with labels for each task and sometimes weights. */
const tables = fc.record({
  rows: fc.array(fc.tuple(number, number, number, fc.nat(2), fc.integer({ min: 0, max: 3 })), {
    minLength: 12,
    maxLength: 60,
  }),
  weighted: fc.boolean(),
  task: fc.constantFrom('regression', 'binary', 'multiclass' as const),
})
function matrixOf({ rows, weighted, task }: typeof tables extends fc.Arbitrary<infer T> ? T : never): TrainingMatrix {
  return {
    rows: rows.length,
    columns: [0, 1, 2].map(at => Float32Array.from(rows, row => row[at] as number)),
    labels: Float32Array.from(rows, ([a, , , k]) =>
      task === 'regression' ? (Number.isNaN(a) ? 1 : a) * 3 + k : task === 'binary' ? Math.min(1, k) : k,
    ),
    classes: 3,
    ...(weighted ? { weights: Float32Array.from(rows, row => row[4]) } : {}),
  }
}
const leafOf = (tree: Tree, values: readonly number[]): number => {
  let node = 0
  while ((tree.feature[node] as number) >= 0) {
    const value = values[tree.feature[node] as number] as number
    const left = Number.isNaN(value) ? tree.missingLeft[node] : value <= (tree.threshold[node] as number)
    node = (left ? tree.left[node] : tree.right[node]) as number
  }
  return node
}
const pathOf = (tree: Tree, values: readonly number[]): number[] => {
  const path = [0]
  for (let node = 0; (tree.feature[node] as number) >= 0; path.push(node)) {
    const value = values[tree.feature[node] as number] as number
    const left = Number.isNaN(value) ? tree.missingLeft[node] : value <= (tree.threshold[node] as number)
    node = (left ? tree.left[node] : tree.right[node]) as number
  }
  return path
}
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)

test('every node of every tree holds what its rows say: their number, the reduction of the loss, the leaf’s answer', async () => {
  await fc.assert(
    fc.asyncProperty(
      tables,
      fc.constantFrom(0, 0.5, 4),
      fc.constantFrom(1, 5),
      fc.constantFrom(0.1, 1),
      async (table, l2, minLeaf, learningRate) => {
        const matrix = matrixOf(table)
        const { rows, columns, labels, weights } = matrix
        if (weights && sum([...weights]) === 0) return
        const ensemble = await trainTrees(matrix, { task: table.task, trees: 3, depth: 3, l2, minLeaf, learningRate })
        const outputs = outputsOf(ensemble)
        const k = ensemble.classes
        const values = (row: number) => columns.map(column => column[row] as number)
        const weight = (row: number) => weights?.[row] ?? 1
        const margins = Array.from({ length: rows }, () => [...ensemble.baseScore])
        const all = Array.from({ length: rows }, (_, row) => row)
        let before = margins.map(one => [...one])
        ensemble.trees.forEach((tree, at) => {
          const output = at % outputs
          if (output === 0) before = margins.map(one => [...one])
          // gradient and hessian of each row at the start of the round, by the loss's own definition
          const slopes = all.map(row => {
            const m = before[row] as number[]
            const label = labels[row] as number
            if (table.task === 'regression') return { g: weight(row) * ((m[0] as number) - label), h: weight(row) }
            if (table.task === 'binary') {
              const p = 1 / (1 + Math.exp(-(m[0] as number)))
              return { g: weight(row) * (p - label), h: weight(row) * p * (1 - p) }
            }
            const p = Math.exp(m[output] as number) / sum(m.map(Math.exp))
            return { g: weight(row) * (p - (label === output ? 1 : 0)), h: ((weight(row) * k) / (k - 1)) * p * (1 - p) }
          })
          const reached = new Map<number, number[]>()
          for (const row of all)
            for (const node of pathOf(tree, values(row))) reached.set(node, [...(reached.get(node) ?? []), row])
          // sums of codes are off by what rounding to 15 bits leaves
          const G = (list: readonly number[]) => sum(list.map(row => slopes[row]?.g ?? 0))
          const H = (list: readonly number[]) => sum(list.map(row => slopes[row]?.h ?? 0))
          const most = Math.max(...(weights ?? [1]))
          const size = (3 * most * rows * (table.task === 'regression' ? Math.max(...labels) + 8 : 1)) / 2 ** 15
          const score = (list: readonly number[]) => G(list) ** 2 / (H(list) + l2)
          tree.feature.forEach((feature, node) => {
            const own = reached.get(node) ?? []
            expect(tree.count[node]).toBe(own.length)
            if (feature < 0) {
              const wanted = H(own) + l2 > 0 ? (-G(own) / (H(own) + l2)) * learningRate : 0
              const slack = (size / (H(own) + l2)) * learningRate * (1 + Math.abs(G(own)) / (H(own) + l2)) + 1e-6
              if (H(own) > 0.05 * most) expect(Math.abs((tree.value[node] as number) - wanted)).toBeLessThan(slack)
              expect([tree.threshold[node], tree.gain[node], tree.missingLeft[node]]).toEqual([0, 0, false])
              expect([tree.left[node], tree.right[node]]).toEqual([-1, -1])
            } else {
              const [left, right] = [tree.left[node] ?? 0, tree.right[node] ?? 0].map(
                child => reached.get(child) ?? [],
              ) as [number[], number[]]
              const gain = (score(left) + score(right) - score(own)) / 2
              const least = Math.min(H(left), H(right)) + l2
              const slack = (2 * size * (Math.abs(G(left)) + Math.abs(G(right)) + size)) / least + 1e-6
              if (least > 0.2 * most) expect(Math.abs((tree.gain[node] as number) - gain)).toBeLessThan(slack)
              expect(tree.gain[node]).toBeGreaterThan(0)
              expect(tree.value[node]).toBe(0)
              if (table.task === 'regression' && !weights)
                expect(Math.min(left.length, right.length)).toBeGreaterThanOrEqual(minLeaf)
            }
          })
          expect(Math.max(...tree.feature.map((_, node) => node))).toBe(reached.size - 1)
          for (const row of all) {
            const one = margins[row] as number[]
            one[output] = (one[output] as number) + (tree.value[leafOf(tree, values(row))] as number)
          }
        })
        // what answers, and what watches, add up the same trees
        const flat = Float32Array.from(all.flatMap(values))
        const [raw, answers] = [new Float32Array(rows * outputs), new Float32Array(rows * outputs)]
        const compiled = compileTrees(ensemble)
        compiled.margins(flat, rows, raw)
        compiled.predict(flat, rows, answers)
        expect([compiled.width, compiled.outputs]).toEqual([3, outputs])
        const watched = marginsOfColumns(matrix, ensemble.baseScore)
        ensemble.trees.forEach((tree, at) => watched.add(tree, at % outputs))
        let loss = 0
        for (const row of all) {
          const one = margins[row] as number[]
          const odds = one.map(Math.exp)
          const label = labels[row] as number
          one.forEach((margin, j) => {
            expect(raw[row * outputs + j]).toBeCloseTo(margin, 4)
            expect(watched.margins[j * rows + row]).toBeCloseTo(margin, 9)
            const wanted =
              table.task === 'regression'
                ? margin
                : table.task === 'binary'
                  ? 1 / (1 + Math.exp(-margin))
                  : (odds[j] as number) / sum(odds)
            expect(answers[row * outputs + j]).toBeCloseTo(wanted, 4)
          })
          const p = table.task === 'binary' ? 1 / (1 + Math.exp(-(one[0] as number))) : 0
          loss +=
            weight(row) *
            (table.task === 'regression'
              ? ((one[0] as number) - label) ** 2
              : table.task === 'binary'
                ? -Math.log(label === 1 ? p : 1 - p)
                : -Math.log((odds[label] as number) / sum(odds)))
        }
        expect(lossOf(table.task, watched.margins, matrix)).toBeCloseTo(loss / sum(all.map(weight)), 6)
      },
    ),
    { numRuns: 60 },
  )
})

test('where only missing and not missing differ, every value goes one way', async () => {
  const matrix: TrainingMatrix = {
    rows: 40,
    columns: [Float32Array.from({ length: 40 }, (_, row) => (row < 15 ? Number.NaN : 7))],
    labels: Float32Array.from({ length: 40 }, (_, row) => (row < 15 ? 3 : 11)),
  }
  const { trees } = await trainTrees(matrix, { task: 'regression', trees: 1, minLeaf: 1, learningRate: 1 })
  const [tree] = trees
  expect(tree?.feature).toEqual([0, -1, -1])
  // the mean of all is 8: what is missing is 5 below it, the rest 3 above
  const [left, right] = [tree?.value[tree.left[0] ?? 0] ?? 0, tree?.value[tree.right[0] ?? 0] ?? 0]
  expect([left, right].map(Math.round).sort((a, b) => a - b)).toEqual([-5, 3])
  const out = new Float32Array(3)
  const compiled = compileTrees({ task: 'regression', classes: 0, width: 1, baseScore: [8], trees })
  compiled.predict(Float32Array.from([Number.NaN, 7, 3e38]), 3, out)
  expect([...out].map(Math.round)).toEqual([3, 11, 11])
})

test('importance is the share of the reduction of the loss; of nothing it is 0', async () => {
  const leafOnly: Tree = {
    feature: [-1],
    threshold: [0],
    left: [-1],
    right: [-1],
    missingLeft: [false],
    value: [1],
    gain: [0],
    count: [9],
  }
  const none: TreeEnsemble = { task: 'regression', classes: 0, width: 3, baseScore: [0], trees: [leafOnly] }
  expect(gainImportance(none)).toEqual([0, 0, 0])
  const asks = (feature: number, gain: number): Tree => ({
    ...leafOnly,
    feature: [feature, -1, -1],
    gain: [gain, 9, 9],
  })
  expect(gainImportance({ ...none, trees: [asks(0, 3), asks(2, 4), asks(0, 1), leafOnly] })).toEqual([0.5, 0, 0.5])
})

test('other threads are woken for 8,192 rows and more of a leaf, and for every pass over all rows', async () => {
  const woken = async (rows: number) => {
    const jobsDone: number[] = []
    const crew: Crew = {
      ...solo,
      threads: 2,
      perform(arena) {
        jobsDone.push(arena.job[0] ?? 0)
        for (const thread of [1, 0]) performJob(arena, thread, 2)
      },
    }
    const column = Float32Array.from({ length: rows }, (_, row) => row % 2)
    await trainTrees({ rows, columns: [column], labels: column }, { task: 'binary', trees: 1 }, { parallel: crew })
    return jobsDone
  }
  // gradients, root, split, update: see `jobs` in kernels.ts
  expect(await woken(8191)).toEqual([1, 2, 4])
  expect(await woken(8192)).toEqual([1, 2, 3, 4])
})

test('memory is shared with other threads only when that is asked', () => {
  expect(newMemory(2).buffer).toBeInstanceOf(ArrayBuffer)
  expect(newMemory(2).buffer.byteLength).toBe(131_072)
  expect(newMemory(1, true).buffer).toBeInstanceOf(SharedArrayBuffer)
})

test('the base is the best constant', () => {
  fc.assert(
    fc.property(tables, table => {
      const matrix = matrixOf(table)
      const outputs = table.task === 'multiclass' ? 3 : 1
      const total = sum(Array.from(matrix.labels, (_, row) => matrix.weights?.[row] ?? 1))
      if (total === 0) {
        expect(() => baseScores(matrix, table.task, outputs)).toThrow(/weights are zero/)
        return
      }
      const shareOf = (test: (label: number) => number) =>
        sum(Array.from(matrix.labels, (label, row) => test(label) * (matrix.weights?.[row] ?? 1))) / total
      const held = (p: number) => Math.min(Math.max(p, 1e-9), 1 - 1e-9)
      const wanted =
        table.task === 'regression'
          ? [shareOf(label => label)]
          : table.task === 'binary'
            ? [Math.log(held(shareOf(x => x)) / (1 - held(shareOf(x => x))))]
            : [0, 1, 2].map(k => Math.log(held(shareOf(label => (label === k ? 1 : 0)))))
      baseScores(matrix, table.task, outputs).forEach((score, k) => {
        expect(score).toBeCloseTo(wanted[k] as number, 5)
        expect(Math.fround(score)).toBe(score)
      })
    }),
  )
})

describe('bins', () => {
  const value = fc.oneof(
    fc.float({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -9, max: 9 }).map(Math.fround),
    fc.constantFrom(0, -0, 1, 1 + 2 ** -23, 3e38, -3e38, 1e-45, Number.NaN),
  )
  test('of few values each has its own; of many, none is empty and they are about equal', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 300 }), fc.integer({ min: 2, max: 40 }), (list, maxBins) => {
        const column = Float32Array.from(list)
        const [borders = new Float32Array()] = chooseBorders([column], maxBins)
        const find = binFinder(borders)
        const present = [...column].filter(x => !Number.isNaN(x)).map(x => x + 0)
        const different = [...new Set(present)].sort((a, b) => a - b)
        borders.forEach((border, at) => {
          if (at > 0) expect(border).toBeGreaterThan(borders[at - 1] as number)
        })
        expect(borders.length).toBe(different.length <= maxBins ? Math.max(0, different.length - 1) : borders.length)
        expect(borders.length).toBeLessThan(Math.max(maxBins, 1))
        // the bin of a value is the first whose border is not below it
        for (const x of [...present, 1e-30, -1e30, 5.5]) {
          const naive = [...borders].findIndex(border => Math.fround(x) <= border)
          expect(find(Math.fround(x))).toBe(naive < 0 ? borders.length : naive)
        }
        expect(find(Number.NaN)).toBe(missingBin)
        if (different.length <= maxBins) expect(new Set(present.map(find)).size).toBe(different.length)
        else {
          const counts = Array.from({ length: borders.length + 1 }, () => 0)
          for (const x of present) counts[find(x)] = (counts[find(x)] ?? 0) + 1
          expect(Math.min(...counts)).toBeGreaterThan(0)
          // no bin holds much more than its share, unless of one value
          const often = Math.max(...different.map(x => present.filter(y => y === x).length))
          expect(Math.max(...counts)).toBeLessThanOrEqual((1.5 * present.length) / maxBins + 1.5 * often + 1)
          expect(borders.length + 1).toBeGreaterThanOrEqual(
            Math.min(maxBins, different.length) / (often > 1 ? 8 : 1.34),
          )
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a border is midway between its neighbours, where float32 can tell', () => {
    expect([...(chooseBorders([Float32Array.from([1, 3, 4])], 255)[0] ?? [])]).toEqual([2, 3.5])
    const next = 1 + 2 ** -23
    expect([...(chooseBorders([Float32Array.from([1, next])], 255)[0] ?? [])]).toEqual([1])
    expect([...(chooseBorders([Float32Array.from([-3e38, 3e38])], 255)[0] ?? [])]).toEqual([0])
  })

  test('infinite values are named by feature and row', () => {
    expect(() => chooseBorders([new Float32Array(2), Float32Array.from([0, -Infinity])], 255)).toThrow('feature 1')
    const words = [new Int32Array(3)]
    const columns = [Float32Array.from([1, 2, 3]), Float32Array.from([1, Infinity, 3])]
    expect(() => fillWords({ words }, columns, [Float32Array.of(1.5), Float32Array.of(2)])).toThrow(
      'row 1 of feature 1',
    )
    expect(() => fillWords({ words }, [Float32Array.from([-Infinity])], [Float32Array.of()])).toThrow(
      'row 0 of feature 0',
    )
  })

  test('four features share a word', () => {
    const columns = Array.from({ length: 6 }, (_, f) =>
      Float32Array.from({ length: 20 }, (_, row) => (row === 3 ? Number.NaN : (row * (f + 3)) % 7)),
    )
    const borders = chooseBorders(columns, 255)
    const words = [new Int32Array(20), new Int32Array(20)]
    fillWords({ words }, columns, borders)
    columns.forEach((column, f) =>
      column.forEach((x, row) => {
        const bin = ((words[Math.floor(f / lanes)]?.[row] ?? 0) >>> (8 * (f % lanes))) & 255
        expect(bin).toBe(Number.isNaN(x) ? missingBin : [...(borders[f] ?? [])].filter(border => border < x).length)
      }),
    )
  })
})

test('the best split of a histogram is the best of all, within its rules', () => {
  const cell = fc.record({ g: fc.integer({ min: -50, max: 50 }), n: fc.nat(4) })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(cell, { minLength: 1, maxLength: 6 }), cell), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(0, 1, 7.5),
      fc.integer({ min: 1, max: 6 }),
      fc.constantFrom(0, 3),
      fc.constantFrom([0], [0, 1, 2], [1, 2]),
      (features, l2, minLeaf, leastHessian, asked) => {
        // every feature must add up to the same: the last bin of values takes the rest
        const totals = { g: 20, n: 24 }
        const histogram = new Float64Array(3 * slots)
        const bins = features.map(([cells, missing], f) => {
          const own = cells.map(one => ({ g: one.n === 0 ? 0 : one.g, n: one.n }))
          const lost = missing.n === 0 ? { g: 0, n: 0 } : missing
          const rest = { g: totals.g - sum(own.map(c => c.g)) - lost.g, n: totals.n - sum(own.map(c => c.n)) - lost.n }
          own.push(rest.n > 0 ? rest : { g: 0, n: 0 })
          if (rest.n <= 0) return undefined
          own.forEach((one, bin) => {
            histogram[f * slots + bin] = one.n * codeBase + one.g
          })
          histogram[f * slots + missingBin] = lost.n * codeBase + lost.g
          return { own, lost }
        })
        if (bins.some(one => one === undefined)) return
        const rules: SplitRules = {
          bins: Array.from({ length: 3 }, (_, f) => bins[f]?.own.length ?? 1),
          features: asked.filter(f => f < features.length),
          l2,
          leastHessian,
          minLeaf,
        }
        const total = totals.n * codeBase + totals.g
        const found = bestSplit(histogram, total, totals.n, rules)
        const score = (g: number, n: number) => (n + l2 > 0 ? (g * g) / (n + l2) : 0)
        let best = 0
        for (const f of rules.features) {
          const { own, lost } = bins[f] as NonNullable<(typeof bins)[number]>
          for (let bin = 0; bin < own.length; bin++)
            for (const missingLeft of [true, false]) {
              const part = own.slice(0, bin + 1)
              const g = sum(part.map(c => c.g)) + (missingLeft ? lost.g : 0)
              const n = sum(part.map(c => c.n)) + (missingLeft ? lost.n : 0)
              if (Math.min(n, totals.n - n) < Math.max(minLeaf, leastHessian) || n === 0 || n === totals.n) continue
              best = Math.max(best, score(g, n) + score(totals.g - g, totals.n - n) - score(totals.g, totals.n))
            }
        }
        expect(found?.gain ?? 0).toBeCloseTo(best, 6)
        if (found === undefined) return
        const { own, lost } = bins[found.feature] as NonNullable<(typeof bins)[number]>
        const part = own.slice(0, found.bin + 1)
        const withMissing = lost.n > 0 && found.missingLeft
        const [g, n] = [
          sum(part.map(c => c.g)) + (withMissing ? lost.g : 0),
          sum(part.map(c => c.n)) + (withMissing ? lost.n : 0),
        ]
        expect([gradientOf(found.left), hessianOf(found.left)]).toEqual([g, n])
        expect(rules.features).toContain(found.feature)
        // what was not missing here goes the way of most rows
        if (lost.n === 0) expect(found.missingLeft).toBe(2 * n >= totals.n)
      },
    ),
    { numRuns: 400 },
  )
})

describe('draws', () => {
  test('rows: just the share, in order, each as likely as another', () => {
    const counts = new Float64Array(40)
    const order = new Int32Array(40)
    const random = randomFrom(5, 1)
    for (let round = 0; round < 600; round++) {
      const taken = sampleRows(order, 40, 0.3, random)
      expect(taken).toBe(12)
      const [first, second] = [[...order.subarray(0, taken)], [...order.subarray(taken)]]
      expect(first).toEqual(first.toSorted((a, b) => a - b))
      expect(second).toEqual(second.toSorted((a, b) => a - b))
      expect(new Set(order).size).toBe(40)
      for (const row of first) counts[row] = (counts[row] ?? 0) + 1
    }
    // 180 of 600 with a standard error of 11.2
    for (const count of counts) expect(Math.abs(count - 180)).toBeLessThan(56)
    expect(sampleRows(order, 40, 0.001, random)).toBe(1)
    expect(sampleRows(order, 40, 1, random)).toBe(40)
  })

  test('features: at least one, in order, each as likely as another', () => {
    const counts = [0, 0, 0, 0, 0]
    const random = randomFrom(9, 0)
    for (let round = 0; round < 500; round++) {
      const chosen = sampleFeatures(5, 0.4, random)
      expect(chosen).toHaveLength(2)
      expect(chosen[0]).toBeLessThan(chosen[1] as number)
      for (const f of chosen) counts[f] = (counts[f] ?? 0) + 1
    }
    for (const count of counts) expect(Math.abs(count - 200)).toBeLessThan(55)
    expect(sampleFeatures(3, 0.01, random)).toHaveLength(1)
    // of all, nothing is drawn
    let drawn = 0
    expect(sampleFeatures(3, 1, () => (drawn++, 0.99))).toEqual([0, 1, 2])
    expect(drawn).toBe(0)
  })

  test('numbers are uniform, and other ones by seed and stream', () => {
    const take = (seed: number, stream: number) => {
      const random = randomFrom(seed, stream)
      return Array.from({ length: 4000 }, random)
    }
    const list = take(1, 2)
    expect(take(1, 2)).toEqual(list)
    expect(take(2, 2)).not.toEqual(list)
    expect(take(1, 3)).not.toEqual(list)
    expect(list.every(x => x >= 0 && x < 1)).toBe(true)
    const tenths = Array.from({ length: 10 }, (_, i) => list.filter(x => Math.floor(x * 10) === i).length)
    for (const count of tenths) expect(Math.abs(count - 400)).toBeLessThan(95)
    // neighbours do not hang together
    const r = sum(list.slice(1).map((x, i) => (x - 0.5) * ((list[i] as number) - 0.5))) / (list.length / 12)
    expect(Math.abs(r)).toBeLessThan(0.08)
  })

  test('shares of threads cover everything once, in whole grains', () => {
    fc.assert(
      fc.property(
        fc.nat(5000),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom(1, 64, 1024),
        (total, threads, grain) => {
          let at = 0
          for (let thread = 0; thread < threads; thread++) {
            const [begin, end] = share(total, thread, threads, grain)
            expect(begin).toBe(at)
            expect(end).toBeGreaterThanOrEqual(begin)
            if (end < total) expect(end % grain).toBe(0)
            at = end
          }
          expect(at).toBe(total)
          const sizes = Array.from({ length: threads }, (_, t) => share(total, t, threads, grain)).map(
            ([a, b]) => b - a,
          )
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(2 * grain)
        },
      ),
    )
  })
})

describe('answers', () => {
  const stump: Tree = {
    feature: [1, -1, -1],
    threshold: [2, 0, 0],
    left: [1, -1, -1],
    right: [2, -1, -1],
    missingLeft: [true, false, false],
    value: [0, 10, 20],
    gain: [5, 0, 0],
    count: [4, 2, 2],
  }
  const ensemble: TreeEnsemble = { task: 'regression', classes: 0, width: 2, baseScore: [100], trees: [stump] }
  test('at the threshold to the left, beyond it to the right, missing as it was learned', () => {
    const out = new Float32Array(4)
    compileTrees(ensemble).predict(Float32Array.from([0, 2, 0, 2.0000002, 9, Number.NaN, 9, -1]), 4, out)
    expect([...out]).toEqual([110, 120, 110, 110])
    const other = { ...ensemble, trees: [{ ...stump, missingLeft: [false, false, false] }, stump] }
    compileTrees(other).margins(Float32Array.from([0, Number.NaN]), 1, out)
    expect(out[0]).toBe(130)
  })

  test('what is too short is refused', () => {
    const { predict, margins } = compileTrees(ensemble)
    expect(() => predict(new Float32Array(3), 2, new Float32Array(2))).toThrow('2 rows of 2 features need 4')
    expect(() => margins(new Float32Array(4), 2, new Float32Array(1))).toThrow('2 rows of 1 outputs need 2')
    predict(new Float32Array(4), 2, new Float32Array(2))
  })

  test('softmax of any margins, however large', () => {
    const out = Float32Array.from([0, 0, 1000, 1000 + Math.LN2, -500, 500])
    softmaxRows(out, 3, 2)
    for (const [i, wanted] of [0.5, 0.5, 1 / 3, 2 / 3, 0, 1].entries()) expect(out[i]).toBeCloseTo(wanted, 4)
  })

  test('rows outside the sample reach the leaf that their values say', () => {
    const columns = [0, 1].map(f =>
      Float32Array.from({ length: 30 }, (_, row) => (row % 9 === f ? Number.NaN : (row * (f + 2)) % 5)),
    )
    const borders = chooseBorders(columns, 255)
    const shape = {
      rows: 30,
      features: 2,
      outputs: 2,
      threads: 1,
      leaves: 4,
      weighted: false,
      objective: 'multiclass' as const,
    }
    const arena: Arena = openArena(shape, newMemory(arenaPages(shape)))
    fillWords(arena, columns, borders)
    for (let row = 0; row < 30; row++) arena.order[row] = 29 - row
    const [, at] = borders
    for (const threshold of [at?.[1] ?? 0, 3.4e38]) {
      arena.margins.fill(0)
      applyToBins(arena, { ...stump, threshold: [threshold, 0, 0] }, borders, 1, 10)
      for (let row = 0; row < 30; row++) {
        const wanted = row > 19 ? 0 : Number.isNaN(columns[1]?.[row]) || (columns[1]?.[row] ?? 0) <= threshold ? 10 : 20
        expect([row, arena.margins[30 + row], arena.margins[row]]).toEqual([row, wanted, 0])
      }
    }
  })
})
