import fc from 'fast-check'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSqlite } from '../../adapters/metadata/sqlite/open.ts'
import { seeded } from '../../math/random/seeded.ts'
import type { MetadataStore } from '../../ports/metadata-store.ts'
import { type Counterexample, keepCounterexamples, readCounterexamples } from './counterexamples.ts'
import { deviation } from './deviation.ts'
import { curvesOf, histogramOf } from './figures/curves.ts'
import { goldenRows } from './golden.ts'
import { identifiers } from './leak/identifiers.ts'
import { memoryTest } from './memory-test.ts'
import { seedOf } from './seed.ts'
import { binsOf, scoredByInput, summary } from './single-input.ts'
import { pairsOf, slicesOf } from './slices/groups.ts'
import { batchOf, featureIndex, inClassesOf, scoreRows } from './subject.ts'

// What tests of models are made of, held to plain counting.

const f32 = (...values: number[]): Float32Array => Float32Array.from(values)
const counting = (rows: number, of = (i: number): number => i): Float32Array =>
  Float32Array.from({ length: rows }, (_, i) => of(i))

describe('rows of a frame as a runtime takes them', () => {
  const inputs = [
    { name: 'a', kind: 'number' },
    { name: 't', kind: 'text' },
    { name: 'b', kind: 'number' },
  ] as never
  const columns = [f32(1, 2, 3), ['x', '', 'z'], f32(10, Number.NaN, 30)] as const
  it('are picked in any order, numbers side by side, texts behind', () => {
    expect(batchOf(inputs, columns, [2, 0, 2])).toEqual({
      rows: 3,
      features: f32(3, 30, 1, 10, 3, 30),
      categories: ['z', 'x', 'z'],
    })
    expect('categories' in batchOf([{ name: 'a', kind: 'number' }] as never, [columns[0]], [0])).toBe(false)
  })

  it('are scored in blocks, each in its place', async () => {
    const sizes: number[] = []
    const loaded = {
      outputs: 2,
      run: async ({ rows, features }: { rows: number; features: Float32Array }) => {
        sizes.push(rows)
        return { scores: Float32Array.from({ length: rows * 2 }, (_, i) => (features[i >> 1] as number) + (i % 2) / 2) }
      },
    }
    const subject = { loaded, inputs: [{ name: 'a', kind: 'number' }] } as never
    const scores = await scoreRows(subject, [counting(9_000)], 9_000)
    expect(sizes).toEqual([4096, 4096, 808])
    expect([...scores].every((score, i) => score === (i >> 1) + (i % 2) / 2)).toBe(true)
  })

  it('have numbers by their place among the numbers', () => {
    expect(['a', 't', 'b', 'none'].map(name => featureIndex(inputs, name))).toEqual([0, -1, 1, -1])
  })

  it('score in the classes of another version, by their names', () => {
    expect(inClassesOf(['a', 'b', 'c'], ['c', 'a'], [0.7, 0.3] as never)).toEqual([0.3, 0, 0.7])
    expect(inClassesOf(['a'], ['b'], 0.4)).toBe(0.4)
  })

  it('that are golden are spread evenly, 32 at most, with nothing for what is missing', async () => {
    const asked: number[][] = []
    const loaded = {
      run: async ({ rows, features }: { rows: number; features: Float32Array }) => {
        asked.push([...features])
        return { scores: counting(rows, i => i / 8) }
      },
    } as never
    const own = [{ name: 'a', kind: 'number' }] as never
    const many = await goldenRows(loaded, own, { rows: 100, inputs: [counting(100)] })
    expect(many.features).toEqual(Array.from({ length: 32 }, (_, i) => Math.floor((i * 100) / 32)))
    expect(many.scores).toHaveLength(32)
    const few = await goldenRows(loaded, own, { rows: 3, inputs: [f32(1, Number.NaN, 3)] })
    expect(few).toEqual({
      kind: 'golden rows',
      schema: 1,
      features: [1, null, 3],
      categories: [],
      scores: [0, 0.125, 0.25],
    })
  })
})

