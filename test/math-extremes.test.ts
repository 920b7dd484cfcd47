import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describe, expect, it } from 'vitest'
import { seeded } from '../src/math/random/seeded.ts'
import { any, max, promises, type PromisedRange, reals, shares, wild } from './support/math-promises.ts'

const dist = resolve('dist/math')
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
const servedAlready = {
  stable: { n: 1e6, mean: 1 },
  canary: { n: 1e6, mean: 1 },
  terms: { n: 1e6, mean: 0, m2: 1 },
  weight: 4e5,
  squares: 1,
}
const pairsOf = (wrap: (a: readonly number[], b: readonly number[]) => unknown[]): unknown[][] =>
  pairs.filter(([a, b]) => a.length === b.length).map(([a, b]) => wrap(a, b))
const labelled = lists.map((list, i) => [list.map((_, at) => at % 2), floats[i]])

/** As one class: whatever a metric makes of it, it ends. */
const classified = labelled.map(([labels, scores]) => [
  { labels: (labels as number[]).map(() => 0), scores, outputs: 1 },
])
const plainly = { task: 'binary', threshold: 0.5, level: 0.9 }
const metricNames = ['auc', 'averagePrecision', 'logLoss', 'ece', 'mcc', 'pinball', 'poissonDeviance', 'rmse']

const products = (list: readonly number[]): Float64Array => Float64Array.from(list.flatMap(a => list.map(b => a * b)))

/** Functions of lists and options: what they are called with. All end, and throw nothing but a RangeError that says why. */
const called: Readonly<Record<string, unknown[][]>> = {
  areaUnderCurve: [...labelled, ...pairsOf((a, b) => [a, b])],
  auc: [...labelled, ...pairsOf((a, b) => [a, b])],
  aucInterval: wild.flatMap(auc => wild.map(variance => [{ auc, variance, positives: 1, negatives: 1 }])),
  logLoss: labelled,
  brier: labelled,
  averagePrecision: labelled,
  matthews: wild.map(tp => [
    { truePositives: tp, falsePositives: 1, trueNegatives: 1, falseNegatives: 1, accuracy: 0.5 },
  ]),
  pinball: pairsOf((a, b) => [a, b, 0.9]),
  rowPinball: wild.flatMap(a => wild.map(b => [a, b, 0.9])),
  coverage: pairsOf((a, b) => [a, b]),
  mean: [...lists, ...floats].map(list => [list]),
  rowLosses: ['binary', 'multiclass', 'regression', 'quantile', 'count'].flatMap(task =>
    classified.map(([one]) => [{ ...one, ...plainly, task }]),
  ),
  poissonDeviance: pairsOf((a, b) => [a.map(Math.abs), b]),
  rowPoissonDeviance: wild.flatMap(a => wild.map(b => [a, b])),
  likeliest: floats.filter(list => list.length > 0).map(list => [list, list.length, 0]),
  rowMulticlassLogLoss: floats.filter(list => list.length > 0).map(list => [0, list, list.length, 0]),
  multiclassLogLoss: labelled.map(([labels, scores]) => [labels, scores, 1]),
  confusionMatrix: classified,
  classRates: classified,
  oneVersusRest: classified,
  topClass: classified,
  scoreOf: floats.filter(list => list.length > 0).map(list => [list, list.length, 0]),
  likeliestOf: lists.filter(list => list.length > 0).map(list => [list]),
  headline: [...wild.map(x => [x]), ...lists.filter(list => list.length > 0).map(list => [list])],
  headlines: floats.filter(list => list.length > 0).map(list => [list, list.length]),
  rowLoss: ['binary', 'regression', 'quantile', 'count'].flatMap(task =>
    wild.flatMap(a => wild.map(b => [task, a, b, 0.9])),
  ),
  ofClass: classified.map(([of]) => [of, 0]),
  measure: metricNames.flatMap(name => classified.map(([of]) => [name, { ...(of as object), ...plainly }])),
  measureAll: classified.map(([of]) => [{ ...(of as object), ...plainly }]),
  worth: wild.flatMap(value => ['auc', 'rmse', 'coverage'].map(name => [name, value, 0.9])),
  judgedRows: classified.map(([of]) => [of, [0, 0]]),
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
  addServed: wild.flatMap(value => [true, false].map(canary => [servedAlready, value, canary, 0.2])),
  servedDifference: wild.flatMap(mean =>
    wild.map(squares => [{ ...servedAlready, terms: { n: 1e6, mean, m2: 1 }, squares: Math.abs(squares) }, 0.05]),
  ),
  stirlingCorrection: wild.map(x => [x]),
  logGammaKernel: wild.flatMap(a => wild.map(x => [a, x])),
  upperRatio: wild.flatMap(a => wild.map(x => [a, x])),
  softmaxRows: floats.filter(list => list.length > 0).map(list => [list, 1, list.length]),
  solveSymmetric: lists.map(list => [products(list), Float64Array.from(list)]),
  factorOf: lists.map(list => [products(list), list.length]),
  solveFactored: lists.map(list => [products(list), Float64Array.from(list)]),
  fitLinear: (['regression', 'binary', 'multiclass', 'count'] as const).flatMap(task =>
    [0, 2].flatMap(l1 =>
      labelled.map(([labels, scores]) => [
        { rows: (labels as number[]).length, columns: [scores], labels: Float32Array.from(labels as number[]) },
        { task, classes: 2, l1 },
      ]),
    ),
  ),
  fitIsotonic: labelled.map(([labels, scores]) => [scores, labels]),
  fitPlatt: labelled.map(([labels, scores]) => [scores, labels]),
  fitTemperature: labelled.map(([labels, scores]) => [
    Array.from(scores as Float32Array).flatMap(score => [score, -score]),
    labels,
    2,
  ]),
  weightedQuantile: lists
    .filter(list => list.length > 0)
    .flatMap(list => shares.map(level => [list, undefined, level])),
  ...Object.fromEntries(
    ['proposeGrid', 'proposeRandom', 'proposeHalving', 'proposeTpe'].map(name => [
      name,
      wild.flatMap(from =>
        wild.flatMap(to =>
          (['number', 'whole'] as const).map(kind => [
            [{ parameters: { x: from }, loss: to }],
            { x: { kind, from, to, scale: 'log' }, y: { kind: 'choice', values: [from] } },
          ]),
        ),
      ),
    ]),
  ),
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
  scoreScale: ['binary', 'regression'].flatMap(task => floats.map(list => [task, list])),
  scoreDistance: wild.flatMap(score => wild.map(wanted => [score, wanted, 1])),
}

