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
import { modelTests } from '../../../define/model-test/index.ts'
import { gbt } from '../../../define/trainer.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
const inputs = [
  { name: 'x', type: 'float' },
  { name: 'z', type: 'float' },
  { name: 'flag', type: 'bool' },
  { name: 'place', type: 'text' },
] as const

const n = (value: Row[string] | undefined): number => value as number
const plain: Truth = row => sigmoid(1.5 * n(row.x) + n(row.z))

/** Two numbers tell the label; a flag (one in four), a place (of five) and missing values of `z` may make it another. */
const table = (truth: Truth, over: Partial<Parameters<typeof tableOf>[1]> = {}): Table =>
  tableOf(5, {
    task: 'binary',
    inputs,
    truth,
    train: 3_000,
    test: 3_000,
    drawRow: random => ({
      x: Math.fround(random.normal()),
      z: random.next() < 0.15 ? Number.NaN : Math.fround(random.normal()),
      flag: random.next() < 0.25 ? 1 : 0,
      place: `p${random.below(5)}`,
    }),
    ...over,
  })
const known =
  (truth: Truth): Truth =>
  row =>
    truth({ ...row, z: Number.isNaN(row.z) ? 0 : n(row.z) })

const slices = async (of: Table, model: Truth, options: object = {}) =>
  (await judgedBy(of, formulaOf(of, model), m => [m.slices({ severity: 'critical', ...options })])).find(
    check => check.kind === 'slices',
  )
const weakOf = (check: Awaited<ReturnType<typeof slices>>) =>
  (check?.sample ?? []).filter(one => one.verdict === 'weak').map(one => one.slice)

describe('a model that is right everywhere holds, however hard a part is', () => {
  it.each<[string, Truth]>([
    ['alike everywhere', known(plain)],
    [
      'with hardly a signal where the flag is set',
      known(row => (row.flag === 1 ? sigmoid(0.2 * n(row.x)) : plain(row))),
    ],
    ['with another base rate in one place', known(row => sigmoid(1.5 * n(row.x) + (row.place === 'p3' ? -2 : 0)))],
  ])('%s', async (_, truth) => {
    const found = await slices(table(truth), truth)
    expect(found).toMatchObject({ status: 'pass', bad: 0 })
    expect(found?.evaluated).toBeGreaterThan(20)
  })

  it('and where nothing at all can be told it is said, which refuses nobody', async () => {
    const truth = known(row => (row.flag === 1 ? 0.5 : plain(row)))
    const found = await slices(table(truth), truth)
    expect(found).toMatchObject({ status: 'warn', bad: 0, target: { slice: 'flag = 1' } })
    expect(found?.message).toBe('where flag = 1 the scores say no more than the base rate does, right as they are')
  })

  it('trained ones do, too', async () => {
    const of = table(known(plain))
    const checks = await judgedBy(of, await trainedOn(of, gbt({ trees: 60, depth: 3 })), m => [m.slices()])
    expect(checks.find(check => check.kind === 'slices')).toMatchObject({ status: 'pass' })
  })
})

