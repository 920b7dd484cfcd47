import type { LinearTask } from './model.ts'

/** Minus the log likelihood (regression: half the squared error) as a function of the margins, `margins[output][row]`. */
export interface Loss {
  readonly outputs: number
  /** Whether the second derivatives do not depend on the margins. */
  readonly quadratic: boolean
  /** Intercepts of the best constant model. */
  readonly start: readonly number[]
  /**
   * The weighted loss of all rows. Writes its first derivatives by margin, weighted, to `slopes`, and what `curvature` needs to
   * `state`, both laid out as the margins.
   */
  derive(margins: readonly Float64Array[], slopes: readonly Float64Array[], state: readonly Float64Array[]): number
  /** Second derivative of a row's loss, without its weight, by the margins k and l. */
  curvature(state: readonly Float64Array[], row: number, k: number, l: number): number
}

export function lossFor(task: LinearTask, classes: number, labels: Float64Array, weights: Float64Array): Loss {
  switch (task) {
    case 'regression':
      return squared(labels, weights)
    case 'binary':
      return logistic(labels, weights)
    case 'count':
      return poisson(labels, weights)
    case 'multiclass':
      return multinomial(classes, labels, weights)
  }
}

function meanOf(labels: Float64Array, weights: Float64Array): number {
  let sum = 0
  let total = 0
  for (let row = 0; row < labels.length; row++) {
    sum += (weights[row] as number) * (labels[row] as number)
    total += weights[row] as number
  }
  return sum / total
}

function squared(labels: Float64Array, weights: Float64Array): Loss {
  return {
    outputs: 1,
    quadratic: true,
    start: [meanOf(labels, weights)],
    derive([margins], [slopes]) {
      let loss = 0
      for (let row = 0; row < labels.length; row++) {
        const rest = ((margins as Float64Array)[row] as number) - (labels[row] as number)
        const weight = weights[row] as number
        loss += 0.5 * weight * rest * rest
        ;(slopes as Float64Array)[row] = weight * rest
      }
      return loss
    },
    curvature: () => 1,
  }
}

function logistic(labels: Float64Array, weights: Float64Array): Loss {
  const share = Math.min(Math.max(meanOf(labels, weights), 1e-9), 1 - 1e-9)
  return {
    outputs: 1,
    quadratic: false,
    start: [Math.log(share / (1 - share))],
    derive([margins], [slopes], [state]) {
      let loss = 0
      for (let row = 0; row < labels.length; row++) {
        const margin = (margins as Float64Array)[row] as number
        const label = labels[row] as number
        const weight = weights[row] as number
        const p = 1 / (1 + Math.exp(-margin))
        const signed = label === 1 ? margin : -margin
        loss += weight * (signed > 0 ? Math.log1p(Math.exp(-signed)) : Math.log1p(Math.exp(signed)) - signed)
        ;(slopes as Float64Array)[row] = weight * (p - label)
        ;(state as Float64Array)[row] = p * (1 - p)
      }
      return loss
    },
    curvature: ([state], row) => (state as Float64Array)[row] as number,
  }
}

/** Without the constant of the likelihood, the logarithm of the label's factorial. */
function poisson(labels: Float64Array, weights: Float64Array): Loss {
  return {
    outputs: 1,
    quadratic: false,
    start: [Math.log(Math.max(meanOf(labels, weights), 1e-9))],
    derive([margins], [slopes], [state]) {
      let loss = 0
      for (let row = 0; row < labels.length; row++) {
        const margin = (margins as Float64Array)[row] as number
        const label = labels[row] as number
        const weight = weights[row] as number
        const rate = Math.exp(margin)
        if (weight > 0) loss += weight * (rate - label * margin)
        ;(slopes as Float64Array)[row] = weight > 0 ? weight * (rate - label) : 0
        ;(state as Float64Array)[row] = rate
      }
      return loss
    },
    curvature: ([state], row) => (state as Float64Array)[row] as number,
  }
}

function multinomial(classes: number, labels: Float64Array, weights: Float64Array): Loss {
  const shares = new Float64Array(classes)
  let total = 0
  labels.forEach((label, row) => {
    shares[label] = (shares[label] as number) + (weights[row] as number)
    total += weights[row] as number
  })
  const logs = Array.from(shares, sum => Math.log(Math.max(sum / total, 1e-9)))
  const middle = logs.reduce((sum, log) => sum + log, 0) / classes
  return {
    outputs: classes,
    quadratic: false,
    start: logs.map(log => log - middle),
    derive(margins, slopes, state) {
      // List by list, not row by row: of a thousand classes every value of a row lies in another place of memory
      const rows = labels.length
      const tops = new Float64Array(rows).fill(-Infinity)
      for (const own of margins)
        for (let row = 0; row < rows; row++)
          if ((own[row] as number) > (tops[row] as number)) tops[row] = own[row] as number
      const sums = new Float64Array(rows)
      margins.forEach((own, k) => {
        const powers = state[k] as Float64Array
        for (let row = 0; row < rows; row++) {
          const power = Math.exp((own[row] as number) - (tops[row] as number))
          powers[row] = power
          sums[row] = (sums[row] as number) + power
        }
      })
      let loss = 0
      for (let row = 0; row < rows; row++) {
        const own = (margins[labels[row] as number] as Float64Array)[row] as number
        loss += (weights[row] as number) * (Math.log(sums[row] as number) + (tops[row] as number) - own)
      }
      state.forEach((powers, k) => {
        const slope = slopes[k] as Float64Array
        for (let row = 0; row < rows; row++) {
          const p = (powers[row] as number) / (sums[row] as number)
          powers[row] = p
          slope[row] = (weights[row] as number) * (k === labels[row] ? p - 1 : p)
        }
      })
      return loss
    },
    curvature(state, row, k, l) {
      const p = (state[k] as Float64Array)[row] as number
      return k === l ? p * (1 - p) : -p * ((state[l] as Float64Array)[row] as number)
    },
  }
}
