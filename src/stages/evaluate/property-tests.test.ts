import { describe, expect, it } from 'vitest'
import { type ModelTest, modelTests } from '../../define/model-test/index.ts'
import type { FrameRows } from '../../ports/trainer.ts'
import { propertyTest } from './property-tests.ts'
import type { Subject } from './subject.ts'

const inputs = [
  { name: 'place', kind: 'text', categories: ['a', 'b'] },
  { name: 'size', kind: 'number' },
  { name: 'age', kind: 'number' },
] as const
const tests = modelTests<'place' | 'size' | 'age'>('m', {
  task: 'regression',
  inputs: [
    { name: 'place', type: 'text' },
    { name: 'size', type: 'float' },
    { name: 'age', type: 'float' },
  ],
})

/** 300 rows: sizes 0 to 299, ages 0 to 9, so that the two cannot be taken for each other. */
const frame: FrameRows = {
  rows: 300,
  at: new Float64Array(300),
  labels: new Float32Array(300),
  inputs: [
    Array.from({ length: 300 }, (_, i) => (i % 2 ? 'a' : 'b')),
    Float32Array.from({ length: 300 }, (_, i) => i),
    Float32Array.from({ length: 300 }, (_, i) => i % 10),
  ],
  slices: new Map(),
}

/** A model that is a formula of size and age. */
const modelOf = (score: (size: number, age: number) => number): Subject => ({
  inputs,
  loaded: {
    run: async ({ rows, features }: { rows: number; features: Float32Array }) => ({
      scores: Float32Array.from({ length: rows }, (_, i) =>
        score(features[2 * i] as number, features[2 * i + 1] as number),
      ),
    }),
  } as unknown as Subject['loaded'],
})

const verdict = (test: ModelTest, score: (size: number, age: number) => number) =>
  propertyTest(test as never, 'm', modelOf(score), frame, 1)

describe('monotone', () => {
  const rises = (size: number, age: number) => size - 5 * age
  const falls = (size: number, age: number) => 5 * age - size

  it('increasing passes a model that rises, and only that', async () => {
    expect(await verdict(tests.monotone('size', 'increasing'), rises)).toMatchObject({ status: 'pass', bad: 0 })
    expect(await verdict(tests.monotone('size', 'increasing'), falls)).toMatchObject({
      status: 'fail',
      severity: 'critical',
      target: { model: 'm', columns: ['size'] },
    })
  })

  it('decreasing passes a model that falls, and only that', async () => {
    expect(await verdict(tests.monotone('size', 'decreasing'), falls)).toMatchObject({ status: 'pass', bad: 0 })
    expect(await verdict(tests.monotone('size', 'decreasing'), rises)).toMatchObject({ status: 'fail' })
    // the other input moves the other way
    expect(await verdict(tests.monotone('age', 'decreasing'), rises)).toMatchObject({ status: 'pass' })
  })

  it('lets the score move the wrong way by its slack', async () => {
    const saw = (size: number) => Math.floor(size / 100) - 0.01 * (size % 100)
    expect(await verdict(tests.monotone('size', 'increasing', { slack: 1 }), saw)).toMatchObject({ status: 'pass' })
    expect(await verdict(tests.monotone('size', 'increasing', { slack: 0.5 }), saw)).toMatchObject({ status: 'fail' })
    // by default a millionth
    expect(await verdict(tests.monotone('size', 'increasing'), size => -1e-9 * size)).toMatchObject({ status: 'pass' })
    expect(await verdict(tests.monotone('size', 'increasing'), size => -1e-6 * size)).toMatchObject({ status: 'fail' })
  })

  it('tolerates the share of cases that `mostly` leaves, and no more', async () => {
    const dip = (size: number) => (size > 280 ? -1 : size)
    const found = await verdict(tests.monotone('size', 'increasing'), dip)
    const share = found.bad / found.evaluated
    expect(share).toBeGreaterThan(0.02)
    expect(share).toBeLessThan(0.2)
    const asked = (mostly: number) => verdict(tests.monotone('size', 'increasing', { mostly }), dip)
    expect(await asked(1 - share)).toMatchObject({ status: 'pass', bad: found.bad })
    expect(await asked(1 - share + 0.001)).toMatchObject({ status: 'fail', bad: found.bad })
  })

  it('shows a case: the row, both values, both scores', async () => {
    const { sample, message } = await verdict(tests.monotone('size', 'increasing'), falls)
    const [one] = sample as [Record<string, number>]
    expect(one['size before']).toBeLessThan(one['size after'] as number)
    expect(one['score before']).toBeCloseTo(falls(one['size before'] as number, one.age as number), 4)
    expect(one['score after']).toBeCloseTo(falls(one['size after'] as number, one.age as number), 4)
    expect(message).toMatch(
      /^score never falls as size rises: \d+ of 1000 cases do not \(at most [\d.]+ % with 95 % confidence\)$/,
    )
  })
})

