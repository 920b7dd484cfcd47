import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Proposal,
  proposeGrid,
  proposeHalving,
  proposeRandom,
  proposeTpe,
  type Space,
  type Trial,
} from './index.ts'
import { keyOf, placeOf, valueAt } from './space.ts'

type Propose = (history: readonly Trial[], space: Space, seed?: number) => Proposal | 'wait' | undefined

const space: Space = {
  rate: { kind: 'number', from: 0.001, to: 1, scale: 'log' },
  depth: { kind: 'whole', from: 1, to: 12 },
  kind: { kind: 'choice', values: ['a', 'b', 'c'] },
}
/** Least at rate 0.05, depth 7, kind b. */
const lossAt = ({ rate, depth, kind }: Readonly<Record<string, unknown>>): number =>
  Math.log10((rate as number) / 0.05) ** 2 + ((depth as number) - 7) ** 2 / 20 + (kind === 'b' ? 0 : 0.5)

function run(propose: Propose, seed: number, most: number, loss = lossAt, of: Space = space): Trial[] {
  const history: Trial[] = []
  while (history.length < most) {
    const next = propose(history, of, seed)
    if (next === undefined || next === 'wait') break
    history.push({ ...next, loss: loss(next.parameters) })
  }
  return history
}
const best = (history: readonly Trial[]): number => Math.min(...history.map(trial => trial.loss as number))

const all: readonly [string, Propose][] = [
  ['grid', proposeGrid],
  ['random', proposeRandom],
  ['halving', proposeHalving],
  ['TPE', proposeTpe],
]

