/** margin × slope + offset is the calibrated margin. */
export interface CalibrationLine {
  readonly slope: number
  readonly offset: number
}

const maxSteps = 100

/**
 * Logistic regression of the labels (0 or 1) on the margins (Platt 1999), labels drawn towards a half as he does, so that few
 * rows do not give certainties. The slope is never negative: a margin that says nothing is replaced by what the labels say.
 * Throws RangeError without a row of weight.
 */
export function fitPlatt(
  margins: ArrayLike<number>,
  labels: ArrayLike<number>,
  weights?: ArrayLike<number>,
): CalibrationLine {
  let positives = 0
  let negatives = 0
  for (let row = 0; row < labels.length; row++) {
    const weight = weights ? (weights[row] as number) : 1
    if ((labels[row] as number) > 0) positives += weight
    else negatives += weight
  }
  if (!(positives + negatives > 0)) throw new RangeError('there is no row to calibrate on')
  const [high, low] = [(positives + 1) / (positives + 2), 1 / (negatives + 2)]
  const derive = (slope: number, offset: number): number[] => {
    let loss = 0
    const [g, h] = [[0, 0] as [number, number], [0, 0, 0] as [number, number, number]]
    for (let row = 0; row < labels.length; row++) {
      const weight = weights ? (weights[row] as number) : 1
      const x = margins[row] as number
      const target = (labels[row] as number) > 0 ? high : low
      const margin = slope * x + offset
      const p = 1 / (1 + Math.exp(-margin))
      loss += weight * (Math.max(margin, 0) - margin * target + Math.log1p(Math.exp(-Math.abs(margin))))
      const [rest, curve] = [weight * (p - target), weight * p * (1 - p)]
      g[0] += rest * x
      g[1] += rest
      h[0] += curve * x * x
      h[1] += curve * x
      h[2] += curve
    }
    return [loss, ...g, ...h]
  }
  const prior = Math.log((positives * high + negatives * low) / (positives * (1 - high) + negatives * (1 - low)))
  let [slope, offset] = [0, prior]
  let state = derive(slope, offset)
  for (let step = 0; step < maxSteps; step++) {
    const [loss = 0, g0 = 0, g1 = 0, h00 = 0, h01 = 0, h11 = 0] = state
    const ridge = 1e-12 * (h00 + h11)
    const determinant = (h00 + ridge) * (h11 + ridge) - h01 * h01
    if (!(determinant > 0)) break
    const moves = [
      ((h11 + ridge) * g0 - h01 * g1) / determinant,
      ((h00 + ridge) * g1 - h01 * g0) / determinant,
    ] as const
    let length = 1
    let next = state
    do {
      next = derive(slope - length * moves[0], offset - length * moves[1])
      length /= 2
    } while (!((next[0] as number) <= loss) && length > 1e-10)
    if (!((next[0] as number) <= loss)) break
    slope -= 2 * length * moves[0]
    offset -= 2 * length * moves[1]
    state = next
    if (Math.abs(moves[0]) < 1e-12 * (1 + Math.abs(slope)) && Math.abs(moves[1]) < 1e-12 * (1 + Math.abs(offset))) break
  }
  return slope > 0 ? { slope, offset } : { slope: 0, offset: prior }
}

/**
 * One factor for all margins of a multiclass model that makes the labels likeliest (temperature scaling: Guo et al. 2017).
 * `margins[row × classes + class]`. Order and decisions stay what they are.
 */
export function fitTemperature(
  margins: ArrayLike<number>,
  labels: ArrayLike<number>,
  classes: number,
  weights?: ArrayLike<number>,
): number {
  const derive = (logarithm: number): [number, number] => {
    const factor = Math.exp(logarithm)
    let loss = 0
    let slope = 0
    for (let row = 0; row < labels.length; row++) {
      const weight = weights ? (weights[row] as number) : 1
      const begin = row * classes
      let top = -Infinity
      for (let k = 0; k < classes; k++) top = Math.max(top, factor * (margins[begin + k] as number))
      let sum = 0
      let mean = 0
      for (let k = 0; k < classes; k++) {
        const margin = margins[begin + k] as number
        const part = Math.exp(factor * margin - top)
        sum += part
        mean += part * margin
      }
      const own = margins[begin + (labels[row] as number)] as number
      loss += weight * (Math.log(sum) + top - factor * own)
      slope += weight * factor * (mean / sum - own)
    }
    return [loss, slope]
  }
  // The loss is convex in the factor: the sign of its slope says on which side the best one is
  let [low, high] = [-5, 5]
  for (let turn = 0; turn < 60; turn++) {
    const middle = (low + high) / 2
    if (derive(middle)[1] > 0) high = middle
    else low = middle
  }
  return Math.exp((low + high) / 2)
}
