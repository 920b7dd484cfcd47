import { missingBin, slots } from './arena.ts'
import { codeBase } from './kernels.ts'

/** The best question to ask of a leaf's rows. */
export interface Split {
  readonly feature: number
  /** The highest bin of values that goes left. */
  readonly bin: number
  readonly missingLeft: boolean
  /** Increase of the sum of gradient² / (hessian + l2), in code units. */
  readonly gain: number
  /** Sum of the codes that go left. */
  readonly left: number
}

export interface SplitRules {
  /** Number of bins of each feature. */
  readonly bins: readonly number[]
  /** Features that may be asked, ascending. */
  readonly features: readonly number[]
  /** L2 penalty and the least hessian of a child, in code units. */
  readonly l2: number
  readonly leastHessian: number
  readonly minLeaf: number
}

const perBase = 1 / codeBase

export function hessianOf(code: number): number {
  return Math.floor(code * perBase + 0.5)
}

export function gradientOf(code: number): number {
  return code - hessianOf(code) * codeBase
}

/**
 * Searches every border of every feature; the first best one wins. A child's number of rows is its share of the
 * hessian, which is exact where all hessians are equal.
 */
export function bestSplit(histogram: Float64Array, total: number, count: number, rules: SplitRules): Split | undefined {
  const { l2 } = rules
  const allCurve = hessianOf(total)
  const allSlope = total - allCurve * codeBase
  const least = Math.max(rules.leastHessian, (rules.minLeaf * allCurve) / count)
  if (allCurve < 2 * least) return undefined
  const base = (allSlope * allSlope) / (allCurve + l2)
  let best = base * (1 + 1e-12) + 1e-9
  let feature = -1
  let bin = 0
  let missingLeft = false
  let bestLeft = 0
  for (const candidate of rules.features) {
    const begin = candidate * slots
    const bins = rules.bins[candidate] as number
    const missing = histogram[begin + missingBin] as number
    // Without missing values the last border separates nothing.
    const end = begin + (missing === 0 ? bins - 1 : bins)
    for (let pass = missing === 0 ? 1 : 0; pass < 2; pass++) {
      let left = pass === 0 ? missing : 0
      const stop = pass === 0 ? begin + bins - 1 : end
      for (let at = begin; at < stop; at++) {
        const code = histogram[at] as number
        if (code === 0) continue
        left += code
        const curve = Math.floor(left * perBase + 0.5)
        if (curve < least) continue
        const rest = allCurve - curve
        if (rest < least) break
        const slope = left - curve * codeBase
        const other = allSlope - slope
        const gain = (slope * slope) / (curve + l2) + (other * other) / (rest + l2)
        if (gain > best) {
          best = gain
          feature = candidate
          bin = at - begin
          missingLeft = pass === 0
          bestLeft = left
        }
      }
    }
  }
  if (feature < 0) return undefined
  // A missing value that training did not see here goes the way of most rows.
  if (histogram[feature * slots + missingBin] === 0) missingLeft = 2 * hessianOf(bestLeft) >= allCurve
  return { feature, bin, missingLeft, gain: best - base, left: bestLeft }
}
