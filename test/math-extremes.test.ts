import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import * as chiSquare from '../src/math/special/chi-square.ts'
import { lgamma, logBeta } from '../src/math/special/gamma.ts'
import { gammaP, gammaQ } from '../src/math/special/incomplete-gamma.ts'
import { kolmogorovSf } from '../src/math/special/kolmogorov.ts'
import { erf } from '../src/math/special/normal.ts'
import { auc } from '../src/math/metrics/ranking.ts'
import { confusion } from '../src/math/metrics/classification.ts'
import { sortedQuantile } from '../src/math/distribution/quantile-bins.ts'
import { benjaminiHochberg } from '../src/math/distribution/benjamini-hochberg.ts'
import { interpolated } from '../src/math/scaler/quantile-summary.ts'
import { meanVariance } from '../src/math/series/autocorrelation.ts'
import { seeded } from '../src/math/random/seeded.ts'

const dist = resolve('dist/math')
const max = Number.MAX_VALUE
const any = [0, -0, 5e-324, 1e-310, 1e-300, 1e-17, 0.3, 1, 12, 1e3, 1e8, 1e12, 1e16, 2 ** 53, 1e20, 1e100, 1e300, max]
const wild = [...any, -1, -1e300, -max, Infinity, -Infinity, Number.NaN]
const positive = any.filter(x => x > 0)
const shares = [0, 5e-324, 1e-310, 1e-17, 0.3, 0.5, 1 - 2 ** -53, 1]
const degrees = [1e-3, 0.5, 1, 12, 1e3, 1e6, 1e9]
const counts = [0, 1, 2, 1e3, 1e9]

/** Where a function of numbers promises a number, by argument; `last` says what the result must then be. */
interface Promise_ {
  readonly domain: readonly (readonly number[])[]
  readonly holds?: (args: readonly number[]) => boolean
  readonly range?: readonly [number, number]
}
const share: readonly [number, number] = [0, 1]
const reals: readonly [number, number] = [-Infinity, Infinity]
const promises: Readonly<Record<string, Promise_>> = {
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
  kolmogorovSf: { domain: [[...any, -1, Infinity]], range: share },
  kolmogorovTwoSampleP: { domain: [shares, counts.slice(1), counts.slice(1)], range: share },
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
  logEventSplit: { domain: [counts, counts, shares], holds: ([k = 0, n = 0]) => k <= n, range: reals },
  exponential: { domain: [wild.filter(x => !Number.isNaN(x))], range: [0, max] },
  sigmoid: { domain: [wild.filter(x => !Number.isNaN(x))], range: share },
  rowLogLoss: { domain: [[0, 1], wild.filter(x => !Number.isNaN(x))], range: [0, 17] },
}

const lists = [
  [],
  [1],
  [0.2, 0.7],
  wild,
  any,
  [0, 1, 0, 1, 1],
  [Number.NaN, 0.5, 0.2],
  [Infinity, 0.5, -Infinity],
  [0, 0, 0],
]
const floats = lists.map(list => Float32Array.from(list))
const pairs = lists.flatMap((list, i) => lists.map(other => [list, other.slice(0, list.length), floats[i]] as const))
const pairsOf = (wrap: (a: readonly number[], b: readonly number[]) => unknown[]): unknown[][] =>
  pairs.filter(([a, b]) => a.length === b.length).map(([a, b]) => wrap(a, b))
const labelled = lists.map((list, i) => [list.map((_, at) => at % 2), floats[i]])

