import { missingBin } from './arena.ts'
import { bestBoundedSplit } from './best-bounded-split.ts'
import { bestCodeSplit } from './best-code-split.ts'
import { codeBase } from './kernels.ts'
import {
  beginOf,
  type Bounds,
  floorOf,
  hessianOf,
  leastOf,
  type Split,
  type SplitRules,
  unbounded,
  withMissing,
} from './split.ts'

const perBase = 1 / codeBase

/**
 * Searches every border of every feature; the first best one wins. A child's number of rows is its share of the
 * hessian, which is exact where all hessians are equal.
 */
export function bestSplit(
  histogram: Float64Array,
  total: number,
  count: number,
  rules: SplitRules,
  bounds: Bounds = unbounded,
): Split | undefined {
  const least = leastOf(total, count, rules)
  if (least === undefined) return undefined
  if (rules.monotone) return bestBoundedSplit(histogram, total, least, rules, rules.monotone, bounds)
  const { categorical } = rules
  const found = bestNumberSplit(histogram, total, least, rules)
  let best = found
  for (const feature of categorical ? rules.features : []) {
    if (!categorical?.[feature]) continue
    const split = bestCodeSplit(histogram, total, least, rules, feature)
    if (split && (!best || split.gain > best.gain || (split.gain === best.gain && feature < best.feature))) best = split
  }
  return best
}

function bestNumberSplit(histogram: Float64Array, total: number, least: number, rules: SplitRules): Split | undefined {
  const { l2, categorical } = rules
  const allCurve = hessianOf(total)
  const allSlope = total - allCurve * codeBase
  const base = (allSlope * allSlope) / (allCurve + l2)
  let best = floorOf(base)
  let feature = -1
  let bin = 0
  let missingLeft = false
  let bestLeft = 0
  for (const candidate of rules.features) {
    if (categorical?.[candidate]) continue
    const begin = beginOf(rules, candidate)
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
  return withMissing(histogram, { feature, bin, missingLeft, gain: best - base, left: bestLeft }, rules, allCurve)
}
