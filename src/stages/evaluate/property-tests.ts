import fc from 'fast-check'
import type { CheckResult } from '../../define/report.ts'
import type { ModelTest } from '../../define/model-test/index.ts'
import { clopperPearson } from '../../math/special/proportion.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { batchOf, featureIndex, type Subject } from './subject.ts'

type PropertyTest = Extract<ModelTest, { kind: 'monotone' | 'invariant' | 'directional' }>

/** Real rows nearest the median row first, so that shrinking leads to an ordinary row. */
function rowsByOrdinariness(frame: FrameRows, most: number): Int32Array {
  const numeric = frame.inputs.filter((column): column is Float32Array => column instanceof Float32Array)
  const sample = Int32Array.from({ length: Math.min(most, frame.rows) }, (_, i) =>
    Math.floor((i * frame.rows) / Math.min(most, frame.rows)),
  )
  const distance = new Map<number, number>()
  const centres = numeric.map(column => {
    const sorted = Float32Array.from(sample, row => column[row] as number)
      .filter(value => !Number.isNaN(value))
      .sort()
    const at = (q: number) => sorted[Math.floor(q * (sorted.length - 1))] ?? 0
    return { median: at(0.5), spread: at(0.75) - at(0.25) || 1 }
  })
  for (const row of sample)
    distance.set(
      row,
      numeric.reduce(
        (sum, column, c) =>
          sum + Math.abs(((column[row] as number) - (centres[c]?.median ?? 0)) / (centres[c]?.spread ?? 1) || 0),
        0,
      ),
    )
  return sample.sort((a, b) => (distance.get(a) as number) - (distance.get(b) as number) || a - b)
}

/** 21 quantiles of an input over the rows: the values that a test moves it to. */
function quantileGrid(column: Float32Array): Float32Array {
  const sorted = column.filter(value => Number.isFinite(value)).sort()
  return Float32Array.from({ length: 21 }, (_, i) => sorted[Math.floor((i / 20) * (sorted.length - 1))] ?? 0)
}

interface Case {
  readonly row: number
  readonly low: number
  readonly high: number
}

const cases = 1000

/**
 * A property of the model drawn from real rows and the quantiles of the input: all cases are scored in two batched
 * calls, and fast-check shrinks only a failing one, towards the ordinary row.
 */
export async function propertyTest(
  test: PropertyTest,
  model: string,
  subject: Subject,
  frame: FrameRows,
  seed: number,
): Promise<CheckResult> {
  const common = {
    id: test.id,
    kind: test.kind,
    target: { model, columns: [test.input] },
    severity: test.severity,
  } as const
  const input = subject.inputs.findIndex(one => one.name === test.input)
  const feature = featureIndex(subject.inputs, test.input)
  if (feature < 0)
    return {
      ...common,
      status: 'error',
      observed: {},
      evaluated: 0,
      bad: 0,
      threshold: '',
      message: `'${test.input}' is a text input`,
      error: 'only number inputs can be moved',
    }
  const rows = rowsByOrdinariness(frame, 500)
  const grid = quantileGrid(frame.inputs[input] as Float32Array)
  const drawn = fc.record<Case>({ row: fc.nat(rows.length - 1), low: fc.nat(20), high: fc.nat(20) })
  const values = (one: Case): [number, number] => {
    const own = (frame.inputs[input] as Float32Array)[rows[one.row] as number] as number
    if (test.kind === 'directional') return [own, Math.fround(own + test.by)]
    if (test.kind === 'invariant') return [own, grid[one.high] as number]
    return [grid[Math.min(one.low, one.high)] as number, grid[Math.max(one.low, one.high)] as number]
  }
  const scores = async (list: readonly Case[], side: 0 | 1): Promise<Float32Array> => {
    const batch = batchOf(
      subject.inputs,
      frame.inputs,
      Int32Array.from(list, one => rows[one.row] as number),
    )
    const width = batch.features.length / batch.rows
    list.forEach((one, i) => {
      batch.features[i * width + feature] = values(one)[side]
    })
    return (await subject.loaded.run(batch)).scores
  }
  const breaks = (before: number, after: number): boolean => {
    // No number compares with another: without this a model that answers NaN would hold every property
    if (Number.isNaN(before) || Number.isNaN(after)) return true
    if (test.kind === 'invariant') return Math.abs(after - before) > test.maxDelta
    if (test.kind === 'monotone')
      return test.direction === 'increasing' ? after < before - test.slack : after > before + test.slack
    return test.moves === 'up' ? after < before - 1e-6 : after > before + 1e-6
  }
  const list = fc.sample(drawn, { seed, numRuns: cases })
  const [before, after] = [await scores(list, 0), await scores(list, 1)]
  const broken = list.flatMap((_, i) => (breaks(before[i] as number, after[i] as number) ? [i] : []))
  const most = Math.floor(cases * (1 - test.mostly) + 1e-9)
  const upper = clopperPearson(broken.length, cases, 0.95).upper
  const rule =
    test.kind === 'monotone'
      ? `score never ${test.direction === 'increasing' ? 'falls' : 'rises'} as ${test.input} rises`
      : test.kind === 'invariant'
        ? `${test.input} moves the score by at most ${test.maxDelta}`
        : `${test.input} + ${test.by} moves the score ${test.moves}`
  const [first] = broken
  let sample: CheckResult['sample'] = []
  if (first !== undefined && broken.length > most) {
    const shrunk = await fc.check(
      fc.asyncProperty(
        drawn,
        async one => !breaks((await scores([one], 0))[0] as number, (await scores([one], 1))[0] as number),
      ),
      { seed, path: String(first), numRuns: 1, interruptAfterTimeLimit: 5_000 },
    )
    const found = shrunk.counterexample?.[0] ?? (list[first] as Case)
    const row = rows[found.row] as number
    const [x, y] = values(found)
    sample = [
      {
        ...Object.fromEntries(
          subject.inputs.map((one, i) => [one.name, (frame.inputs[i]?.[row] as number | string) ?? null]),
        ),
        [`${test.input} before`]: x,
        [`${test.input} after`]: y,
        'score before': (await scores([found], 0))[0] as number,
        'score after': (await scores([found], 1))[0] as number,
      },
    ]
  }
  return {
    ...common,
    status: broken.length <= most ? 'pass' : 'fail',
    observed: { violations: broken.length, upperBound: upper, seed },
    evaluated: cases,
    bad: broken.length,
    threshold: `${rule}, in ${test.mostly * 100} % of cases`,
    message: `${rule}: ${broken.length} of ${cases} cases do not (at most ${(100 * upper).toFixed(1)} % with 95 % confidence)`,
    sample,
  }
}
