import { expect, it } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { compileTrees, trainTrees } from './index.ts'

it('three hundred classes of fifteen rows each are told apart: no step to a rare class runs away', async () => {
  const [classes, rows] = [300, 4_500]
  const random = seeded(1)
  const centres = Array.from({ length: classes }, () => [0, 1, 2].map(() => 100 * random.next()))
  const columns = [0, 1, 2].map(at =>
    Float32Array.from({ length: rows }, (_, row) => (centres[row % classes]?.[at] ?? 0) + random.normal()),
  )
  const labels = Float32Array.from({ length: rows }, (_, row) => row % classes)
  const ensemble = await trainTrees(
    { rows, columns, labels, classes },
    { task: 'multiclass', trees: 4, depth: 5, minLeaf: 2 },
  )
  const values = ensemble.trees.flatMap(tree => [...tree.value].map(Math.abs))
  // A tenth of the largest step
  expect(Math.max(...values)).toBeLessThanOrEqual(1)
  const margins = new Float32Array(rows * classes)
  compileTrees(ensemble).predict(
    Float32Array.from({ length: 3 * rows }, (_, at) => columns[at % 3]?.[Math.floor(at / 3)] ?? 0),
    rows,
    margins,
  )
  const right = labels.filter((label, row) => {
    const own = margins.subarray(row * classes, (row + 1) * classes)
    return own.indexOf(Math.max(...own)) === label
  })
  expect(right.length / rows).toBeGreaterThan(0.9)
})
