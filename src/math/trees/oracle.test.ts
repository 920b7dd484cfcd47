import fc from 'fast-check'
import { expect, test } from 'vitest'
import { outputsOf, type TrainingMatrix, type Tree } from './ensemble.ts'
import { compileTrees } from './evaluate.ts'
import { baseScores, lossOf, marginsOfColumns } from './progress.ts'
import { trainTrees } from './train.ts'

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
