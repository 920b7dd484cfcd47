import { describe, expect, it } from 'vitest'
import {
  formulaOf,
  judgedBy,
  tableOf,
  trainedOn,
  type Row,
  type Table,
  type Truth,
} from '../../../../test/support/random-models.ts'
import { modelTests, type ModelTest, type ModelTestBuilder } from '../../../define/model-test/index.ts'
import { gbt } from '../../../define/trainer.ts'
import type { Counterexample } from '../counterexamples.ts'
import { manualClock } from '../../../testing/manual-clock.ts'
import { runSuite, type SuiteInput } from '../suite.ts'

const inputs = [
  { name: 'size', type: 'float' },
  { name: 'age', type: 'float' },
  { name: 'flag', type: 'bool' },
  { name: 'place', type: 'text' },
] as const
const n = (value: Row[string] | undefined): number => value as number

/** Sizes from 0 to 100, ages from 0 to 9 of which one in ten is missing, a flag, three places. */
const table: Table = tableOf(4, {
  task: 'regression',
  inputs,
  truth: row => n(row.size),
  noise: () => 10,
  train: 2_000,
  test: 800,
  drawRow: random => ({
    size: Math.fround(100 * random.next()),
    age: random.next() < 0.1 ? Number.NaN : random.below(10),
    flag: random.below(2),
    place: ['a', 'b', 'c'][random.below(3)] as string,
  }),
})
const binary: Table = {
  ...table,
  task: 'binary',
  test: { ...table.test, labels: table.test.labels.map(one => (one > 50 ? 1 : 0)) },
}

type Build = (m: ModelTestBuilder<string>) => ModelTest
const verdict = async (build: Build, model: Truth, over: Partial<SuiteInput> = {}, of = table) => {
  const checks = await judgedBy(of, formulaOf(of, model), m => [build(m)], over)
  const found = checks.find(one =>
    ['monotone', 'invariant', 'directional', 'matters', 'stable', 'relation'].includes(one.kind),
  )
  if (!found) throw new Error('no check')
  return found
}
const share = (truth: (row: Row) => number): Truth => truth
/** Rises with size, but for what is said. */
const rising =
  (but: (row: Row) => number = () => 0): Truth =>
  row =>
    n(row.size) + but(row)

describe('a dip in a hundredth of the range', () => {
  // the model falls between two sizes, and rises again
  it.each([2.2, 33.3, 50, 71.7, 97.8])('is found, wherever it is: at %d', async at => {
    const dips = rising(row => (n(row.size) > at && n(row.size) <= at + 1 ? -30 : 0))
    for (let seed = 1; seed <= 5; seed++) {
      const found = await verdict(m => m.monotone('size', 'increasing'), dips, { seed })
      expect(found, String(seed)).toMatchObject({ status: 'fail' })
      const [one] = found.sample as [Record<string, number>]
      // the pair of values is narrowed to the jump
      const jump = one['size before'] as number
      expect(Math.abs(jump - at)).toBeLessThan(1e-4)
      expect((one['size after'] as number) - jump).toBeLessThan(1e-4)
    }
  })

  it('is found within two thousand scores where no drawn case met it', async () => {
    const dips = rising(row => (n(row.size) > 41.3 && n(row.size) <= 42.3 ? -30 : 0))
    const found = await verdict(m => m.monotone('size', 'increasing'), dips)
    const drawn = 2 * found.evaluated
    // what shrinks it afterwards is some hundred more
    expect((found.observed.scored as number) - drawn).toBeLessThan(2_400)
  })

  it('is found in rows of one kind alone', async () => {
    const dips = rising(row => (row.place === 'b' && row.flag === 1 && n(row.size) > 60 && n(row.size) < 62 ? -50 : 0))
    const found = await verdict(m => m.monotone('size', 'increasing'), dips)
    expect(found).toMatchObject({ status: 'fail', sample: [{ place: 'b', flag: 1 }] })
  })

  it('of a step between two thresholds of the trees is found by these', async () => {
    const random = tableOf(9, {
      task: 'regression',
      inputs: [{ name: 'size', type: 'float' }],
      truth: row => (n(row.size) > 500.2 && n(row.size) < 501 ? -50 : n(row.size)),
      noise: () => 0.01,
      train: 20_000,
      test: 500,
      drawRow: source => ({ size: Math.fround(1000 * source.next()) }),
    })
    const subject = await trainedOn(random, gbt({ trees: 200, minLeaf: 2 }))
    const checks = await judgedBy(random, subject, m => [m.monotone('size', 'increasing')])
    expect(checks.find(one => one.kind === 'monotone')).toMatchObject({ status: 'fail' })
  })
})

