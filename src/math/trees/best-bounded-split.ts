import { missingBin } from './arena.ts'
import { bestCodeSplit } from './best-code-split.ts'
import {
  beginOf,
  type Bounds,
  floorOf,
  gradientOf,
  hessianOf,
  type Split,
  type SplitRules,
  withMissing,
} from './split.ts'
import { codeBase } from './kernels.ts'

export const clamp = (value: number, { low, high }: Bounds): number => Math.min(Math.max(value, low), high)

/** The answer of rows with these sums, within bounds. */
export function answerOf(slope: number, curve: number, l2: number, bounds: Bounds): number {
  return clamp(curve + l2 > 0 ? -slope / (curve + l2) : 0, bounds)
}

/** What an answer takes from the loss, doubled: gradient² / (hessian + l2) for the best one. */
function worth(slope: number, curve: number, l2: number, answer: number): number {
  return -2 * slope * answer - (curve + l2) * answer * answer
}

/**
 * As `bestSplit`, with answers that stay within the leaf's bounds, and only splits whose children's answers are in the
 * direction that the feature may go. `monotone` names a direction by feature.
 */
export function bestBoundedSplit(
  histogram: Float64Array,
  total: number,
  least: number,
  rules: SplitRules,
  monotone: Int8Array,
  bounds: Bounds,
): Split | undefined {
  const { l2, categorical } = rules
  const allCurve = hessianOf(total)
  const allSlope = gradientOf(total)
  const base = worth(allSlope, allCurve, l2, answerOf(allSlope, allCurve, l2, bounds))
  // Outside the bounds the base can be negative
  let bestGain = Math.max(floorOf(base) - base, 1e-9)
  let best: Split | undefined
  const gainOf = (left: number, direction: number): number => {
    const curve = hessianOf(left)
    const rest = allCurve - curve
    if (curve < least || rest < least) return 0
    const slope = left - curve * codeBase
    const below = answerOf(slope, curve, l2, bounds)
    const above = answerOf(allSlope - slope, rest, l2, bounds)
    if ((direction > 0 && below > above) || (direction < 0 && below < above)) return 0
    return worth(slope, curve, l2, below) + worth(allSlope - slope, rest, l2, above) - base
  }
  for (const feature of rules.features) {
    if (categorical?.[feature]) {
      const split = bestCodeSplit(histogram, total, least, rules, feature)
      const gain = split ? gainOf(split.left, 0) : 0
      if (split && gain > bestGain) {
        bestGain = gain
        best = { ...split, gain }
      }
      continue
    }
    const begin = beginOf(rules, feature)
    const bins = rules.bins[feature] as number
    const missing = histogram[begin + missingBin] as number
    for (let pass = missing === 0 ? 1 : 0; pass < 2; pass++) {
      let left = pass === 0 ? missing : 0
      const stop = pass === 0 || missing === 0 ? bins - 1 : bins
      for (let bin = 0; bin < stop; bin++) {
        const code = histogram[begin + bin] as number
        if (code === 0) continue
        left += code
        const gain = gainOf(left, monotone[feature] as number)
        if (gain > bestGain) {
          bestGain = gain
          best = { feature, bin, missingLeft: pass === 0, gain, left }
        }
      }
    }
  }
  return best && best.bin >= 0 ? withMissing(histogram, best, rules, allCurve) : best
}
