import { isClassification, type Task } from '../task.ts'

/**
 * The unit in which scores of one model are compared: 1 for probabilities; for numbers in the label's own units what is
 * usual among them (the median of their magnitudes), so that micrograms and megawatts are held to the same. At least the
 * smallest normal float32, where all of them are 0.
 */
export function scoreScale(task: Task, scores: Float32Array): number {
  if (isClassification(task)) return 1
  const sizes = scores.map(Math.abs).filter(Number.isFinite).sort()
  return Math.max(sizes[sizes.length >> 1] ?? 0, 2 ** -126)
}

/** How far a score is from the one it should be, in those units, or in units of itself where it is larger. NaN is within no tolerance. */
export function scoreDistance(score: number, wanted: number, scale: number): number {
  return Math.abs(score - wanted) / Math.max(scale, Math.abs(wanted))
}
