import type { Task } from '../../math/task.ts'
import { rowLogLoss } from '../../math/metrics/classification.ts'
import { areaUnderCurve } from '../../math/metrics/ranking.ts'
import { r2 } from '../../math/metrics/regression.ts'
import type { BaselinePerformance } from './profile.ts'

/** Loss of one row: log loss for binary, squared error for regression. */
export function rowLoss(task: Task, label: number, score: number): number {
  return task === 'binary' ? rowLogLoss(label, score) : (score - label) ** 2
}

/** Mean and standard error of the row losses. */
export function meanLoss(
  task: Task,
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
): { readonly value: number; readonly error: number } {
  const n = scores.length
  let mean = 0
  let m2 = 0
  for (let i = 0; i < n; i++) {
    const loss = rowLoss(task, labels[i] as number, scores[i] as number)
    const delta = loss - mean
    mean += delta / (i + 1)
    m2 += delta * (loss - mean)
  }
  return { value: mean, error: n > 1 ? Math.sqrt(m2 / (n - 1) / n) : 0 }
}

/** AUC with DeLong's error for binary; R² for regression, whose error is left to the loss. */
export function quality(
  task: Task,
  labels: ArrayLike<number>,
  scores: ArrayLike<number>,
): { readonly value: number; readonly error: number } {
  if (task === 'regression') return { value: r2(labels, scores), error: 0 }
  const area = areaUnderCurve(labels, scores)
  return { value: area.auc, error: Math.sqrt(area.variance) }
}

function deviation(values: readonly number[]): number | null {
  const finite = values.filter(Number.isFinite)
  if (finite.length < 4) return null
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length
  const variance = finite.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (finite.length - 1)
  return Math.sqrt(variance * (1 + 1 / finite.length))
}

/** Quality and loss of the baseline's labelled rows, with their variation between windows. */
export function baselinePerformance(
  labels: Float32Array,
  scores: Float32Array,
  windows: { readonly of: Int32Array; readonly count: number } | undefined,
): BaselinePerformance {
  const groups = Array.from({ length: windows?.count ?? 0 }, () => ({ y: [] as number[], s: [] as number[] }))
  const y: number[] = []
  const s: number[] = []
  let binary = true
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number
    const score = scores[i] as number
    if (!Number.isFinite(label) || !Number.isFinite(score)) continue
    if ((label !== 0 && label !== 1) || score < 0 || score > 1) binary = false
    y.push(label)
    s.push(score)
    const group = windows && groups[windows.of[i] as number]
    group?.y.push(label)
    group?.s.push(score)
  }
  const task = binary ? 'binary' : 'regression'
  const finite = (x: number): number => (Number.isFinite(x) ? x : 0)
  const whole = quality(task, y, s)
  const loss = meanLoss(task, y, s)
  return {
    task,
    rows: y.length,
    quality: {
      value: finite(whole.value),
      error: finite(whole.error),
      natural: deviation(groups.map(group => quality(task, group.y, group.s).value)),
    },
    loss: {
      value: finite(loss.value),
      error: finite(loss.error),
      natural: deviation(groups.map(group => meanLoss(task, group.y, group.s).value)),
    },
  }
}