/** Functions of lists and options: what they are called with. All end, and throw nothing but a RangeError that says why. */
const called: Readonly<Record<string, unknown[][]>> = {
  areaUnderCurve: [...labelled, ...pairsOf((a, b) => [a, b])],
  auc: [...labelled, ...pairsOf((a, b) => [a, b])],
  aucInterval: wild.flatMap(auc => wild.map(variance => [{ auc, variance, positives: 1, negatives: 1 }])),
  logLoss: labelled,
  brier: labelled,
  confusion: labelled,
  calibrationError: labelled,
  calibrationLine: labelled,
  rmse: pairsOf((a, b) => [a, b]),
  mae: pairsOf((a, b) => [a, b]),
  r2: pairsOf((a, b) => [a, b]),
  sortedQuantile: lists.flatMap(list =>
    shares.map(level => [list.filter(x => !Number.isNaN(x)).toSorted((a, b) => a - b), level]),
  ),
  quantileBins: lists.map(list => [list.filter(x => !Number.isNaN(x)).toSorted((a, b) => a - b)]),
  binIndex: lists.flatMap(list => wild.map(x => [list.toSorted((a, b) => a - b), x])),
  benjaminiHochberg: [...lists.map(list => [list]), [[Number.NaN, 0.01, Number.NaN]]],
  normalScores: lists.map(list => [list.map(Math.abs)]),
  ...Object.fromEntries(
    [
      'psi',
      'correctedPsi',
      'klDivergence',
      'jensenShannonDistance',
      'totalVariation',
      'binnedKs',
      'largestDifference',
      'cramersV',
    ].map(name => [name, pairsOf((a, b) => [a.map(Math.abs), b.map(Math.abs)])]),
  ),
  binnedWasserstein: pairsOf((a, b) => [[-max, ...a], a.map(Math.abs), b.map(Math.abs)]),
  pointWasserstein: pairsOf((a, b) => [a, a.map(Math.abs), b.map(Math.abs)]),
  addPairs: pairsOf((a, b) => [{ n: 0, mean: 0, m2: 0 }, a, b]),
  confidenceSequence: wild.flatMap(mean => wild.map(m2 => [{ n: 1e6, mean, m2 }, 0.05])),
  stirlingCorrection: wild.map(x => [x]),
  logGammaKernel: wild.flatMap(a => wild.map(x => [a, x])),
  upperRatio: wild.flatMap(a => wild.map(x => [a, x])),
  softmaxRows: floats.filter(list => list.length > 0).map(list => [list, 1, list.length]),
  solveSymmetric: lists.map(list => [
    Float64Array.from(list.flatMap(a => list.map(b => a * b))),
    Float64Array.from(list),
  ]),
  fitRidge: labelled.map(([labels, scores]) => [
    { rows: (labels as number[]).length, columns: [scores], labels: Float32Array.from(labels as number[]) },
  ]),
  fitLogistic: labelled.map(([labels, scores]) => [
    { rows: (labels as number[]).length, columns: [scores], labels: Float32Array.from(labels as number[]) },
  ]),
  fitScaler: ['standard', 'minmax', 'robust', 'none'].flatMap(kind => [
    ...floats.map(list => [kind, [list]]),
    ...lists.map(list => [kind, [Float64Array.from(list)], { mergeable: true }]),
    [kind, [Float64Array.of(-max, max, max)]],
  ]),
  interpolated: lists.flatMap(list => shares.map(level => [list.toSorted((a, b) => a - b), level])),
  between: wild.flatMap(low => wild.map(high => [low, high, 0.3, 0.25])),
  quantilesInPlace: lists.map(list => [Float64Array.from(list), [0, 0.25, 0.5, 1]]),
  summarise: lists.map(list => [Float64Array.from(list).sort()]),
  isConstantByVariance: wild.flatMap(a => wild.map(b => [a, b, 10])),
  isZeroScale: wild.map(x => [x]),
  chooseBorders: floats.map(list => [[list], 8]),
  hessianOf: wild.map(x => [x]),
  gradientOf: wild.map(x => [x]),
}

/** Take what the functions above and the trainer made, or write machine code: held by the tests beside them. */
const elsewhere = new Set(
  `seeded pairedBootstrap designOf unstandardise accumulate predictLinear mergeScalers mergeSummaries quantileOf kindOf isIdentity
  scaleOf leaveUnscaled transform inverseTransform float32Scale scaleFloat32 scaleRowsFloat32 InfiniteValueError SpreadError
  binFinder fillWords bestSplit blocksOf arenaPages openArena get set int add subtract and shiftLeft shiftRight
  shiftRightUnsigned below addFloat timesFloat floatOf loadInt storeInt loadFloat storeFloat loopWhile moduleOf outputsOf
  gainImportance compileTrees histogramPool growTree performJob slopeBitsOf share loopsOver resolveTreeOptions checkMatrix
  baseScores applyToBins marginsOfColumns lossOf randomFrom sampleRows sampleFeatures trainTrees newMemory instantiate`.split(
    /\s+/,
  ),
)