describe('what is wrong in a part is found there, without a word about where', () => {
  it.each<[string, Truth, string]>([
    ['no signal where a flag is set', known(row => (row.flag === 1 ? 0.5 : plain(row))), 'flag = 1'],
    [
      'the other way round where a flag is set',
      known(row => (row.flag === 1 ? 1 - (plain(row) as number) : plain(row))),
      'flag = 1',
    ],
    [
      'too low in one place',
      known(row => (row.place === 'p2' ? sigmoid(1.5 * n(row.x) + n(row.z) + 1.5) : plain(row))),
      'place = p2',
    ],
    ['unlike where a value is missing', row => (Number.isNaN(row.z) ? 0.9 : plain(row)), 'z missing'],
    ['beyond a bend of a number', known(row => (n(row.x) > 1 ? 0.5 : plain(row))), 'x > '],
    [
      'only where two things meet',
      known(row => (row.flag === 1 && row.place === 'p4' ? 1 - (plain(row) as number) : plain(row))),
      'flag = 1 and place = p4',
    ],
  ])('%s', async (_, truth, where) => {
    const found = await slices(table(truth), known(plain))
    expect(found).toMatchObject({ status: 'fail' })
    expect(String(found?.target.slice)).toContain(where)
  })

  it('in every task', async () => {
    const off = (row: Row): number => (row.flag === 1 ? 1.2 : 0)
    const mean = known(row => n(row.x) + n(row.z) + off(row))
    const flat = known(row => n(row.x) + n(row.z))
    const exp =
      (of: Truth): Truth =>
      row =>
        Math.exp(of(row) as number)
    const shares =
      (of: Truth): Truth =>
      row => {
        const p = sigmoid(of(row) as number)
        return [p, (1 - p) / 2, (1 - p) / 2]
      }
    const cases: [Table, Truth, Truth][] = [
      [table(mean, { task: 'regression', noise: () => 1 }), mean, flat],
      [table(mean, { task: 'quantile', noise: () => 1, level: 0.5 }), mean, flat],
      [table(exp(mean), { task: 'count' }), exp(mean), exp(flat)],
      [table(shares(mean), { task: 'multiclass', classes: ['a', 'b', 'c'] }), shares(mean), shares(flat)],
    ]
    for (const [of, right, wrong] of cases) {
      expect([of.task, await slices(of, right)]).toMatchObject([of.task, { status: 'pass' }])
      const found = await slices(of, wrong)
      expect([of.task, found]).toMatchObject([of.task, { status: 'fail' }])
      expect(found?.target.slice).toContain('flag = ')
    }
  })
})

describe('what is asked', () => {
  const truth = known(row => (row.flag === 1 ? 1 - (plain(row) as number) : plain(row)))
  const of = table(truth, {
    slices: {
      west: row => row.place === 'p1',
      kind: row => (row.flag === 1 ? 'odd' : 'even'),
      few: row => n(row.x) > 2,
    },
  })

  it('declared conditions and values are judged instead of those of the inputs', async () => {
    const column = (name: string, type: string) => ({ node: { op: 'column', name, type } }) as never
    const byCondition = await slices(of, known(plain), { of: { west: column('west', 'bool') } })
    expect(byCondition).toMatchObject({ status: 'pass', evaluated: 1 })
    const byValue = await slices(of, known(plain), { of: [column('kind', 'text')], pairs: false })
    expect(byValue).toMatchObject({ evaluated: 2, status: 'fail' })
    expect(weakOf(byValue)).toContain('kind = odd')
  })

  it('a declared slice with too few rows is no pass', async () => {
    const column = { node: { op: 'column', name: 'few', type: 'bool' } } as never
    const found = await slices(of, truth, { of: { few: column } })
    expect(found).toMatchObject({ status: 'warn', evaluated: 0 })
    expect(found?.message).toMatch(/^no slice was judged: none has 100 rows or more of few \(\d+\)$/)
    expect(await slices(of, truth, { of: { few: column }, minRows: 20 })).toMatchObject({ evaluated: 1 })
  })

  it('more may be lost than by default', async () => {
    expect(await slices(of, known(plain), { tolerance: 0.9 })).toMatchObject({ status: 'pass' })
  })

  it('pairs are left out where nobody wants them', async () => {
    const all = await slices(of, truth)
    const alone = await slices(of, truth, { pairs: false })
    expect(all?.evaluated).toBeGreaterThan(alone?.evaluated as number)
  })

  it('a share of the overall quality is asked of every slice, hard ones too, where somebody says so', async () => {
    const hard = known(row => (row.flag === 1 ? sigmoid(0.4 * n(row.x)) : plain(row)))
    expect(await slices(table(hard), hard, { minShareOfOverall: 0.8 })).toMatchObject({
      status: 'fail',
      target: { slice: expect.stringContaining('flag = 1') as string },
    })
    expect(await slices(table(hard), hard, { minShareOfOverall: 0.1, pairs: false })).toMatchObject({ bad: 0 })
  })

  it('conditions of one name are one condition', () => {
    const m = modelTests<string>('m', { task: 'binary', inputs })
    const where = (name: string) => ({ west: { node: { op: 'column', name, type: 'bool' } } }) as never
    m.slices({ of: where('a') })
    m.slices({ of: where('a'), id: 'again' })
    expect(() => m.slices({ of: where('b'), id: 'other' })).toThrow("'west' is the name of another slice already")
    expect(() => m.slices({ of: [] as never })).toThrow('of must be conditions by name, or numbers')
    expect(() => m.slices({ of: 3 as never })).toThrow('of must be conditions by name, or numbers')
  })
})