describe('what one input tells', () => {
  it('a spread is that of the finite values', () => {
    const values = fc.array(
      fc.oneof(fc.double({ min: -1e3, max: 1e3, noNaN: true }), fc.constantFrom(Number.NaN, Infinity)),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(values, given => {
        const finite = given.filter(Number.isFinite)
        const mean = finite.reduce((a, b) => a + b, 0) / finite.length
        const naive =
          finite.length === 0 ? 0 : Math.sqrt(finite.reduce((sum, x) => sum + (x - mean) ** 2, 0) / finite.length)
        expect(deviation(given)).toBeCloseTo(naive, 6)
      }),
      { numRuns: 60, seed: 5 },
    )
  })

  it('of few values each is a bin of its own, what lies between goes to the nearer one', () => {
    const bins = binsOf(f32(1, 3, 3, Number.NaN, 2))
    expect(bins.count).toBe(4)
    const others = f32(-9, 1, 1.5, 1.6, 2, 2.5, 2.6, 99, Number.NaN)
    expect(others.map((_, i) => bins.binOf(others, i))).toEqual(f32(0, 0, 0, 1, 1, 1, 2, 2, 3))
  })

  it('of many values bins hold about equally many rows, and keep their order', () => {
    const random = seeded(4)
    const column = counting(6_400, () => random.normal())
    const bins = binsOf(column)
    const counts = Array.from({ length: bins.count }, () => 0)
    const of = [...column].map((value, i) => [value, bins.binOf(column, i)] as const)
    for (const [, bin] of of) counts[bin] = (counts[bin] as number) + 1
    expect([bins.count, counts.at(-1)]).toEqual([33, 0])
    for (const count of counts.slice(0, -1)) expect(Math.abs(count - 200)).toBeLessThanOrEqual(1)
    const sorted = of.toSorted(([a], [b]) => a - b).map(([, bin]) => bin)
    expect(sorted).toEqual(sorted.toSorted((a, b) => a - b))
    expect(binsOf(column, 4).count).toBe(5)
    // values without end are in bins too
    const wide = f32(-Infinity, 0, Infinity)
    expect(wide.map((_, i) => binsOf(wide).binOf(wide, i))).toEqual(f32(0, 1, 2))
    expect(binsOf(f32(Number.NaN)).count).toBe(2)
  })

  it('of texts each is a bin, with one for those that training has not', () => {
    const bins = binsOf(['b', 'a', 'b'])
    expect([bins.count, ...[0, 1, 2].map(i => bins.binOf(['a', 'c', 'b'], i))]).toEqual([3, 1, 2, 0])
  })

  it('is the mean label of its bin, which leans to the whole where rows are few', () => {
    const train = { task: 'regression', outputs: 1, level: 0.5, labels: f32(10, 20, 60), scores: f32(0, 0, 0) } as never
    const scores = scoredByInput(train, ['a', 'a', 'b'], ['b', 'a', 'c'], 3)
    // (60 · 1 + 30) / 2, (15 · 2 + 30) / 3, and the whole of what was never seen
    expect([...scores]).toEqual([45, 20, 30])
    const classes = { task: 'multiclass', outputs: 2, level: 0.5, labels: f32(0, 1, 1), scores: f32() } as never
    expect([...scoredByInput(classes, ['a', 'b', 'b'], ['a'], 1)].map(one => Number(one.toFixed(4)))).toEqual([
      0.6667, 0.3333,
    ])
  })

  it('of labels alone is their mean, their shares, their quantile', () => {
    expect(summary([1, 2, 6], 'regression', 1, 0.5)).toEqual([3])
    expect(summary([0, 2, 2, 2], 'multiclass', 3, 0.5)).toEqual([0.25, 0, 0.75])
    expect([0, 0.25, 0.5, 0.99, 1].map(level => summary([4, 1, 3, 2], 'quantile', 1, level)[0])).toEqual([
      1, 2, 3, 4, 4,
    ])
    expect(summary([], 'multiclass', 2, 0.5)).toEqual([Number.NaN, Number.NaN])
  })
})

