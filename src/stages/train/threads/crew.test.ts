import { expect, test } from 'vitest'
import { type TrainingMatrix, trainTrees } from '../../../math/trees/index.ts'
import { openThreadCrew } from './crew.ts'

function matrixOf(rows: number): TrainingMatrix {
  const columns = [0, 1, 2, 3, 4].map(at =>
    Float32Array.from({ length: rows }, (_, row) => Math.sin(row * (at + 1.7)) * 10),
  )
  const labels = Float32Array.from({ length: rows }, (_, row) =>
    Math.sin(row * 1.7) * Math.sin(row * 2.7) > 0 ? 1 : 0,
  )
  return { rows, columns, labels }
}

test('worker threads give the model of one thread, also when the crew trains again', async () => {
  const crew = await openThreadCrew(2)
  try {
    for (const rows of [40_000, 20_000]) {
      const matrix = matrixOf(rows)
      const options = { task: 'binary', trees: 5 } as const
      expect(await trainTrees(matrix, options, { parallel: crew })).toEqual(await trainTrees(matrix, options))
    }
  } finally {
    await crew.close()
  }
})