describe.each(all)('%s', (_, propose) => {
  test('is resumed from its history alone, and proposes what is in the space', () => {
    const history = run(propose, 3, 40)
    for (const at of [0, 5, 17, 33])
      expect(propose(history.slice(0, at), space, 3)).toMatchObject({ parameters: history[at]?.parameters })
    for (const { parameters } of history) {
      expect(Object.keys(parameters)).toEqual(['rate', 'depth', 'kind'])
      expect(parameters.rate).toBeGreaterThanOrEqual(0.001)
      expect(parameters.rate).toBeLessThanOrEqual(1)
      expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]).toContain(parameters.depth)
      expect(['a', 'b', 'c']).toContain(parameters.kind)
    }
  })

  test('never tries the same twice with the same effort, and ends when a small space is tried', () => {
    const small: Space = { x: { kind: 'whole', from: 1, to: 4 }, y: { kind: 'choice', values: [true, false] } }
    const history = run(propose, 1, 1000, ({ x }) => x as number, small)
    const keys = history.map(trial => `${keyOf(trial.parameters)} ${trial.budget}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(new Set(history.map(trial => keyOf(trial.parameters))).size).toBe(8)
  })

  test('running and failed trials are no results, and are not proposed again', () => {
    const running = run(propose, 2, 12).map(
      ({ loss, ...trial }, at): Trial =>
        at % 3 === 0 ? trial : { ...trial, loss: at % 3 === 1 ? null : (loss ?? null) },
    )
    const next = propose(running, space, 2)
    expect(next).toBeDefined()
    if (next === 'wait' || next === undefined) return
    const same = running.some(
      trial => keyOf(trial.parameters) === keyOf(next.parameters) && (trial.budget ?? 1) === next.budget,
    )
    expect(same).toBe(false)
  })
})

test('a grid has every combination once, ends of ranges included', () => {
  const history = run(proposeGrid, 0, 1000, lossAt, { ...space, depth: { kind: 'whole', from: 2, to: 3 } })
  expect(history.length).toBe(5 * 2 * 3)
  expect(
    [...new Set(history.map(trial => trial.parameters.rate))].map(rate => Number((rate as number).toPrecision(3))),
  ).toEqual([0.001, 0.00562, 0.0316, 0.178, 1])
  expect(proposeGrid([], space, 0, { points: 1 })?.parameters.rate).toBe(0.001)
})

test('random draws are spread over the magnitudes, and differ by seed', () => {
  const history = run(proposeRandom, 7, 600)
  const below = history.filter(trial => (trial.parameters.rate as number) < 0.0316).length
  expect(Math.abs(below - 300)).toBeLessThan(60)
  const depths = Array.from(
    { length: 12 },
    (_, at) => history.filter(trial => trial.parameters.depth === at + 1).length,
  )
  expect(Math.min(...depths)).toBeGreaterThan(25)
  expect(run(proposeRandom, 8, 3)).not.toEqual(history.slice(0, 3))
})

test('TPE finds a known optimum in 60 trials, nearer than chance does', () => {
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8]
  const found = seeds.map(seed => best(run(proposeTpe, seed, 60)))
  const chance = seeds.map(seed => best(run(proposeRandom, seed, 60)))
  const middle = (list: number[]): number => list.toSorted((a, b) => a - b)[list.length / 2] as number
  expect(middle(found)).toBeLessThan(0.02)
  expect(Math.max(...found)).toBeLessThan(0.1)
  expect(middle(found)).toBeLessThan(0.6 * middle(chance))
})

test('parallel proposals of TPE keep apart', () => {
  const history: Trial[] = run(proposeTpe, 5, 20)
  const parallel = Array.from({ length: 6 }, () => {
    const next = proposeTpe(history, space, 5) as Proposal
    history.push({ parameters: next.parameters })
    return keyOf(next.parameters)
  })
  expect(new Set(parallel).size).toBe(6)
})

describe('successive halving', () => {
  const noisy = (parameters: Readonly<Record<string, unknown>>, budget: number): number =>
    lossAt(parameters) + (0.3 * (1 - budget) * ((parameters.depth as number) % 3)) / 3
  test('the best third goes on with three times the effort, up to all of it', () => {
    const history: Trial[] = []
    for (
      let next = proposeHalving(history, space, 4);
      next && next !== 'wait';
      next = proposeHalving(history, space, 4)
    )
      history.push({ ...next, loss: noisy(next.parameters, next.budget) })
    const at = (budget: number): Trial[] => history.filter(trial => Math.abs((trial.budget ?? 1) - budget) < 1e-9)
    expect([at(1 / 9), at(1 / 3), at(1)].map(list => list.length)).toEqual([27, expect.any(Number), expect.any(Number)])
    expect(at(1 / 3).length).toBeGreaterThanOrEqual(9)
    expect(at(1).length).toBeGreaterThanOrEqual(3)
    // Who is best of the first rung has gone all the way
    const first = at(1 / 9).toSorted((a, b) => (a.loss as number) - (b.loss as number))[0] as Trial
    expect(at(1).map(trial => keyOf(trial.parameters))).toContain(keyOf(first.parameters))
    // Spent: less than half of what all with full effort would take
    expect(history.reduce((sum, trial) => sum + (trial.budget ?? 1), 0)).toBeLessThan(13.5)
  })
  test('waits while only running trials can tell, and ends when none does', () => {
    const history: Trial[] = Array.from({ length: 3 }, (_, x) => ({ parameters: { x }, budget: 0.5 }))
    const one: Space = { x: { kind: 'whole', from: 0, to: 2 } }
    const options = { trials: 3, eta: 2, minBudget: 0.5 }
    expect(proposeHalving(history, one, 0, options)).toBe('wait')
    const done = history.map((trial, x) => ({ ...trial, loss: x }))
    expect(proposeHalving(done, one, 0, options)).toEqual({ parameters: { x: 0 }, budget: 1 })
    expect(proposeHalving([...done, { parameters: { x: 0 }, budget: 1 }], one, 0, options)).toBe('wait')
    expect(proposeHalving([...done, { parameters: { x: 0 }, loss: 0 }], one, 0, options)).toBeUndefined()
    const failed = history.map(trial => ({ ...trial, loss: null }))
    expect(proposeHalving(failed, one, 0, options)).toBeUndefined()
  })
  test('its options are numbers that make sense', () => {
    for (const [options, words] of [
      [{ trials: 0 }, /trials/],
      [{ eta: 1 }, /eta/],
      [{ minBudget: 0 }, /minBudget/],
      [{ minBudget: 2 }, /minBudget/],
    ] as const)
      expect(() => proposeHalving([], space, 0, options)).toThrow(words)
    expect(() => proposeTpe([], space, 0, { startup: 0 })).toThrow(/startup/)
    expect(() => proposeTpe([], space, 0, { candidates: 0 })).toThrow(/candidates/)
    expect(() => proposeGrid([], space, 0, { points: 0 })).toThrow(/points/)
  })
})

test('a value is at its place, and a place at its value', () => {
  const parameters = fc.oneof(
    fc.record({
      kind: fc.constant('number' as const),
      from: fc.constantFrom(0.01, 1, 5),
      to: fc.constantFrom(5, 700),
      scale: fc.constantFrom('linear' as const, 'log' as const),
    }),
    fc.record({
      kind: fc.constant('whole' as const),
      from: fc.integer({ min: 1, max: 4 }),
      to: fc.integer({ min: 4, max: 90 }),
      scale: fc.constantFrom('linear' as const, 'log' as const),
    }),
  )
  fc.assert(
    fc.property(parameters, fc.double({ min: 0, max: 1, noNaN: true }), (parameter, place) => {
      const value = valueAt(parameter, place)
      expect(value).toBeGreaterThanOrEqual(parameter.from)
      expect(value).toBeLessThanOrEqual(parameter.to)
      const again = valueAt(parameter, placeOf(parameter, value)) as number
      if (parameter.kind === 'whole') expect(again).toBe(value)
      else expect(again / (value as number)).toBeCloseTo(1, 9)
    }),
  )
})

test.each<[Space, RegExp]>([
  [{}, /no parameter/],
  [{ a: { kind: 'choice', values: [] } }, /'a' has no values/],
  [{ a: { kind: 'choice', values: [1, 1] } }, /'a' has a value twice/],
  [{ a: { kind: 'number', from: 2, to: 1 } }, /'a' must range/],
  [{ a: { kind: 'number', from: NaN, to: 1 } }, /'a' must range/],
  [{ a: { kind: 'number', from: 0, to: Infinity } }, /'a' must range/],
  [{ a: { kind: 'whole', from: 0.5, to: 3 } }, /whole numbers/],
  [{ a: { kind: 'number', from: 0, to: 3, scale: 'log' } }, /above 0/],
])('%j is no space', (bad, words) => {
  for (const [, propose] of all) expect(() => propose([], bad)).toThrow(words)
})