describe('slices', () => {
  const names = (slices: readonly { name: string; rows: Int32Array }[]) => slices.map(one => [one.name, [...one.rows]])
  it('are the values of a text, of many the most frequent twelve, and what is missing', () => {
    expect(names(slicesOf('zone', ['a', 'b', '', 'b'], undefined))).toEqual([
      ['zone = b', [1, 3]],
      ['zone = a', [0]],
      ['zone missing', [2]],
    ])
    const many = Array.from({ length: 14 }, (_, i) => Array.from({ length: 14 - i }, () => `v${i}`)).flat()
    const found = slicesOf('zone', many, undefined)
    expect([found.length, found[11]?.name, found.at(-1)?.name, found.at(-1)?.rows.length]).toEqual([
      13,
      'zone = v11',
      'zone = any other',
      3,
    ])
    expect(found.reduce((sum, one) => sum + one.rows.length, 0)).toBe(many.length)
    expect(found.some(one => one.isRange)).toBe(false)
  })

  it('are the rows in which a condition holds', () => {
    expect(names(slicesOf('late', Uint8Array.of(1, 0, 1), undefined))).toEqual([['late', [0, 2]]])
  })

  it('are few numbers one by one, by the values of training', () => {
    const found = slicesOf('n', f32(1, 2, Number.NaN, 2, 9), f32(1, 2, 3))
    expect(names(found)).toEqual([
      ['n = 1', [0]],
      ['n = 2', [1, 3]],
      ['n missing', [2]],
    ])
    expect(found.map(one => one.isRange)).toEqual([false, false, false])
    // more than three values are as good as ranges
    expect(slicesOf('n', f32(1, 2, 3, 4), undefined).every(one => one.isRange)).toBe(true)
  })

  it('of many numbers are five ranges that take every row once', () => {
    const column = counting(100, i => (i * 37) % 100)
    const found = slicesOf('n', column, undefined)
    expect(found.map(one => one.name)).toEqual(['n ≤ 20', 'n 20 to 40', 'n 40 to 60', 'n 60 to 80', 'n > 80'])
    expect(found.map(one => one.rows.length)).toEqual([21, 20, 20, 20, 19])
    expect(new Set(found.flatMap(one => [...one.rows])).size).toBe(100)
    // also where most rows have one value
    const heavy = counting(100, i => (i < 70 ? 0 : i))
    expect(slicesOf('n', heavy, undefined).reduce((sum, one) => sum + one.rows.length, 0)).toBe(100)
  })

  it('in pairs are rows of both, of two columns, where that is another slice and has rows enough', () => {
    const slice = (of: string, name: string, rows: number[], isRange = false) => ({
      name,
      of,
      rows: Int32Array.from(rows),
      isRange,
    })
    const all = [
      slice('a', 'a1', [0, 1, 2, 3]),
      slice('a', 'a2', [2, 3, 4]),
      slice('b', 'b1', [1, 2, 5, 6], true),
      slice('c', 'c1', [2, 3]),
    ]
    expect(pairsOf(all, 2, 8)).toEqual([{ name: 'a1 and b1', of: 'a and b', isRange: true, rows: Int32Array.of(1, 2) }])
    expect(pairsOf(all, 1, 8).map(one => one.name)).toEqual(['a1 and b1', 'a2 and b1', 'b1 and c1'])
    expect(pairsOf(all, 3, 8)).toEqual([])
  })
})

describe('inputs that name the rows', () => {
  const of = (column: Float32Array | readonly string[], rows = column.length) =>
    identifiers({ inputs: [{ name: 'x', kind: 'number' }] as never }, { rows, inputs: [column] } as never).map(
      one => one.reason,
    )
  const shuffled = (rows: number, step: number) => counting(rows, i => ((i * 7919) % rows) * step)
  it.each<[string, Float32Array | readonly string[], readonly string[]]>([
    ['texts of their own', Array.from({ length: 200 }, (_, i) => `t${i}`), ['has 200 of 200 different texts']],
    [
      '95 of 100 texts',
      Array.from({ length: 100 }, (_, i) => `t${Math.min(i, 94)}`),
      ['has 95 of 100 different texts'],
    ],
    ['94 of 100 texts', Array.from({ length: 100 }, (_, i) => `t${Math.min(i, 93)}`), []],
    ['what rises with every row', counting(100, i => i ** 1.5), ['rises with every row']],
    ['what falls with every row', counting(100, i => -i / 3), ['falls with every row']],
    ['what rises but once', counting(100, i => (i === 50 ? 49 : i * 1000.5)), []],
    [
      'numbers of rows in any order',
      shuffled(1_000, 1),
      ['has 1,000 of 1,000 different whole numbers close together, as numbers of rows are'],
    ],
    [
      '20 places a row',
      shuffled(1_000, 20),
      ['has 1,000 of 1,000 different whole numbers close together, as numbers of rows are'],
    ],
    ['more than that', shuffled(1_000, 21), []],
    ['no whole numbers', shuffled(1_000, 0.5), []],
    ['98 of 100 numbers', counting(1_000, i => Math.min((i * 7919) % 1_000, 979)), []],
    ['one that is missing', counting(1_000, i => (i === 3 ? Number.NaN : (i * 7919) % 1_000)), []],
    ['fewer than a hundred rows', counting(99), []],
  ])('are found: %s', (_, column, reasons) => {
    expect(of(column)).toEqual(reasons)
  })
})

