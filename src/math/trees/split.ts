import { missingBin } from './arena.ts'
import { slots } from './slots.ts'
import { codeBase } from './kernels.ts'

/** The best question to ask of a leaf's rows. */
export interface Split {
  readonly feature: number
  /** The highest bin of values that goes left; −1 where `bins` go. */
  readonly bin: number
  /** Of a categorical feature: the bins that go left. */
  readonly bins?: readonly number[]
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
  /** First histogram column of each feature; its own number when absent. */
  readonly columns?: readonly number[]
  /** Whether each feature is categorical; none is when absent. */
  readonly categorical?: readonly boolean[]
  /** In which direction the answer may go with each feature: 1 up, −1 down, 0 any; any with all when absent. */
  readonly monotone?: Int8Array
  /** L2 penalty and the least hessian of a child, in code units. */
  readonly l2: number
  readonly leastHessian: number
  readonly minLeaf: number
  /** Further penalty where codes are divided, and the hessian without a slope that each is given when put in order. */
  readonly categoryL2?: number
  readonly categorySmoothing?: number
}

/** Between what a leaf's answer must stay, in code units: −gradient / (hessian + l2). */
export interface Bounds {
  readonly low: number
  readonly high: number
}
export const unbounded: Bounds = { low: -Infinity, high: Infinity }

const perBase = 1 / codeBase

export function hessianOf(code: number): number {
  return Math.floor(code * perBase + 0.5)
}

export function gradientOf(code: number): number {
  return code - hessianOf(code) * codeBase
}

/** The least hessian that a child of these rows may have; undefined where no two children can. */
export function leastOf(total: number, count: number, rules: SplitRules): number | undefined {
  const all = hessianOf(total)
  const least = Math.max(rules.leastHessian, (rules.minLeaf * all) / count)
  return all < 2 * least ? undefined : least
}

/** What no split may gain less than: more than rounding. */
export const floorOf = (base: number): number => base * (1 + 1e-12) + 1e-9

/** Where a feature's slots begin in the histograms. */
export const beginOf = ({ columns }: SplitRules, feature: number): number => (columns?.[feature] ?? feature) * slots

/** A missing value that training did not see here goes the way of most rows. */
export function withMissing(histogram: Float64Array, split: Split, rules: SplitRules, allCurve: number): Split {
  if (histogram[beginOf(rules, split.feature) + missingBin] !== 0) return split
  return { ...split, missingLeft: 2 * hessianOf(split.left) >= allCurve }
}