describe('invariant', () => {
  it('fails where the input moves the score by more than is allowed', async () => {
    const slightly = (size: number) => size / 299
    expect(await verdict(tests.invariant('size', { maxDelta: 1.001 }), slightly)).toMatchObject({ status: 'pass' })
    expect(await verdict(tests.invariant('size', { maxDelta: 0.9 }), slightly)).toMatchObject({ status: 'fail' })
    expect(await verdict(tests.invariant('age'), slightly)).toMatchObject({ status: 'pass', bad: 0 })
    // by default 0.01
    expect(await verdict(tests.invariant('size'), size => 0.009 * (size / 299))).toMatchObject({ status: 'pass' })
    expect(await verdict(tests.invariant('size'), size => 0.012 * (size / 299))).toMatchObject({ status: 'fail' })
  })
})

describe('directional', () => {
  it('adds to the row’s own value and looks which way the score goes', async () => {
    const steps: number[] = []
    const seen = (_: number, age: number) => (steps.push(age), age)
    expect(await verdict(tests.directional('age', 2.5, 'up'), seen)).toMatchObject({ status: 'pass', bad: 0 })
    expect(Math.max(...steps)).toBe(11.5)
    expect(await verdict(tests.directional('age', 2.5, 'down'), seen)).toMatchObject({ status: 'fail' })
    expect(await verdict(tests.directional('age', -2.5, 'down'), seen)).toMatchObject({ status: 'pass' })
    expect(await verdict(tests.directional('age', -2.5, 'up'), seen)).toMatchObject({ status: 'fail' })
    // not moving is not moving the other way
    expect(await verdict(tests.directional('size', 1, 'up'), seen)).toMatchObject({ status: 'pass' })
  })
})

it('scores that are no numbers hold no property', async () => {
  const breaks = (size: number) => (size > 150 ? Number.NaN : 0)
  for (const test of [
    tests.monotone('size', 'increasing'),
    tests.invariant('size'),
    tests.directional('size', 1, 'up'),
  ])
    expect(await verdict(test, breaks), test.kind).toMatchObject({ status: 'fail' })
})

it('a text cannot be moved: that is an error, not a pass', async () => {
  const moved = { ...tests.monotone('size', 'increasing'), input: 'place' } as ModelTest
  expect(await verdict(moved, size => size)).toMatchObject({ status: 'error', message: "'place' is a text input" })
})

it('the same seed tries the same cases', async () => {
  const dip = (size: number) => (size > 280 ? -1 : size)
  const test = tests.monotone('size', 'increasing')
  expect(await verdict(test, dip)).toEqual(await verdict(test, dip))
})

it.each([
  [tests.monotone('size', 'increasing'), 'score never falls as size rises'],
  [tests.monotone('size', 'decreasing', { mostly: 0 }), 'score never rises as size rises'],
  [tests.invariant('age', { maxDelta: 0.5 }), 'age moves the score by at most 0.5'],
  [tests.directional('size', 2, 'up'), 'size + 2 moves the score up'],
])('says its rule: %#', async (test, rule) => {
  const found = await verdict(test, size => size)
  expect(found.message.startsWith(`${rule}: `)).toBe(true)
  expect(found.threshold).toBe(`${rule}, in ${'mostly' in test ? 100 * test.mostly : 0} % of cases`)
})