describe('figures', () => {
  const random = seeded(8)
  const labels = counting(500, () => random.below(2))
  // few scores: ties are the rule
  const scores = counting(500, i => Math.round(20 * ((labels[i] as number) * 0.3 + 0.7 * random.next())) / 20)
  it('of a class are what counting at each threshold says', () => {
    const { class: name, share, roc, precisionRecall, calibration } = curvesOf('yes', [{ of: 'model', labels, scores }])
    const positives = labels.reduce((a, b) => a + b)
    expect([name, share]).toEqual(['yes', positives / 500])
    const thresholds = [...new Set(scores)].toSorted((a, b) => b - a)
    const four = (value: number): number => Number(value.toPrecision(4))
    const at = thresholds.map(threshold => {
      const said = [...scores].map(score => score >= threshold)
      const hits = said.filter((yes, i) => yes && labels[i] === 1).length
      const falls = said.filter((yes, i) => yes && labels[i] === 0).length
      return { hits, falls }
    })
    expect(roc[0]?.points).toEqual([
      [0, 0],
      ...at.map(one => [four(one.falls / (500 - positives)), four(one.hits / positives)]),
    ])
    expect(precisionRecall[0]?.points).toEqual(
      at.map(one => [four(one.hits / positives), four(one.hits / (one.hits + one.falls))]),
    )
    const pairs = [...scores].flatMap((score, i) =>
      labels[i] === 1
        ? [...scores].flatMap((other, j) => (labels[j] === 0 ? [score > other ? 1 : score === other ? 0.5 : 0] : []))
        : [],
    )
    expect(roc[0]?.area).toBeCloseTo(pairs.reduce((a, b) => a + b, 0) / pairs.length, 10)
    const bins = calibration[0]?.bins ?? []
    expect(bins.map(bin => bin.rows)).toEqual(Array(10).fill(50))
    const sorted = [...scores].map((score, i) => [score, labels[i] as number] as const).toSorted(([a], [b]) => a - b)
    expect(bins[0]?.score).toBeCloseTo(sorted.slice(0, 50).reduce((sum, [score]) => sum + score, 0) / 50, 6)
    for (const bin of bins) expect(bin.lower < bin.share || bin.share === 0).toBe(true)
  })

  it('have 120 points at most, the ends among them', () => {
    const own = counting(5_000, () => random.next())
    const truth = own.map(score => (random.next() < score ? 1 : 0))
    const { roc } = curvesOf('', [{ of: 'model', labels: truth, scores: own }])
    expect([roc[0]?.points.length, roc[0]?.points[0], roc[0]?.points.at(-1)]).toEqual([120, [0, 0], [1, 1]])
  })

  it('of one class, or of no rows, are numbers all the same', () => {
    for (const [given, own] of [
      [f32(1, 1), f32(0.2, 0.3)],
      [f32(0, 0), f32(0.2, 0.3)],
      [f32(), f32()],
    ] as const)
      expect(JSON.stringify(curvesOf('', [{ of: 'model', labels: given, scores: own }]))).not.toMatch(/null/)
  })

  it('count every value in thirty even bins, what lies beyond in the outermost', () => {
    const { edges, groups } = histogramOf(
      [
        { name: 'a', values: [0, 0.05, 0.5, 1, 7, -7, Number.NaN, Infinity] },
        { name: 'b', values: [] },
      ],
      [0, 1],
    )
    expect([edges.length, edges[0], edges[30]]).toEqual([31, 0, 1])
    const [a, b] = groups
    expect([a?.counts[0], a?.counts[1], a?.counts[15], a?.counts[29]]).toEqual([2, 1, 1, 2])
    expect([a?.counts.reduce((x, y) => x + y), b?.counts.reduce((x, y) => x + y)]).toEqual([6, 0])
    // one value alone has room around it; none at all too
    expect(histogramOf([{ name: 'a', values: [3, 3] }]).edges.filter((_, i) => i % 30 === 0)).toEqual([2.5, 3.5])
    expect(histogramOf([{ name: 'a', values: [] }]).edges.filter((_, i) => i % 30 === 0)).toEqual([-0.5, 0.5])
    // a few far ones do not make the others one bar
    const heavy = histogramOf([{ name: 'a', values: [...counting(1_000, i => i / 1_000), 1e9] }])
    expect(heavy.edges[30]).toBeLessThan(1.1)
  })
})