describe('monotone', () => {
  it.each([1e-6, 1, 1e6])('passes what rises, and only that, in any unit: %d', async unit => {
    const scaled =
      (of: Truth): Truth =>
      row =>
        unit * n(of(row) as number)
    const rise = (m: ModelTestBuilder<string>) => m.monotone('size', 'increasing')
    expect(await verdict(rise, scaled(rising()))).toMatchObject({ status: 'pass', bad: 0, sample: [] })
    expect(
      await verdict(
        rise,
        scaled(row => -n(row.size)),
      ),
    ).toMatchObject({ status: 'fail', severity: 'critical' })
    expect(
      await verdict(
        m => m.monotone('size', 'decreasing'),
        scaled(row => -n(row.size)),
      ),
    ).toMatchObject({ status: 'pass' })
    // by default a millionth of the spread of the scores, which is about 3 steps
    const saw = (depth: number): Truth =>
      scaled(row => Math.floor(n(row.size) / 10) - (depth * (n(row.size) % 10)) / 10)
    expect(await verdict(rise, saw(1e-7))).toMatchObject({ status: 'pass' })
    expect(await verdict(rise, saw(1e-4))).toMatchObject({ status: 'fail' })
  })

  it('lets the score move the wrong way by its slack', async () => {
    const saw: Truth = row => 100 * Math.floor(n(row.size) / 50) - (n(row.size) % 50)
    expect(await verdict(m => m.monotone('size', 'increasing', { slack: 50 }), saw)).toMatchObject({ status: 'pass' })
    expect(await verdict(m => m.monotone('size', 'increasing', { slack: 40 }), saw)).toMatchObject({ status: 'fail' })
  })

  it('tolerates the share of drawn cases that `mostly` leaves, and no more', async () => {
    const dips = rising(row => (n(row.size) > 90 ? -200 : 0))
    const found = await verdict(m => m.monotone('size', 'increasing'), dips)
    const part = (found.observed.violations as number) / found.evaluated
    expect(part).toBeGreaterThan(0.05)
    expect(part).toBeLessThan(0.4)
    const asked = (mostly: number) => verdict(m => m.monotone('size', 'increasing', { mostly }), dips)
    expect(await asked(1 - part)).toMatchObject({ status: 'pass' })
    expect(await asked(1 - part + 0.001)).toMatchObject({ status: 'fail' })
  })

  it('holds of booleans, and of several inputs that rise together', async () => {
    expect(
      await verdict(
        m => m.monotone('flag', 'increasing'),
        row => n(row.flag),
      ),
    ).toMatchObject({ status: 'pass' })
    expect(
      await verdict(
        m => m.monotone('flag', 'increasing'),
        row => -n(row.flag),
      ),
    ).toMatchObject({ status: 'fail' })
    const age = (row: Row) => (Number.isNaN(row.age) ? 4 : n(row.age))
    const both = (of: Truth) => verdict(m => m.monotone(['size', 'age'], 'increasing'), of)
    expect(await both(row => n(row.size) + age(row))).toMatchObject({
      status: 'pass',
      target: { columns: ['size', 'age'] },
    })
    expect(await both(row => n(row.size) - age(row))).toMatchObject({ status: 'fail' })
  })

  it('says what was tried, and shows the row by ordinary values of all else', async () => {
    const found = await verdict(
      m => m.monotone('size', 'increasing'),
      row => -n(row.size),
    )
    expect(found.message).toMatch(
      /^score never falls as size rises: \d+ of 1000 cases do not \(at most [\d.]+ % with 95 % confidence\); seed \d+$/,
    )
    expect(found.threshold).toBe('score never falls as size rises, in 100 % of cases')
    const [one] = found.sample as [Record<string, number>]
    expect(Object.keys(one)).toEqual([
      'size',
      'age',
      'flag',
      'place',
      'size before',
      'size after',
      'score before',
      'score after',
    ])
    expect(Math.abs((one.age as number) - 4.5)).toBeLessThan(2)
    expect(one['score before']).toBeCloseTo(-(one['size before'] as number), 3)
  })
})

