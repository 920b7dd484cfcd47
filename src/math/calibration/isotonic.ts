/**
 * A rising line through knots: probability as a function of a score, straight between two knots, the ends' beyond them.
 * Scores ascend strictly, probabilities do not fall.
 */
export interface CalibrationSteps {
  readonly scores: readonly number[]
  readonly probabilities: readonly number[]
}

interface Block {
  first: number
  last: number
  sum: number
  weight: number
}

/**
 * The rising function of the score that is nearest to the labels (0 or 1) in squares, by pooling adjacent violators (Ayer et
 * al. 1955; Zadrozny and Elkan 2002), as scikit-learn's IsotonicRegression. Throws RangeError without a row of weight.
 */
export function fitIsotonic(
  scores: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number>,
): CalibrationSteps {
  const order = Uint32Array.from({ length: scores.length }, (_, row) => row)
    .filter(row => Number.isFinite(scores[row]) && (weights ? (weights[row] as number) > 0 : true))
    .sort((a, b) => (scores[a] as number) - (scores[b] as number))
  if (order.length === 0) throw new RangeError('there is no row to calibrate on')
  const blocks: Block[] = []
  for (const row of order) {
    const score = scores[row] as number
    const weight = weights ? (weights[row] as number) : 1
    const last = blocks.at(-1)
    // Equal scores are one point
    if (last?.last === score && last.first === score) {
      last.sum += weight * (labels[row] as number)
      last.weight += weight
      continue
    }
    pool(blocks)
    blocks.push({ first: score, last: score, sum: weight * (labels[row] as number), weight })
  }
  pool(blocks)
  const knots = blocks.flatMap(({ first, last, sum, weight }) =>
    (first === last ? [first] : [first, last]).map(score => ({ score, probability: sum / weight })),
  )
  return { scores: knots.map(knot => knot.score), probabilities: knots.map(knot => knot.probability) }
}

/** Joins the last blocks as long as the last is not above the one before it. */
function pool(blocks: Block[]): void {
  for (;;) {
    const [before, last] = [blocks.at(-2), blocks.at(-1)]
    if (!before || !last || before.sum / before.weight < last.sum / last.weight) return
    before.last = last.last
    before.sum += last.sum
    before.weight += last.weight
    blocks.pop()
  }
}

/** The probability at a score; NaN gives NaN. */
export function stepAt({ scores, probabilities }: CalibrationSteps, score: number): number {
  if (score !== score) return NaN
  let low = 0
  let high = scores.length - 1
  if (score <= (scores[0] as number)) return probabilities[0] as number
  if (score >= (scores[high] as number)) return probabilities[high] as number
  while (high - low > 1) {
    const middle = (low + high) >> 1
    if ((scores[middle] as number) <= score) low = middle
    else high = middle
  }
  const [from, to] = [scores[low] as number, scores[high] as number]
  const [begin, end] = [probabilities[low] as number, probabilities[high] as number]
  return begin + ((score - from) * (end - begin)) / (to - from)
}

/** Calibrates scores in place. */
export function applySteps(steps: CalibrationSteps, scores: Float32Array): void {
  for (let at = 0; at < scores.length; at++) scores[at] = stepAt(steps, scores[at] as number)
}
