/** Numbers at which something ends, and where the functions of numbers of src/math promise a number. */
export const max = Number.MAX_VALUE
export const any = [
  0,
  -0,
  5e-324,
  1e-310,
  1e-300,
  1e-17,
  0.3,
  1,
  12,
  1e3,
  1e8,
  1e12,
  1e16,
  2 ** 53,
  1e20,
  1e100,
  1e300,
  max,
]
export const wild = [...any, -1, -1e300, -max, Infinity, -Infinity, Number.NaN]
export const positive = any.filter(x => x > 0)
export const shares = [0, 5e-324, 1e-310, 1e-17, 0.3, 0.5, 1 - 2 ** -53, 1]
export const degrees = [1e-3, 0.5, 1, 12, 1e3, 1e6, 1e9]
export const counts = [0, 1, 2, 1e3, 1e9]

/** Where a function of numbers promises a number, by argument; `last` says what the result must then be. */
export interface PromisedRange {
  readonly domain: readonly (readonly number[])[]
  readonly holds?: (args: readonly number[]) => boolean
  readonly range?: readonly [number, number]
}
const share: readonly [number, number] = [0, 1]
export const reals: readonly [number, number] = [-Infinity, Infinity]
export const promises: Readonly<Record<string, PromisedRange>> = {
  erf: { domain: [[...any, Infinity, -1, -Infinity]], range: [-1, 1] },
  erfc: { domain: [[...any, Infinity, -1, -Infinity]], range: [0, 2] },
  normalCdf: { domain: [[...any, Infinity, -1, -Infinity]], range: share },
  normalSf: { domain: [[...any, Infinity, -1, -Infinity]], range: share },
  normalQuantile: { domain: [shares], range: reals },
  lgamma: { domain: [[...any, Infinity]], range: reals },
  logBeta: {
    domain: [
      [...any, Infinity],
      [...any, Infinity],
    ],
    holds: ([a, b]) => a !== 0 || b !== Infinity,
    range: reals,
  },
  minusLog1p: { domain: [[...any, Infinity, -0.5, -1]], range: [0, Infinity] },
  gammaP: { domain: [positive, [...any, Infinity]], range: share },
  gammaQ: { domain: [positive, [...any, Infinity]], range: share },
  incompleteBeta: { domain: [degrees, degrees, shares], range: share },
  inverseIncompleteBeta: { domain: [degrees, degrees, shares], range: share },
  chiSquareSf: {
    domain: [
      [...any, -1, Infinity],
      [...degrees, 1e12, 1e100, max],
    ],
    range: share,
  },
  noncentralChiSquareSf: {
    domain: [[...any, -1, Infinity], [...degrees, 1e12, 1e100], [...any].filter(x => x < 1e300)],
    range: share,
  },
  studentSf: { domain: [[...wild].filter(x => !Number.isNaN(x)), [...degrees, Infinity]], range: share },
  clopperPearson: { domain: [counts, counts], holds: ([k = 0, n = 0]) => k <= n, range: share },
  wilson: { domain: [counts, counts], holds: ([k = 0, n = 0]) => k <= n, range: share },
  fisherSf: { domain: [[...any, -1], degrees, degrees], range: share },
  fisherUpperQuantile: { domain: [shares, degrees, degrees], range: [0, Infinity] },
  meanVariance: {
    domain: [
      [1, 2, 7, 1e3, 1e9],
      [-1, -0.9, 0, 1e-17, 0.5, 0.95, 1 - 1e-9, 1 - 2 ** -53, 1],
    ],
    range: [-1e-12, 1 + 1e-12],
  },
  unbiasedCorrelation: { domain: [[-1, 0, 0.5, 1], counts.slice(1)], range: [0, 0.95] },
  logPairedEvents: { domain: [counts, counts], range: reals },
  exponential: { domain: [wild.filter(x => !Number.isNaN(x))], range: [0, max] },
  sigmoid: { domain: [wild.filter(x => !Number.isNaN(x))], range: share },
  rowLogLoss: { domain: [[0, 1], wild.filter(x => !Number.isNaN(x))], range: [0, 17] },
}
