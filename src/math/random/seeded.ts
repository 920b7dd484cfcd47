export interface SeededRandom {
  /** Uniform in [0, 1) with 32 bits. */
  next(): number
  /** Standard normal. */
  normal(): number
  /** Whole number in 0 … bound - 1. */
  below(bound: number): number
}

/** Reproducible numbers for resampling and simulation (sfc32); not for secrets. */
export function seeded(seed: number): SeededRandom {
  let a = seed >>> 0
  let b = 0x9e3779b9
  let c = 0x243f6a88
  let counter = 1
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (c << 21) | (c >>> 11)
    c = (c + t) | 0
    return (t >>> 0) / 4294967296
  }
  for (let i = 0; i < 16; i++) next()
  return {
    next,
    normal: () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()),
    below: bound => Math.floor(next() * bound),
  }
}