interface Found {
  readonly name: string
  readonly url: string
}
const found: Found[] = []
for (const file of readdirSync(dist, { recursive: true, encoding: 'utf8' }).filter(name => name.endsWith('.js'))) {
  const url = pathToFileURL(join(dist, file)).href
  const made = (await import(url)) as Readonly<Record<string, unknown>>
  // An older compile may have left what has no source any more
  if (file.endsWith('index.js') || !existsSync(join('src/math', file.replace(/js$/, 'ts')))) continue
  for (const [name, value] of Object.entries(made)) if (typeof value === 'function') found.push({ name, url })
}

interface Outcome {
  readonly given: readonly unknown[]
  readonly result?: unknown
  readonly thrown?: string
}

/** Every outcome. Rejects with the arguments of a call that does not end. */
function sweep({ name, url }: Found, argumentLists: readonly (readonly unknown[])[]): Promise<Outcome[]> {
  return new Promise((done, refuse) => {
    const worker = new Worker(resolve('test/support/sweep-math.mjs'), { workerData: { url, name, argumentLists } })
    const outcomes: Outcome[] = []
    let last: unknown
    const watch = setTimeout(() => {
      void worker.terminate()
      refuse(new Error(`${name} does not end for ${JSON.stringify(last)}`))
    }, 60_000)
    const end = (work: () => void) => (): void => {
      clearTimeout(watch)
      void worker.terminate().then(work)
    }
    worker.on('error', error => end(() => refuse(error))())
    worker.on('message', (message: Outcome & { readonly done?: true }) => {
      last = message.given
      if (message.done) end(() => done(outcomes))()
      else if ('result' in message || 'thrown' in message) outcomes.push(message)
    })
  })
}

function product(domain: readonly (readonly number[])[]): number[][] {
  return domain.reduce<number[][]>((rows, values) => rows.flatMap(row => values.map(value => [...row, value])), [[]])
}

it('no function of math/ is left out', () => {
  const known = new Set([...Object.keys(promises), ...Object.keys(called), ...elsewhere])
  expect([...new Set(found.map(one => one.name))].filter(name => !known.has(name))).toEqual([])
})

const numbersIn = (result: unknown): number[] =>
  typeof result === 'number' ? [result] : Object.values(result as Readonly<Record<string, number>>)

describe('gives a number within its range for the smallest, the largest and the odd', () => {
  it.each(found.filter(one => Object.hasOwn(promises, one.name)))('$name', async one => {
    const { domain, holds = () => true, range = reals } = promises[one.name] as Promise_
    const outcomes = await sweep(one, product(domain).filter(holds))
    const bad = outcomes.filter(
      ({ result, thrown }) =>
        thrown !== undefined || !numbersIn(result).every(x => x >= range[0] - 1e-12 && x <= range[1] + 1e-12),
    )
    expect(bad.slice(0, 10)).toEqual([])
    // Whatever else it is given, it ends
    const wide = product(domain.map(() => wild))
    const some = seeded(7)
    await sweep(
      one,
      wide.length > 2_000 ? Array.from({ length: 2_000 }, () => wide[some.below(wide.length)] ?? []) : wide,
    )
  })
})

describe('ends for whatever lists, and refuses by words if at all', () => {
  it.each(found.filter(one => Object.hasOwn(called, one.name)))('$name', async one => {
    const outcomes = await sweep(one, called[one.name] ?? [])
    expect(outcomes.length).toBeGreaterThan(0)
    expect(
      outcomes.filter(
        ({ thrown }) =>
          thrown !== undefined && !/RangeError|InfiniteValueError|SpreadError|^Error: \w+ \w+/.test(thrown),
      ),
    ).toEqual([])
  })
})

