import { incompleteBeta } from './incomplete-beta.ts'
import { normalSf } from './normal.ts'

/** P(T > t) for Student's t with `df` of at least 1/1000; the normal distribution for infinite `df`. NaN elsewhere. */
export function studentSf(t: number, df: number): number {
  if (Number.isNaN(t) || !(df >= 1e-3)) return Number.NaN
  if (df > 1e7) return normalSf(t)
  // near the middle df / (df + t²) is 1 to all its digits; what lies between -t and t is not
  if (t * t < Math.min(4, df)) {
    const within = 0.5 * incompleteBeta(0.5, df / 2, (t * t) / (df + t * t))
    return t >= 0 ? 0.5 - within : 0.5 + within
  }
  const tail = 0.5 * incompleteBeta(df / 2, 0.5, df / (df + t * t))
  return t >= 0 ? tail : 1 - tail
}