/** Take what the functions above and the trainer made, or write machine code: held by the tests beside them. */
const elsewhere = new Set(
  `forward backward readRow lossFor lookAt startOf slopeOf minimise minimiseInRowSpace rowSpaceIsSmaller minimiseWithL1 fitWithImportance linearMargins widthOfLinear stepAt
  applySteps treeContributions interventionalContributions forestAnswers linearContributions sampledContributions shapleyWeight permutationImportance checkSpace valueAt placeOf sizeOf keyOf randomAt drawFrom drawNew combinations
  seeded bootstrap isClassification designOf predictLinear mergeScalers mergeSummaries quantileOf kindOf isIdentity
  scaleOf leaveUnscaled transform inverseTransform float32Scale scaleFloat32 scaleRowsFloat32 InfiniteValueError SpreadError
  binFinder fillWords bestSplit blocksOf arenaPages openArena get set int add subtract and shiftLeft shiftRight
  shiftRightUnsigned below addFloat timesFloat floatOf loadInt storeInt loadFloat storeFloat loopWhile moduleOf outputsOf
  gainImportance compileTrees histogramPool growTree performJob slopeBitsOf share loopsOver resolveTreeOptions checkMatrix
  isBounded isCurved clamp answerOf bestBoundedSplit bestCodeSplit binCodes nextNode layoutOf constantMargins renewQuantiles
  leastOf floorOf beginOf withMissing baseScores applyToBins marginsOfColumns lossOf randomFrom sampleRows sampleFeatures trainTrees newMemory instantiate`.split(
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
    const { domain, holds = () => true, range = reals } = promises[one.name] as PromisedRange
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