const fixture = JSON.parse(readFileSync('test/fixtures/statistics/extremes.json', 'utf8')) as Record<string, number[][]>
const inFixture: Readonly<Record<string, (...x: number[]) => number>> = {
  erf: erf as (...x: number[]) => number,
  gammaP: gammaP as (...x: number[]) => number,
  gammaQ: gammaQ as (...x: number[]) => number,
  kolmogorovSf: kolmogorovSf as (...x: number[]) => number,
  logBeta: logBeta as (...x: number[]) => number,
  meanVariance: meanVariance as (...x: number[]) => number,
  noncentralChiSquareSf: chiSquare.noncentralChiSquareSf as (...x: number[]) => number,
}
it.each(Object.entries(fixture))('%s equals mpmath far from the ordinary', (name, rows) => {
  for (const row of rows) {
    const wanted = row.at(-1) as number
    const actual = inFixture[name]?.(...row.slice(0, -1)) ?? Number.NaN
    expect(
      Math.abs(actual - wanted),
      `${name}(${row.slice(0, -1).join(', ')}) = ${actual}, not ${wanted}`,
    ).toBeLessThanOrEqual(1e-9 * Math.abs(wanted))
  }
})

it('where the sum of a noncentral chi-square has too many terms, what stands for it continues it', () => {
  for (const z of [-3, -1, 0, 1, 3]) {
    const at = (lambda: number): number =>
      chiSquare.noncentralChiSquareSf(lambda + 4 + z * Math.sqrt(2 * (4 + 2 * lambda)), 4, lambda)
    expect(Math.abs(at(2.2e11) / at(1.9e11) - 1)).toBeLessThan(1e-5)
  }
})

/** Plain counting: the share of pairs that are in order, ties counting half. */
function plainAuc(labels: readonly number[], scores: readonly number[]): number {
  let [sum, pairs] = [0, 0]
  for (const [i, a] of scores.entries())
    for (const [j, b] of scores.entries())
      if (labels[i] === 1 && labels[j] === 0) {
        pairs++
        sum += a > b ? 1 : a === b ? 0.5 : 0
      }
  return sum / pairs
}

it('areas under curves are those of counting pairs, in float64 too; a score that is no number has none', () => {
  const random = seeded(11)
  const odd = [0, -0, Infinity, -Infinity, 5e-324, -5e-324, max, -max, 1e-45, 0.5, 0.5 + 1e-9]
  for (let round = 0; round < 200; round++) {
    const n = 2 + random.below(30)
    const scores = Array.from({ length: n }, () =>
      random.next() < 0.5 ? (odd[random.below(odd.length)] ?? 0) : 0.5 + random.normal() * 1e-9,
    )
    const labels = scores.map((_, i) => (i < 2 ? i : random.below(2)))
    expect(auc(labels, scores)).toBeCloseTo(plainAuc(labels, scores), 12)
    const narrow = Float32Array.from(scores)
    expect(auc(labels, narrow)).toBeCloseTo(plainAuc(labels, [...narrow]), 12)
    scores[random.below(n)] = Number.NaN
    expect(auc(labels, scores)).toBeNaN()
    expect(auc(labels, Float32Array.from(scores))).toBeNaN()
    expect(confusion(labels, scores).accuracy).toBeNaN()
  }
})

it('quantiles between numbers that are further apart than the largest are between them', () => {
  expect(sortedQuantile([-1.5e308, 1.5e308], 0.5)).toBe(0)
  expect(interpolated([-1.5e308, 1.5e308], 0.25)).toBeCloseTo(-0.75e308, -295)
  expect(interpolated([1.5e308, 1.6e308], 0.5)).toBeCloseTo(1.55e308, -294)
  expect(interpolated([Infinity, Infinity], 0.5)).toBe(Infinity)
  expect(lgamma(Infinity)).toBe(Infinity)
})

it('what is no p-value does not count among the tests', () => {
  expect(benjaminiHochberg([0.01, Number.NaN, 0.04])).toEqual([0.02, Number.NaN, 0.04])
})
