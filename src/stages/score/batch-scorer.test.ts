import { describe, expect, it } from 'vitest'
import { csv, dataset, gbt, model, t } from '../../index.ts'
import type { Model } from '../../define/model.ts'
import type { Column } from '../../ports/data-engine.ts'
import type { InferenceBatch, LoadedModel } from '../../ports/inference-runtime.ts'
import type { ServedVersion } from '../serve/served-version.ts'
import { BatchScorer } from './batch-scorer.ts'

// How blocks of rows become batches of a runtime, and what a row without a score is told by.

const rides = dataset('rides', {
  source: csv('rides.csv'),
  columns: { km: t.float(), zone: t.text(), seats: t.int(), kind: t.nullable(t.text()), late: t.bool() },
})
const mixed = model('mixed', {
  task: 'binary',
  from: rides,
  label: c => c.late,
  inputs: c => ({ km: c.km, zone: c.zone, each: c.km.div(c.seats), kind: c.kind }),
  split: { by: 'hash', of: c => c.km, test: 0.2 },
  train: gbt({ trees: 1 }),
}) as unknown as Model
const numbers = model('numbers', {
  task: 'regression',
  from: rides,
  label: c => c.km,
  inputs: c => ({ seats: c.seats, km: c.km.times(2) }),
  split: { by: 'hash', of: c => c.km, test: 0.2 },
  train: gbt({ trees: 1 }),
}) as unknown as Model

/** A runtime whose scores tell which row it was given, and which keeps what it got. */
function scorer(declared: Model, outputs = 1, answer?: (row: number, at: number) => number) {
  const batches: InferenceBatch[] = []
  const loaded = {
    outputs,
    async run(batch: InferenceBatch) {
      batches.push(batch)
      // the first asked is the last that answers
      await new Promise(done => setTimeout(done, Math.max(0, 3 - batches.length)))
      const width = batch.features.length / batch.rows
      const scores = Float32Array.from({ length: batch.rows * outputs }, (_, i) => {
        const first = batch.features[Math.floor(i / outputs) * width] as number
        return answer ? answer(first, i % outputs) : first + (i % outputs) / 4
      })
      return { scores }
    },
  } as unknown as LoadedModel
  return { batches, one: new BatchScorer({ model: declared, loaded } as ServedVersion) }
}
const columns = (entries: Readonly<Record<string, Float64Array | readonly string[]>>): ReadonlyMap<string, Column> =>
  new Map(
    Object.entries(entries).map(([name, values]) => [
      name,
      { name, values, type: values instanceof Float64Array ? 'float' : 'text' } as Column,
    ]),
  )
const counting = (rows: number, from = 0) => Float64Array.from({ length: rows }, (_, i) => from + i)

describe('blocks of rows', () => {
  it('have numbers and texts side by side in the order of the inputs, row by row', async () => {
    const { one, batches } = scorer(mixed)
    const block = columns({
      i0: Float64Array.of(0.1, 2),
      i1: ['north', 'south'],
      i2: Float64Array.of(Number.NaN, 4),
      i3: ['', 'b'],
    })
    expect(await one.score(block, 2)).toEqual(Float32Array.of(Math.fround(0.1), 2))
    expect(batches).toEqual([
      {
        rows: 2,
        // rounded as a request's are
        features: Float32Array.of(0.1, Number.NaN, 2, 4),
        categories: ['north', '', 'south', 'b'],
      },
    ])
  })

  it('of a model without texts have none', async () => {
    const { one, batches } = scorer(numbers)
    await one.score(columns({ i0: Float64Array.of(1), i1: Float64Array.of(2) }), 1)
    expect(batches).toEqual([{ rows: 1, features: Float32Array.of(1, 2) }])
  })

  it.each([1, 8_191, 8_192, 8_193, 20_000])('are scored in pieces, each row in its place: %i rows', async rows => {
    for (const outputs of [1, 3]) {
      const { one, batches } = scorer(numbers, outputs)
      const scores = (await one.score(columns({ i0: counting(rows), i1: counting(rows) }), rows)) as Float32Array
      expect(one.outputs).toBe(outputs)
      expect(batches.map(batch => batch.rows).reduce((a, b) => a + b)).toBe(rows)
      expect(Math.max(...batches.map(batch => batch.rows))).toBeLessThanOrEqual(8_192)
      expect(scores).toEqual(
        Float32Array.from({ length: rows * outputs }, (_, i) => Math.floor(i / outputs) + (i % outputs) / 4),
      )
    }
  })

  it('of no rows have no scores', async () => {
    const { one, batches } = scorer(numbers)
    expect(await one.score(columns({ i0: counting(0), i1: counting(0) }), 0)).toEqual(new Float32Array(0))
    expect(batches).toEqual([])
  })
})

describe('a row without a score', () => {
  const largest = 3.4028234663852886e38

  it.each([
    [largest, true],
    [-largest, true],
    [Number.NaN, true],
    // rounds up to what a float32 does not hold
    [3.4028236e38, false],
    [-3.4028236e38, false],
    [1e39, false],
    [Number.POSITIVE_INFINITY, false],
    [Number.NEGATIVE_INFINITY, false],
  ])('is one whose input is %d: %s', async (value, scored) => {
    const { one } = scorer(mixed, 1, () => 0.5)
    const found = await one.score(
      columns({ i0: Float64Array.of(1, 1), i1: ['', ''], i2: Float64Array.of(1, value), i3: ['', ''] }),
      2,
    )
    if (scored) expect(found).toEqual(Float32Array.of(0.5, 0.5))
    else
      expect(found).toEqual({
        at: 1,
        column: 'km, seats',
        reason: 'makes the input each larger than the model can take (±3.4e38)',
      })
  })

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    'is one for which the model gives %d, and the first is told, by its place in the block',
    async bad => {
      const rows = 20_000
      for (const outputs of [1, 3]) {
        const { one } = scorer(numbers, outputs, (row, at) => (row >= 9_000 && at === outputs - 1 ? bad : 0.5))
        expect(await one.score(columns({ i0: counting(rows), i1: counting(rows) }), rows)).toEqual({
          at: 9_000,
          column: '*',
          reason: 'the model has no finite score for these values',
        })
      }
    },
  )

  it('that is not scored before one that is too large is told first', async () => {
    const rows = 10_000
    const large = counting(rows)
    large[9_000] = 1e39
    const { one } = scorer(numbers, 1, row => (row === 8_000 ? Number.NaN : 0.5))
    expect(await one.score(columns({ i0: counting(rows), i1: large }), rows)).toMatchObject({ at: 8_000, column: '*' })
    const whole = scorer(numbers, 1, () => 0.5)
    expect(await whole.one.score(columns({ i0: counting(rows), i1: large }), rows)).toMatchObject({
      at: 9_000,
      column: 'km',
    })
    // nothing is scored beyond it
    expect(whole.batches.map(batch => batch.rows)).toEqual([8_192])
  })
})
