import { describe, expect, test } from 'vitest'
import { type Arena, arenaPages, openArena } from './arena.ts'
import { chooseBorders, fillWords } from './bins.ts'
import { type Crew, solo } from './crew.ts'
import { gainImportance, type TrainingMatrix, type Tree, type TreeEnsemble } from './ensemble.ts'
import { compileTrees, softmaxRows } from './evaluate.ts'
import { performJob } from './kernels.ts'
import { layoutOf } from './layout.ts'
import { applyToBins } from './progress.ts'
import { trainTrees } from './train.ts'
import { newMemory } from './web-assembly.ts'

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
    const classes = compileTrees({ ...ensemble, task: 'multiclass', classes: 3, baseScore: [0, 0, 0], trees: [] })
    expect(() => classes.predict(new Float32Array(4), 2, new Float32Array(5))).toThrow('2 rows of 3 outputs need 6')
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
      columns: 2,
      wides: 0,
      outputs: 2,
      threads: 1,
      leaves: 4,
      weighted: false,
      objective: 'multiclass' as const,
      quantile: 0.5,
    }
    const arena: Arena = openArena(shape, newMemory(arenaPages(shape)))
    fillWords(arena, columns, borders)
    for (let row = 0; row < 30; row++) arena.order[row] = 29 - row
    const [, at] = borders
    for (const threshold of [at?.[1] ?? 0, 3.4e38]) {
      arena.margins.fill(0)
      applyToBins(
        { arena, borders, codeBins: [], layout: layoutOf(2, []) },
        { ...stump, threshold: [threshold, 0, 0] },
        1,
        10,
      )
      for (let row = 0; row < 30; row++) {
        const wanted = row > 19 ? 0 : Number.isNaN(columns[1]?.[row]) || (columns[1]?.[row] ?? 0) <= threshold ? 10 : 20
        expect([row, arena.margins[30 + row], arena.margins[row]]).toEqual([row, wanted, 0])
      }
    }
  })
})
