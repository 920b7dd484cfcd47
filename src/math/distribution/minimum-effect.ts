import { chiSquareSf, noncentralChiSquareSf } from '../special/chi-square.ts'
import { psi } from './divergence.ts'

export interface MinimumEffect {
  /** h · PSI with h = nm / (n + m), n and m the rows of the two histograms. */
  readonly statistic: number
  /** Bins - 1. */
  readonly df: number
  /** theta0 · h. */
  readonly lambda0: number
  /** Probability of such a statistic, or a greater one, when the true PSI is theta0. */
  readonly p: number
  readonly psi: number
}

function total(counts: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < counts.length; i++) sum += counts[i] as number
  return sum
}

/**
 * Tests whether two histograms differ by more than a PSI of `theta0`: under a true PSI of theta0, h · PSI is asymptotically
 * noncentral chi-square with bins - 1 degrees of freedom and noncentrality theta0 · h. `theta0` 0 tests for any difference.
 * Counts are smoothed by 1/2. Pool sparse bins first (`poolSparse`). Under two bins or without rows p is 1.
 */
export function minimumEffectTest(test: {
  readonly reference: ArrayLike<number>
  readonly current: ArrayLike<number>
  readonly theta0: number
}): MinimumEffect {
  const n = total(test.reference)
  const m = total(test.current)
  const df = test.reference.length - 1
  if (df < 1 || n === 0 || m === 0) return { statistic: 0, df: Math.max(0, df), lambda0: 0, p: 1, psi: 0 }
  const h = (n / (n + m)) * m
  const index = psi(test.reference, test.current)
  const statistic = h * index
  const lambda0 = test.theta0 * h
  const p = lambda0 > 0 ? noncentralChiSquareSf(statistic, df, lambda0) : chiSquareSf(statistic, df)
  return { statistic, df, lambda0, p, psi: index }
}

export interface Pooled {
  readonly reference: readonly number[]
  readonly current: readonly number[]
}

/**
 * Merges bins until every one expects at least `least` (5) current rows under no drift, its pooled share times the rows of the
 * smaller histogram. Ordered bins join their right neighbour (the last its left one); unordered ones join one common rest.
 */
export function poolSparse(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  order: 'ordered' | 'unordered',
  least = 5,
): Pooled {
  const n = total(reference)
  const m = total(current)
  const share = n + m === 0 ? 0 : Math.min(n, m) / (n + m)
  const left: number[] = []
  const right: number[] = []
  let a = 0
  let b = 0
  for (let i = 0; i < reference.length; i++) {
    const r = reference[i] as number
    const c = current[i] as number
    if (order === 'unordered') {
      if ((r + c) * share >= least) {
        left.push(r)
        right.push(c)
      } else {
        a += r
        b += c
      }
      continue
    }
    a += r
    b += c
    if ((a + b) * share >= least) {
      left.push(a)
      right.push(b)
      a = 0
      b = 0
    }
  }
  if (a + b > 0) {
    if (order === 'unordered' && (a + b) * share >= least) {
      left.push(a)
      right.push(b)
    } else if (left.length > 0) {
      // the smallest kept bin takes an unordered rest, the last one an ordered rest
      let into = left.length - 1
      if (order === 'unordered')
        for (let i = 0; i < left.length; i++)
          if ((left[i] as number) + (right[i] as number) < (left[into] as number) + (right[into] as number)) into = i
      left[into] = (left[into] as number) + a
      right[into] = (right[into] as number) + b
    } else {
      left.push(a)
      right.push(b)
    }
  }
  return { reference: left, current: right }
}
