import { expect, it } from 'vitest'
import type { Model } from '../../define/model.ts'
import { type ModelTest, type ModelTestBuilder, modelTests } from '../../define/model-test/index.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import { manualClock } from '../../testing/manual-clock.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { runSuite } from './suite.ts'

// What a test of a model does where its options are left out, and under which name it is kept.

const rows = 4_000
/** One number from 0 to 1; the label is the number itself, with a wave of its own. */
const x = Float32Array.from({ length: rows }, (_, i) => i / rows)
const labels = x.map((value, i) => value + (i % 2 ? 0.3 : -0.3))
const half = Uint8Array.from({ length: rows }, (_, i) => (i < rows / 2 ? 1 : 0))
const frame: FrameRows = {
  rows,
  at: new Float64Array(rows),
  labels,
  inputs: [x],
  slices: new Map([
    ['half', half],
    ['all', new Uint8Array(rows).fill(1)],
  ]),
}

/** The verdict of one declared test on a model that is a formula, with a champion that is one. */
async function judged(
  declared: (m: ModelTestBuilder<'x'>) => ModelTest,
  score: (value: number) => number,
  champion?: (value: number) => number,
  task: 'regression' | 'binary' = 'regression',
): Promise<string> {
  const subject = (formula: (value: number) => number) => ({
    inputs: [{ name: 'x', kind: 'number' as const }],
    loaded: {
      run: async ({ rows: count, features }: InferenceBatch) => ({
        scores: Float32Array.from({ length: count }, (_, i) => formula(features[i] as number)),
      }),
    } as never,
  })
  const shape = { task, inputs: [{ name: 'x', type: 'float' as const }] }
  const { report } = await runSuite({
    model: { ...shape, tests: [declared(modelTests<'x'>('m', shape))] } as unknown as Model,
    name: 'm',
    subject: subject(score),
    bytes: 1_000,
    frame,
    ...(champion ? { champion: { scores: (frame.inputs[0] as Float32Array).map(champion) } } : {}),
    seed: 1,
    clock: manualClock(),
  })
  return report.checks
    .slice(2)
    .map(({ id, status }) => `${id} ${status}`)
    .join()
}

const probable = (declared: (m: ModelTestBuilder<'x'>) => ModelTest, score: (value: number) => number) =>
  judged(declared, score, undefined, 'binary')

it('a monotone score may move the wrong way by a millionth, in no case more', async () => {
  const dip = (depth: number) => (value: number) => -depth * value
  expect(await probable(m => m.monotone('x', 'increasing'), dip(9e-7))).toBe('monotone-x pass')
  expect(await probable(m => m.monotone('x', 'increasing'), dip(1e-5))).toBe('monotone-x fail')
  expect(await probable(m => m.monotone('x', 'increasing', { slack: 2e-5 }), dip(1e-5))).toBe('monotone-x pass')
})

it('an invariant score may move by a hundredth, in every case', async () => {
  const slope = (by: number) => (value: number) => by * value
  expect(await probable(m => m.invariant('x'), slope(0.009))).toBe('invariant-x pass')
  expect(await probable(m => m.invariant('x'), slope(0.05))).toBe('invariant-x fail')
  expect(await probable(m => m.invariant('x', { maxDelta: 0.1 }), slope(0.05))).toBe('invariant-x pass')
  // one case of many is one too many
  expect(
    await probable(
      m => m.invariant('x', { mostly: 0.5 }),
      value => (value > 0.98 ? 1 : 0),
    ),
  ).toBe('invariant-x pass')
  expect(
    await probable(
      m => m.invariant('x'),
      value => (value > 0.98 ? 1 : 0),
    ),
  ).toBe('invariant-x fail')
})

it('a directional score moves so in every case', async () => {
  const mostlyUp = (value: number) => (value > 0.9 ? 0 : value)
  expect(
    await probable(
      m => m.directional('x', 0.01, 'up'),
      value => value,
    ),
  ).toBe('directional-x pass')
  expect(await probable(m => m.directional('x', 0.01, 'up'), mostlyUp)).toBe('directional-x fail')
  expect(await probable(m => m.directional('x', 0.01, 'up', { mostly: 0.5 }), mostlyUp)).toBe('directional-x pass')
})

it('every test is kept under its kind and input, or the name that it is given', async () => {
  const flat = () => 0.5
  expect(await judged(m => m.size({ maxBytes: 1_000 }), flat)).toBe('size pass')
  expect(await judged(m => m.size({ maxBytes: 999, id: 'own' }), flat)).toBe('own fail')
  expect(await judged(m => m.monotone('x', 'increasing', { id: 'own' }), flat)).toBe('own pass')
  expect(await judged(m => m.invariant('x', { id: 'own' }), flat)).toBe('own pass')
  expect(
    await judged(
      m => m.directional('x', 0.1, 'up', { id: 'own' }),
      value => value,
    ),
  ).toBe('own pass')
  expect(await judged(m => m.slices({ id: 'own' }), flat)).toMatch(/^own /)
  expect(await judged(m => m.latency({ p99: '1h', id: 'own' }), flat)).toBe('own pass')
  expect(await judged(m => m.metric('rmse', { max: 9, id: 'own' }), flat)).toBe('own pass')
})

it('half a hundredth of its error may be lost against the champion', async () => {
  const off = (by: number) => (value: number) => value + by
  // rmse is √(0.3² + by²): 0.3007, 0.3041 and 0.3162 beside 0.3
  const compared = (by: number, tolerance?: number) =>
    judged(
      m => m.metric('rmse', { notWorseThan: 'champion', ...(tolerance === undefined ? {} : { tolerance }) }),
      off(by),
      off(0),
    )
  expect(await compared(0.02)).toMatch(/pass$/)
  expect(await compared(0.05)).toMatch(/fail$/)
  expect(await compared(0.1, 0.03)).toMatch(/pass$/)
})