it('memory that grows in every block counts, what was taken once or given back does not', async () => {
  const subject = { inputs: [], loaded: { run: async () => ({ scores: f32() }) } } as never
  const context = { name: 'm', subject, frame: { rows: 7, inputs: [] } } as never
  const test = { id: 'memory', severity: 'critical', maxBytes: 100 } as never
  /** Bytes in use as they are asked for: before and after each of four blocks. */
  const tried = async (...growth: number[]) => {
    let [used, asked] = [1_000, 0]
    return memoryTest(test, context, () => {
      if (asked++ % 2 === 1) used += growth[(asked - 2) / 2] as number
      return used
    })
  }
  expect(await tried(9_999, 100, 500, 400)).toMatchObject({
    status: 'pass',
    observed: { grown: 100 },
    evaluated: 3_000,
    bad: 0,
  })
  expect(await tried(0, 101, 500, 400)).toMatchObject({
    status: 'fail',
    observed: { grown: 101 },
    bad: 1,
    threshold: 'at most 100 bytes in 1,000 calls',
  })
  expect(await tried(0, 500, -300, 500)).toMatchObject({ status: 'pass', observed: { grown: 0 } })
})

it('a seed is that of its run, and another in every other', () => {
  const seeds = new Set(Array.from({ length: 1_000 }, (_, i) => seedOf(`run-${i}`)))
  expect(seeds.size).toBe(1_000)
  expect(seedOf('run-1')).toBe(seedOf('run-1'))
  for (const seed of seeds) expect(Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31).toBe(true)
  // FNV-1a of 'a' is e40c292c
  expect(seedOf('a')).toBe(0xe40c292c >>> 1)
})

describe('counterexamples', () => {
  const root = mkdtempSync(join(tmpdir(), 'millrace-counterexamples-'))
  let store: MetadataStore
  beforeAll(async () => {
    store = await openSqlite(join(root, 'a.db'))
  })
  afterAll(async () => {
    await store.close()
    rmSync(root, { recursive: true, force: true, maxRetries: 5 })
  })
  const example = (km: number, over: object = {}): Counterexample => ({
    test: 'monotone',
    kind: 'monotone',
    rule: 'r',
    row: { km },
    before: { km },
    after: { km: km + 1 },
    scores: { before: [0.1], after: [0.2] },
    seed: 1,
    found: 'm@1',
    at: 1,
    ...over,
  })
  const kmOf = async (model: string) => (await readCounterexamples(store, model)).map(one => one.row.km)

  it('are kept once each, whoever found them when, the newest two hundred', async () => {
    expect(await readCounterexamples(store, 'm')).toEqual([])
    await keepCounterexamples(store, 'm', [], 1)
    expect(await store.getDocument('counterexamples', 'm')).toBeUndefined()
    await keepCounterexamples(store, 'm', [example(1), example(2), example(1, { seed: 9 })], 1)
    await keepCounterexamples(store, 'm', [example(2, { found: 'm@2', at: 7 })], 7)
    expect(await kmOf('m')).toEqual([1, 2])
    // another test, or another pair of values, is another one
    await keepCounterexamples(store, 'm', [example(2, { test: 'other' }), example(2, { after: { km: 9 } })], 8)
    expect(await kmOf('m')).toEqual([1, 2, 2, 2])
    await keepCounterexamples(
      store,
      'm',
      Array.from({ length: 199 }, (_, i) => example(100 + i)),
      9,
    )
    expect([(await kmOf('m')).length, (await kmOf('m'))[0], (await kmOf('m')).at(-1)]).toEqual([200, 2, 298])
    expect(await kmOf('other')).toEqual([])
  })

  it('of runs at the same moment are all kept', async () => {
    await Promise.all(Array.from({ length: 8 }, (_, i) => keepCounterexamples(store, 'many', [example(i)], i)))
    expect((await kmOf('many')).toSorted((a, b) => Number(a) - Number(b))).toEqual([0, 1, 2, 3, 4, 5, 6, 7])
  })

  it('in another form are none', async () => {
    await store.putDocument('counterexamples', 'old', { schema: 2, counterexamples: [example(1)] } as never, 1)
    expect(await readCounterexamples(store, 'old')).toEqual([])
  })
})