describe('invariant', () => {
  it('fails where the input moves the score by more than is allowed: numbers, booleans, texts', async () => {
    const most = (maxDelta: number, of: Truth, input = 'size') => verdict(m => m.invariant(input, { maxDelta }), of)
    expect(await most(101, rising())).toMatchObject({ status: 'pass' })
    expect(await most(90, rising())).toMatchObject({ status: 'fail' })
    expect(await most(1, row => (row.place === 'c' ? 2 : 0), 'place')).toMatchObject({
      status: 'fail',
      target: { columns: ['place'] },
    })
    expect(await most(1, row => (row.flag === 1 ? 2 : 0), 'flag')).toMatchObject({ status: 'fail' })
    expect(await most(1, row => (row.flag === 1 ? 0.9 : 0), 'flag')).toMatchObject({ status: 'pass' })
  })

  it('tries what is missing where training had it missing', async () => {
    const odd = share(row => (Number.isNaN(row.age) ? 5 : 0))
    const found = await verdict(m => m.invariant('age', { maxDelta: 1 }), odd)
    expect(found).toMatchObject({ status: 'fail' })
    const [one] = found.sample as [Record<string, unknown>]
    expect([one['age before'], one['age after']]).toContain(null)
    // sizes are never missing in training, so that nobody promised anything of it
    expect(
      await verdict(
        m => m.invariant('size', { maxDelta: 1 }),
        row => (Number.isNaN(row.size) ? 5 : 0),
      ),
    ).toMatchObject({ status: 'pass' })
  })

  it('moves several inputs at once', async () => {
    const together = share(row => (row.flag === 1 && row.place === 'a' ? 5 : 0))
    expect(await verdict(m => m.invariant(['flag', 'place'], { maxDelta: 1 }), together)).toMatchObject({
      status: 'fail',
    })
  })

  it('allows a hundredth by default, of numbers of their spread, of probabilities as they are', async () => {
    const by = (delta: number, of = table) =>
      verdict(
        m => m.invariant('flag'),
        row => (of === binary ? 0.5 : n(row.size)) + (row.flag === 1 ? delta : 0),
        {},
        of,
      )
    expect(await by(0.2)).toMatchObject({ status: 'pass' })
    expect(await by(0.4)).toMatchObject({ status: 'fail' })
    expect(await by(0.009, binary)).toMatchObject({ status: 'pass' })
    expect(await by(0.011, binary)).toMatchObject({ status: 'fail' })
  })

  it('of several classes looks at all of them, or at the one that is named', async () => {
    const classes = ['x', 'y', 'z']
    const of: Table = {
      ...table,
      task: 'multiclass',
      classes,
      test: { ...table.test, labels: table.test.labels.map((_, i) => i % 3) },
      train: { ...table.train, labels: table.train.labels.map((_, i) => i % 3) },
    }
    const model: Truth = row => (row.flag === 1 ? [0.2, 0.5, 0.3] : [0.2, 0.3, 0.5])
    expect(await verdict(m => m.invariant('flag'), model, {}, of)).toMatchObject({ status: 'fail' })
    expect(await verdict(m => m.invariant('flag', { class: 'x' }), model, {}, of)).toMatchObject({ status: 'pass' })
    expect(await verdict(m => m.monotone('flag', 'increasing', { class: 'y' }), model, {}, of)).toMatchObject({
      status: 'pass',
    })
    expect(await verdict(m => m.monotone('flag', 'increasing', { class: 'z' }), model, {}, of)).toMatchObject({
      status: 'fail',
    })
    expect(await verdict(m => m.invariant('flag', { class: 'w' }), model, {}, of)).toMatchObject({
      status: 'error',
      message: "there is no class 'w': x, y, z",
    })
  })
})

