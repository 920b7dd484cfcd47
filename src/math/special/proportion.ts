import { incompleteBeta, inverseIncompleteBeta } from './incomplete-beta.ts'
import { normalQuantile } from './normal.ts'

export interface Interval {
  readonly lower: number
  readonly upper: number
}

/** Exact (Clopper–Pearson) two-sided interval for a proportion of which `k` of `n` were seen, 0 ≤ k ≤ n ≤ 1e9. */
export function clopperPearson(k: number, n: number, confidence = 0.95): Interval {
  const tail = (1 - confidence) / 2
  return {
    lower: k === 0 ? 0 : inverseIncompleteBeta(k, n - k + 1, tail),
    // by symmetry from the small tail, where the precision is
    upper: k === n ? 1 : 1 - inverseIncompleteBeta(n - k, k + 1, tail),
  }
}

/** Wilson's score interval for a proportion of which `k` of `n` were seen, 0 ≤ k ≤ n (no continuity correction). */
export function wilson(k: number, n: number, confidence = 0.95): Interval {
  if (n === 0) return { lower: 0, upper: 1 }
  const z = -normalQuantile((1 - confidence) / 2)
  const p = k / n
  const z2 = (z * z) / n
  const half = z * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n))
  return { lower: Math.max(0, (p + z2 / 2 - half) / (1 + z2)), upper: Math.min(1, (p + z2 / 2 + half) / (1 + z2)) }
}

/** P(F > f) for Fisher's F with `df1` and `df2` degrees of freedom, of 1/1000 to 1e9; NaN elsewhere. */
export function fisherSf(f: number, df1: number, df2: number): number {
  if (!(Math.min(df1, df2) >= 1e-3)) return Number.NaN
  return f <= 0 ? 1 : incompleteBeta(df2 / 2, df1 / 2, df2 / (df2 + df1 * f))
}

/** The f that Fisher's F with `df1` and `df2` degrees of freedom exceeds with probability `tail`. */
export function fisherUpperQuantile(tail: number, df1: number, df2: number): number {
  const x = inverseIncompleteBeta(df2 / 2, df1 / 2, tail)
  return (df2 * (1 - x)) / (df1 * x)
}
