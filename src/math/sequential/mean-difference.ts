/** Running count, mean and sum of squared deviations; JSON, constant size. */
export interface PairedMoments {
  readonly n: number
  readonly mean: number
  readonly m2: number
}

export const noPairs: PairedMoments = { n: 0, mean: 0, m2: 0 }

/** Adds the differences `minuend[i] - subtrahend[i]` (Chan, Golub and LeVeque's merge of two batches). */
export function addPairs(
  moments: PairedMoments,
  minuend: ArrayLike<number>,
  subtrahend: ArrayLike<number>,
): PairedMoments {
  const added = minuend.length
  if (added === 0) return moments
  let sum = 0
  for (let i = 0; i < added; i++) sum += (minuend[i] as number) - (subtrahend[i] as number)
  const mean = sum / added
  let m2 = 0
  for (let i = 0; i < added; i++) {
    const deviation = (minuend[i] as number) - (subtrahend[i] as number) - mean
    m2 += deviation * deviation
  }
  const n = moments.n + added
  const delta = mean - moments.mean
  return {
    n,
    mean: moments.mean + (delta * added) / n,
    m2: moments.m2 + m2 + (delta * delta * moments.n * added) / n,
  }
}

export interface ConfidenceSequence {
  readonly mean: number
  readonly lower: number
  readonly upper: number
}

/** Fewest pairs that the asymptotics are trusted with. */
export const fewestPairs = 100

/**
 * Asymptotic confidence sequence for a mean (Waudby-Smith et al., normal mixture): covers the mean at all times together with
 * probability 1 - alpha, each side with alpha / 2. `rho` tunes it to be tightest near 8 / rho pairs (default 1/500). Infinite
 * below 100 pairs.
 */
export function confidenceSequence(moments: PairedMoments, alpha: number, rho = 1 / 500): ConfidenceSequence {
  const { n, mean, m2 } = moments
  if (n < fewestPairs) return { mean, lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY }
  const spread = (n * rho + 1) / (n * n * rho)
  const half = Math.sqrt(2 * (m2 / n) * spread * Math.log(Math.sqrt(n * rho + 1) / (alpha / 2)))
  return { mean, lower: mean - half, upper: mean + half }
}