describe('directional', () => {
  const older = (of: Truth, by = 2.5, moves: 'up' | 'down' = 'up') => verdict(m => m.directional('age', by, moves), of)
  const age: Truth = row => (Number.isNaN(row.age) ? 0 : n(row.age))

  it('adds to the row’s own value and looks which way the score goes', async () => {
    expect(await older(age)).toMatchObject({ status: 'pass', bad: 0 })
    expect(await older(age, 2.5, 'down')).toMatchObject({ status: 'fail' })
    expect(await older(age, -2.5, 'down')).toMatchObject({ status: 'pass' })
    expect(await older(age, -2.5, 'up')).toMatchObject({ status: 'fail' })
    const found = await older(age, 2)
    expect(found.threshold).toBe('age + 2 moves the score up, in 100 % of cases')
  })

  it('an input that moves nothing moves it neither up nor down', async () => {
    const found = await older(() => 3)
    expect(found).toMatchObject({ status: 'fail' })
    expect(found.message).toContain('it does not move the score at all')
  })

  it('asks for a least movement on average', async () => {
    const asked = (least: number) => verdict(m => m.directional('age', 1, 'up', { least }), age)
    expect(await asked(0.99)).toMatchObject({ status: 'pass' })
    expect(await asked(1.01)).toMatchObject({ status: 'fail' })
  })

  it('sets booleans and texts from one value to another', async () => {
    const model: Truth = row => (row.flag === 1 ? 1 : 0) + (row.place === 'b' ? 1 : 0)
    const on = (change: object, moves: 'up' | 'down', input = 'flag') =>
      verdict(m => m.directional(input, change as never, moves), model)
    expect(await on({ from: false, to: true }, 'up')).toMatchObject({
      status: 'pass',
      threshold: 'flag from false to true moves the score up, in 100 % of cases',
    })
    expect(await on({ from: false, to: true }, 'down')).toMatchObject({ status: 'fail' })
    expect(await on({ to: 'b' }, 'up', 'place')).toMatchObject({ status: 'pass' })
    expect(await on({ from: 'b', to: 'a' }, 'up', 'place')).toMatchObject({ status: 'fail' })
  })
})

describe('an input that must matter', () => {
  it('does, or fails', async () => {
    expect(await verdict(m => m.matters('size'), rising())).toMatchObject({ status: 'pass' })
    const found = await verdict(m => m.matters('age'), rising())
    expect(found).toMatchObject({ status: 'fail', observed: { movement: 0 } })
    expect(found.message).toContain('it does not move the score at all')
    expect(
      await verdict(
        m => m.matters('place'),
        row => (row.place === 'a' ? 1 : 0),
      ),
    ).toMatchObject({ status: 'pass' })
  })

  it('by as much as is asked, by default a thousandth of the spread', async () => {
    // a third of the pairs of two values differ in it by 1 on average 0.5
    const model: Truth = row => n(row.size) + n(row.flag)
    const asked = (least: number) => verdict(m => m.matters('flag', { least }), model)
    expect(await asked(0.4)).toMatchObject({ status: 'pass' })
    expect(await asked(0.6)).toMatchObject({ status: 'fail' })
    expect(
      await verdict(
        m => m.matters('flag'),
        row => n(row.size) + 0.01 * n(row.flag),
      ),
    ).toMatchObject({ status: 'fail' })
    expect(
      await verdict(
        m => m.matters('flag'),
        row => n(row.size) + 0.2 * n(row.flag),
      ),
    ).toMatchObject({ status: 'pass' })
  })
})

describe('noise', () => {
  it('moves a smooth model little, and one that flickers much', async () => {
    const flicker: Truth = row => (Math.floor(n(row.size) * 50) % 2 === 0 ? 60 : 0)
    expect(await verdict(m => m.stable(), rising())).toMatchObject({ status: 'pass' })
    const found = await verdict(m => m.stable(), flicker)
    expect(found).toMatchObject({ status: 'fail' })
    expect(found.threshold).toMatch(/^noise of 0.01 deviations moves the score by at most [\d.]+, in 95 % of cases$/)
    expect(await verdict(m => m.stable({ inputs: ['age'] }), flicker)).toMatchObject({ status: 'pass' })
    expect(await verdict(m => m.stable({ noise: 1e-6 }), flicker)).toMatchObject({ status: 'pass' })
    expect(await verdict(m => m.stable({ maxDelta: 61 }), flicker)).toMatchObject({ status: 'pass' })
    expect(await verdict(m => m.stable({ mostly: 0 }), flicker)).toMatchObject({ status: 'pass' })
  })
})

