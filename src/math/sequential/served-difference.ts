import { addPairs, confidenceSequence, fewestPairs, noPairs, type PairedMoments } from './mean-difference.ts'

/** Values of one arm: how many, and their mean. */
export interface ArmMean {
  readonly n: number
  readonly mean: number
}

/**
 * What is known of the difference of two arms of which each unit was served by one, drawn with a known chance. JSON, constant size.
 */
export interface ServedMoments {
  readonly stable: ArmMean
  readonly canary: ArmMean
  /** Moments of the terms, each of which is the weight times the effect in expectation. */
  readonly terms: PairedMoments
  /** Sum of the weights. */
  readonly weight: number
  /** Sum of the squared distances from the mean of all before. */
  readonly squares: number
}

const noValues: ArmMean = { n: 0, mean: 0 }
export const noServed: ServedMoments = {
  stable: noValues,
  canary: noValues,
  terms: noPairs,
  weight: 0,
  squares: 0,
}

/** Units that only say where the values lie. */
const settling = 20
const nought = [0]

const withValue = ({ n, mean }: ArmMean, value: number): ArmMean => ({
  n: n + 1,
  mean: mean + (value - mean) / (n + 1),
})

/**
 * Adds one unit: what it was worth, which arm served it, and the chance with which that was the canary.
 *
 * Its term is (A - w) / √(w (1 - w)) · (y - c), with c the mean of all units before it. A is drawn with chance w whatever came
 * before, so that the term is √(w (1 - w)) times the effect in expectation, whatever hour it is and however w was chosen; the
 * weight makes terms of all shares vary alike.
 */
export function addServed(moments: ServedMoments, value: number, canary: boolean, chance: number): ServedMoments {
  const { stable, canary: other } = moments
  const n = stable.n + other.n
  const arms = canary
    ? { stable, canary: withValue(other, value) }
    : { stable: withValue(stable, value), canary: other }
  if (n < settling) return { ...moments, ...arms }
  const centre = (stable.n * stable.mean + other.n * other.mean) / n
  const weight = Math.sqrt(chance * (1 - chance))
  const away = value - centre
  return {
    ...arms,
    terms: addPairs(moments.terms, [(((canary ? 1 : 0) - chance) / weight) * away], nought),
    weight: moments.weight + weight,
    squares: moments.squares + away * away,
  }
}

/** A difference of means, canary minus stable, with bounds that hold at all times together. */
export interface ServedDifference {
  readonly difference: number
  readonly lower: number
  readonly upper: number
}

/**
 * Asymptotic confidence sequence for the difference, each side with alpha / 2. Where few units were the canary's, the spread of its
 * own values is known badly, and that of skewed ones too small: the spread of all is taken where it is greater. Infinite
 * before each arm has served 100.
 */
export function servedDifference(
  { stable, canary, terms, weight, squares }: ServedMoments,
  alpha: number,
): ServedDifference {
  const difference = weight > 0 ? (terms.n * terms.mean) / weight : 0
  if (Math.min(stable.n, canary.n) < fewestPairs)
    return { difference, lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY }
  const { lower, upper } = confidenceSequence({ ...terms, m2: Math.max(terms.m2, squares) }, alpha)
  const scale = terms.n / weight
  return { difference, lower: lower * scale, upper: upper * scale }
}
