import { areaUnderCurve } from '../../math/metrics/ranking.ts'
import { r2 } from '../../math/metrics/regression.ts'
import { likeliestOf, rowLoss, type Score } from '../../math/metrics/row-loss.ts'
import type { Task } from '../../math/task.ts'
import type { BaselinePerformance } from './profile.ts'

/** Mean and standard error of the row losses; `level` is of quantiles. */
export function meanLoss(
  task: Task,
  labels: ArrayLike<number>,
  scores: ArrayLike<Score>,
  level?: number,
): { readonly value: number; readonly error: number } {
  const n = scores.length
  let mean = 0
  let m2 = 0
  for (let i = 0; i < n; i++) {
    const loss = rowLoss(task, labels[i] as number, scores[i] as Score, level)
    const delta = loss - mean
    mean += delta / (i + 1)
    m2 += delta * (loss - mean)
  }
  return { value: mean, error: n > 1 ? Math.sqrt(m2 / (n - 1) / n) : 0 }
}

/** AUC with DeLong's error for binary, accuracy for several classes; R² for numbers, whose error is left to the loss. */
export function qualityOf(
  task: Task,
  labels: ArrayLike<number>,
  scores: ArrayLike<Score>,
): { readonly value: number; readonly error: number } {
  if (task === 'binary') {
    const area = areaUnderCurve(labels, scores as ArrayLike<number>)
    return { value: area.auc, error: Math.sqrt(area.variance) }
  }
  if (task !== 'multiclass') return { value: r2(labels, scores as ArrayLike<number>), error: 0 }
  const n = scores.length
  let right = 0
  for (let i = 0; i < n; i++) if (likeliestOf(scores[i] as readonly number[]) === labels[i]) right++
  const share = right / n
  return { value: share, error: Math.sqrt((share * (1 - share)) / n) }
}

function deviation(values: readonly number[]): number | null {
  const finite = values.filter(Number.isFinite)
  if (finite.length < 4) return null
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length
  const variance = finite.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (finite.length - 1)
  return Math.sqrt(variance * (1 + 1 / finite.length))
}

const isFinal = (score: Score): boolean =>
  typeof score === 'number' ? Number.isFinite(score) : score.every(Number.isFinite)

/** Quality and loss of the baseline's labelled rows, with their variation between windows. */
export function baselinePerformance(
  { task, level }: { readonly task: Task; readonly level?: number },
  labels: Float32Array,
  scores: ArrayLike<Score>,
  windows: { readonly of: Int32Array; readonly count: number } | undefined,
): BaselinePerformance {
  const groups = Array.from({ length: windows?.count ?? 0 }, () => ({ y: [] as number[], s: [] as Score[] }))
  const y: number[] = []
  const s: Score[] = []
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] as number
    const score = scores[i] as Score
    if (!Number.isFinite(label) || !isFinal(score)) continue
    y.push(label)
    s.push(score)
    const group = windows && groups[windows.of[i] as number]
    group?.y.push(label)
    group?.s.push(score)
  }
  const finite = (x: number): number => (Number.isFinite(x) ? x : 0)
  const whole = qualityOf(task, y, s)
  const loss = meanLoss(task, y, s, level)
  return {
    task,
    rows: y.length,
    quality: {
      value: finite(whole.value),
      error: finite(whole.error),
      natural: deviation(groups.map(group => qualityOf(task, group.y, group.s).value)),
    },
    loss: {
      value: finite(loss.value),
      error: finite(loss.error),
      natural: deviation(groups.map(group => meanLoss(task, group.y, group.s, level).value)),
    },
  }
}