describe('a relation between a row and what becomes of it', () => {
  interface X {
    readonly size: never
    readonly flag: never
  }
  const doubled =
    (holds: string): Build =>
    m =>
      m.relation('doubled', {
        change: x => ({ size: (x['size'] as never as { times(by: number): never }).times(2) }),
        holds: (before, after) => (holds === 'rises' ? after.gte(before) : after.lte(before.times(2).plus(0.01))),
      })
  void ({} as X)

  it('holds or is shown', async () => {
    expect(await verdict(doubled('rises'), rising())).toMatchObject({
      status: 'pass',
      kind: 'relation',
      target: { columns: ['size'] },
    })
    expect(await verdict(doubled('rises'), row => -n(row.size))).toMatchObject({ status: 'fail' })
    expect(await verdict(doubled('at most twice'), rising())).toMatchObject({ status: 'pass' })
    const found = await verdict(doubled('at most twice'), row => n(row.size) ** 2)
    expect(found).toMatchObject({ status: 'fail' })
    const [one] = found.sample as [Record<string, number>]
    expect(one['size after']).toBeCloseTo(2 * (one['size before'] as number), 3)
  })

  it('is refused where it relates nothing', () => {
    const m = modelTests<string>('m', { task: 'regression', inputs })
    const holds = (before: { lte(other: unknown): never }, after: unknown) => before.lte(after)
    expect(() => m.relation('r', { change: () => ({}), holds } as never)).toThrow('r: change names no input')
    expect(() => m.relation('r', { change: () => ({ width: 3 }), holds } as never)).toThrow(
      "change names 'width', which is no input",
    )
    expect(() => m.relation('r', { change: (x: { size: unknown }) => ({ place: x.size }), holds } as never)).toThrow(
      "'place' is text, what it becomes is float",
    )
    expect(() => m.relation('r', { change: () => ({ size: 3 }), holds } as never)).toThrow(
      'is no expression over the inputs',
    )
    expect(() =>
      m.relation('r', {
        change: (x: { size: unknown }) => ({ size: x.size }),
        holds: (_: unknown, __: unknown, x: { size: { gt(by: number): unknown } }) => x.size.gt(1),
      } as never),
    ).toThrow('holds looks at no score')
  })
})

it('of several classes every property looks at the one that is named', async () => {
  const classes = ['x', 'y']
  const part = (of: Table['train']): Table['train'] => ({ ...of, labels: of.labels.map((_, i) => i % 2) })
  const of: Table = { ...table, task: 'multiclass', classes, test: part(table.test), train: part(table.train) }
  const model: Truth = row => (n(row.flag) === 1 ? [0.2, 0.8] : [0.4, 0.6])
  const change = { from: false, to: true }
  const judge = async (build: Build) => (await verdict(build, model, {}, of)).status
  expect(await judge(m => m.directional('flag', change, 'up', { class: 'y' }))).toBe('pass')
  expect(await judge(m => m.directional('flag', change, 'up', { class: 'x' }))).toBe('fail')
  expect(await judge(m => m.matters('flag', { class: 'y', least: 0.05 }))).toBe('pass')
  const relation =
    (name: string): Build =>
    m =>
      m.relation('off', {
        class: name,
        change: x => ({ flag: (x['flag'] as never as { not(): never }).not() }),
        holds: before => before.lte(0.5),
      })
  expect(await judge(relation('x'))).toBe('pass')
  expect(await judge(relation('y'))).toBe('fail')
  const half = await verdict(
    m =>
      m.relation('half', {
        class: 'y',
        mostly: 0.2,
        change: x => ({ flag: (x['flag'] as never as { not(): never }).not() }),
        holds: (before, after) => after.gte(before),
      }),
    model,
    {},
    of,
  )
  expect(half.status, 'half of the rows hold').toBe('pass')
})

it('scores that are no numbers hold no property', async () => {
  const breaks: Truth = row => (n(row.size) > 50 ? Number.NaN : 0)
  const tests: Build[] = [
    m => m.monotone('size', 'increasing'),
    m => m.invariant('size'),
    m => m.directional('size', 1, 'up'),
    m => m.matters('size'),
    m => m.stable(),
  ]
  for (const test of tests) expect((await verdict(test, breaks)).status).toBe('fail')
})

