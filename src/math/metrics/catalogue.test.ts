import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { judged } from '../../../test/support/judged.ts'
import type { Task } from '../task.ts'
import { judgedRows, measure, measureAll, metricsOfTask, worth, type MetricName } from './catalogue.ts'
import { calibrationError } from './calibration.ts'
import { confusionMatrix } from './multiclass.ts'

interface Case {
  readonly task: Task
  readonly level?: number
  readonly threshold: number
  readonly labels: readonly number[]
  readonly scores: readonly number[]
  readonly weights: readonly number[] | null
  readonly values: Readonly<Partial<Record<MetricName, number>>>
}
const cases = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/statistics/task-metrics.json', import.meta.url), 'utf8'),
) as Case[]

const judgedBy = ({ task, labels, scores, weights, threshold, level }: Case) =>
  judged(task, labels, scores, {
    threshold,
    level: level ?? 0.5,
    ...(weights ? { weights: Float32Array.from(weights) } : {}),
  })

describe('the metrics of every task equal those of scikit-learn', () => {
  it.each(cases.map((one, i) => [`${i}: ${one.task}${one.weights ? ', weighted' : ''}`, one] as const))(
    '%s',
    (_, one) => {
      for (const [name, wanted] of Object.entries(one.values)) {
        const found = measure(name as MetricName, judgedBy(one))
        expect(Math.abs(found - wanted), `${name} ${found} ${wanted}`).toBeLessThan(1e-9 * (1e-6 + Math.abs(wanted)))
      }
      const compared = new Set(Object.keys(one.values))
      // Expected calibration error is not of scikit-learn; the fixture beside has it
      expect(metricsOfTask[one.task].filter(name => !compared.has(name) && name !== 'ece')).toEqual([])
    },
  )
})

it('a weight of two is the row twice, in every metric', () => {
  for (const one of cases.filter(({ weights }) => weights === null)) {
    const whole = judgedBy(one)
    const rows = Int32Array.from(one.labels.flatMap((_, i) => (i % 3 === 0 ? [i, i] : [i])))
    const weights = Float32Array.from(one.labels, (_, i) => (i % 3 === 0 ? 2 : 1))
    const [twice, weighed] = [measureAll(judgedRows(whole, rows)), measureAll({ ...whole, weights })]
    // Bins of equal numbers of rows are other bins
    for (const name of metricsOfTask[one.task].filter(metric => metric !== 'ece'))
      expect(weighed[name], name).toBeCloseTo(twice[name] as number, 9)
  }
  expect(calibrationError([1, 0, 1], [0.5, 0.5, 0.5], 1, [3, 1, 0])).toBeCloseTo(0.25, 9)
})

it('scores among which one is no number have no metric', () => {
  for (const one of cases) {
    const whole = judgedBy(one)
    const scores = whole.scores.slice()
    scores[1] = Number.NaN
    expect(Object.values(measureAll({ ...whole, scores })).every(Number.isNaN)).toBe(true)
  }
})

it('says what a value is worth, the more the better', () => {
  expect([worth('auc', 0.8, 0.5), worth('rmse', 3, 0.5)]).toEqual([0.8, -3])
  expect(worth('coverage', 0.95, 0.9)).toBeCloseTo(-0.05, 12)
  expect(worth('coverage', 0.85, 0.9)).toBeCloseTo(-0.05, 12)
})

it('counts classes by what they were called, the first of equals', () => {
  const scores = [0.5, 0.5, 0.2, 0.8, 0.9, 0.1]
  expect([...confusionMatrix({ labels: [0, 1, 1], scores, outputs: 2 })]).toEqual([1, 0, 1, 1])
})
