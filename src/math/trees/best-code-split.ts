import { maxCodeBins } from './arena.ts'
import { codeBase } from './kernels.ts'
import { codesPerColumn } from './layout.ts'
import { beginOf, floorOf, gradientOf, hessianOf, type Split, type SplitRules } from './split.ts'

/** Up to so many bins, each is tried alone against all others. */
const maxAlone = 4
/** More than there are bins; a key is an order × this + the bin, below 2^53. */
const spread = 1024
const orders = 2 ** 42
const perBase = 1 / codeBase

// Used by one call at a time, which never waits.
const present = new Int32Array(maxCodeBins)
const sums = new Float64Array(maxCodeBins)
const ratios = new Float64Array(maxCodeBins)
const keys = new Float64Array(maxCodeBins)

/**
 * The best division of a categorical feature's bins into two groups. Of few, one against the others. Of more, they are put in
 * the order of gradient / (hessian + smoothing) and cut once, which is the best of all divisions where nothing is smoothed
 * (Fisher 1958; Ke et al. 2017); the further penalty keeps that choice from being worth too much. The lighter group is named,
 * so that codes which training did not see here go the way of most rows.
 */
export function bestCodeSplit(
  histogram: Float64Array,
  total: number,
  least: number,
  rules: SplitRules,
  feature: number,
): Split | undefined {
  const count = gather(histogram, beginOf(rules, feature), rules.bins[feature] as number)
  if (count < 2) return undefined
  const allCurve = hessianOf(total)
  const allSlope = gradientOf(total)
  const base = (allSlope * allSlope) / (allCurve + rules.l2)
  const alone = count <= maxAlone
  const l2 = rules.l2 + (alone ? 0 : (rules.categoryL2 ?? 0))
  if (!alone) order(count, rules.categorySmoothing ?? 0)
  let best = floorOf(base)
  let cut = -1
  let bestLeft = 0
  let left = 0
  const tries = alone ? count : count - 1
  for (let at = 0; at < tries; at++) {
    const code = sums[present[at] as number] as number
    left = alone ? code : left + code
    const curve = Math.floor(left * perBase + 0.5)
    const rest = allCurve - curve
    if (curve < least || rest < least) continue
    const slope = left - curve * codeBase
    const other = allSlope - slope
    const gain = (slope * slope) / (curve + l2) + (other * other) / (rest + l2)
    if (gain > best) {
      best = gain
      cut = at
      bestLeft = left
    }
  }
  if (cut < 0) return undefined
  const lighter = 2 * hessianOf(bestLeft) <= allCurve
  const isFirst = (at: number): boolean => (alone ? at === cut : at <= cut)
  const named = Array.from(present.subarray(0, count)).filter((_, at) => isFirst(at) === lighter)
  return {
    feature,
    bin: -1,
    bins: named.sort((a, b) => a - b),
    missingLeft: false,
    gain: best - base,
    left: lighter ? bestLeft : total - bestLeft,
  }
}

/** Finds the bins that have rows, and their sums. Of several columns, the last slot of each is not the feature's. */
function gather(histogram: Float64Array, begin: number, bins: number): number {
  let count = 0
  for (let bin = 0, slot = begin, inColumn = 0; bin < bins; bin++, slot++, inColumn++) {
    if (inColumn === codesPerColumn) {
      inColumn = 0
      slot++
    }
    const sum = histogram[slot] as number
    if (sum === 0) continue
    sums[bin] = sum
    present[count++] = bin
  }
  return count
}

/** Bins by gradient / (hessian + smoothing), then by number: sorted as whole numbers that hold both, which is much faster. */
function order(count: number, smoothing: number): void {
  let low = Infinity
  let high = -Infinity
  for (let at = 0; at < count; at++) {
    const sum = sums[present[at] as number] as number
    const hessian = Math.floor(sum * perBase + 0.5)
    const ratio = hessian + smoothing > 0 ? (sum - hessian * codeBase) / (hessian + smoothing) : 0
    ratios[at] = ratio
    if (ratio < low) low = ratio
    if (ratio > high) high = ratio
  }
  const scale = high > low ? orders / (high - low) : 0
  for (let at = 0; at < count; at++)
    keys[at] = Math.round(((ratios[at] as number) - low) * scale) * spread + (present[at] as number)
  const sorted = keys.subarray(0, count).sort()
  for (let at = 0; at < count; at++) present[at] = (sorted[at] as number) % spread
}