describe('seeds and counterexamples', () => {
  const dips = rising(row => (n(row.size) > 41.3 && n(row.size) <= 42.3 ? -30 : 0))

  it('one seed tries the same cases, another others, and it is told', async () => {
    const asked = (seed: number) => verdict(m => m.monotone('size', 'increasing'), dips, { seed })
    const [first, again, other] = [await asked(1), await asked(1), await asked(2)]
    expect(first).toEqual(again)
    expect(first.observed.seed).not.toBe(other.observed.seed)
    expect(first.message).toContain(`seed ${first.observed.seed as number}`)
  })

  it('what broke a property is tried first by every later run, also of a model with other inputs', async () => {
    const run = (of: Table, model: Truth, kept: readonly Counterexample[]) =>
      runSuite({
        model: {
          name: 'm',
          task: of.task,
          inputs: of.inputs,
          tests: [modelTests<string>('m', { task: of.task, inputs: of.inputs }).monotone('size', 'increasing')],
        } as never,
        name: 'm@1',
        subject: formulaOf(of, model),
        bytes: 1,
        frame: of.test,
        train: of.train,
        seed: 3,
        kept,
        clock: manualClock(5),
      })
    const first = await run(table, dips, [])
    expect(first.counterexamples).toMatchObject([
      {
        test: 'monotone-size',
        kind: 'monotone',
        found: 'm@1',
        at: 5,
        before: { size: expect.closeTo(41.3, 3) as number },
      },
    ])
    // a far narrower dip there: nothing would find it, were it not kept
    const jump = first.counterexamples[0]?.after['size'] as number
    const narrow = rising(row => (n(row.size) === jump ? -30 : 0))
    expect((await run(table, narrow, [])).report.checks.find(one => one.kind === 'monotone')?.status).toBe('pass')
    const later = (await run(table, narrow, first.counterexamples)).report.checks.find(one => one.kind === 'monotone')
    expect(later).toMatchObject({ status: 'fail', observed: { replayed: 1, violations: 0 } })
    expect(later?.message).toContain('1 of 1 kept counterexamples break it again')
    const onlyThere = rising(row => (row.place === 'b' && n(row.size) > 41.3 && n(row.size) <= 42.3 ? -30 : 0))
    const there = await run(table, onlyThere, [])
    expect(there.counterexamples).toMatchObject([{ row: { place: 'b' } }])
    const itsJump = there.counterexamples[0]?.after['size'] as number
    const narrowThere = rising(row => (row.place === 'b' && n(row.size) === itsJump ? -30 : 0))
    const replayed = (await run(table, narrowThere, there.counterexamples)).report.checks
    expect(replayed.find(one => one.kind === 'monotone')).toMatchObject({ status: 'fail', observed: { violations: 0 } })
    const fewer: Table = {
      ...table,
      inputs: [inputs[0]],
      test: { ...table.test, inputs: [table.test.inputs[0] as never] },
      train: { ...table.train, inputs: [table.train.inputs[0] as never] },
    }
    expect(
      (await run(fewer, narrow, first.counterexamples)).report.checks.find(one => one.kind === 'monotone'),
    ).toMatchObject({ status: 'fail' })
  })
})

it('what does not fit an input is refused where it is declared', () => {
  const m = modelTests<string>('m', { task: 'regression', inputs })
  expect(() => m.monotone('place', 'increasing')).toThrow(
    'input must be an input that is a number or a boolean: size, age, flag',
  )
  expect(() => m.monotone(['size', 'size'], 'increasing')).toThrow('input must be an input')
  expect(() => m.directional('place', 1, 'up')).toThrow("'place' is no number to add to: say { from, to }")
  expect(() => m.directional('flag', { to: 'yes' }, 'up')).toThrow("'flag' is bool")
  expect(() => m.directional('flag', { from: true, to: true }, 'up')).toThrow('from and to are the same')
  expect(() => m.directional('age', 0, 'up')).toThrow('by 0 changes nothing')
  expect(() => m.directional('age', { too: 1 } as never, 'up')).toThrow('change must be a number to add')
  expect(() => m.invariant('size', { class: 'a' })).toThrow('class has no effect')
  const classes = modelTests<string>('m', { task: 'multiclass', inputs })
  expect(() => classes.monotone('size', 'increasing')).toThrow('needs the class whose probability is to move')
  const words = modelTests<string>('m', { task: 'regression', inputs: [inputs[3]] })
  expect(() => words.stable()).toThrow('checks nothing: the model has no input that is a number')
})
