import { expect, it } from 'vitest'
import { seeded } from '../random/seeded.ts'
import { fitLinear, predictLinear } from './index.ts'

it('three classes of 10,000 inputs are fitted in memory that does not grow with their square', () => {
  const [rows, inputs] = [400, 10_000]
  const random = seeded(1)
  const columns = Array.from({ length: inputs }, () => Float32Array.from({ length: rows }, () => random.next() - 0.5))
  const labels = Float32Array.from({ length: rows }, (_, row) => {
    const sum = columns.slice(0, 3).reduce((all, column) => all + (column[row] as number), 0)
    return sum > 0.3 ? 2 : sum > -0.3 ? 1 : 0
  })
  const before = process.resourceUsage().maxRSS
  const model = fitLinear({ rows, columns, labels }, { task: 'multiclass', classes: 3 })
  // In kilobytes; a square of the inputs would take 800 MB
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(300_000)
  const flat = new Float32Array(rows * inputs)
  columns.forEach((column, at) => column.forEach((value, row) => (flat[row * inputs + at] = value)))
  const scores = new Float32Array(rows * 3)
  predictLinear(model, flat, rows, scores)
  labels.forEach((label, row) => expect(scores[row * 3 + label]).toBeGreaterThan(0.5))
})
