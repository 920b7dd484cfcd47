import { describe, expect, it } from 'vitest'
import {
  formulaOf,
  judgedBy,
  tableOf,
  type Row,
  type Table,
  type Truth,
} from '../../../../test/support/random-models.ts'
import type { SuiteInput } from '../suite.ts'
import type { SeededRandom } from '../../../math/random/seeded.ts'
import { frameRows } from '../context.ts'

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))
type Draw = (random: SeededRandom, i: number) => Row

const inputs = [
  { name: 'x', type: 'float' },
  { name: 'y', type: 'float' },
] as const
const draw: Draw = random => ({ x: Math.fround(random.normal()), y: Math.fround(random.normal()) })
const truth: Truth = row => sigmoid(2 * (row.x as number))
const table = (over: Partial<Parameters<typeof tableOf>[1]> = {}): Table =>
  tableOf(3, { task: 'binary', inputs, truth, drawRow: draw, train: 1_000, test: 600, ...over })

/** The table with one more input that may look at the label. */
function withInput(
  of: Table,
  name: string,
  type: 'float' | 'text',
  value: (label: number, i: number) => number | string,
): Table {
  const part = (frame: Table['train']): Table['train'] => {
    const made = Array.from(frame.labels, value)
    return {
      ...frame,
      inputs: [...frame.inputs, type === 'text' ? (made as string[]) : Float32Array.from(made as number[])],
    }
  }
  return { ...of, inputs: [...of.inputs, { name, type }], train: part(of.train), test: part(of.test) }
}

const leaks = async (of: Table, declared: boolean, options: object = {}, over: Partial<SuiteInput> = {}) => {
  const checks = await judgedBy(of, formulaOf(of, of.truth), m => (declared ? [m.noLeak(options)] : []), over)
  return Object.fromEntries(checks.filter(one => one.kind === 'leak').map(one => [one.id.replace('leak-', ''), one]))
}
const noise = (i: number): number =>
  Math.sin(i * 12.9898) * 43758.5453 - Math.floor(Math.sin(i * 12.9898) * 43758.5453) - 0.5

describe('a leak', () => {
  it('is none in honest data', async () => {
    for (const declared of [true, false]) {
      const found = await leaks(table(), declared)
      expect(Object.values(found).map(one => [one.id, one.status])).toEqual([
        ['leak-inputs', 'pass'],
        ['leak-identifiers', 'pass'],
        ['leak-rows', 'pass'],
        ['leak-quality', 'pass'],
      ])
    }
  })

  it.each<[string, 'float' | 'text', (label: number, i: number) => number | string]>([
    ['the label', 'float', label => label],
    ['the label with one in a hundred wrong', 'float', (label, i) => (i % 100 === 7 ? 1 - label : label)],
    ['the label with a hundredth of noise', 'float', (label, i) => label + 0.02 * noise(i)],
    ['the label upside down, in another unit', 'float', label => 250 - 1000 * label],
    ['the label in words', 'text', label => (label === 1 ? 'paid' : 'open')],
  ])('%s among the inputs refuses the version, asked for or not', async (_, type, value) => {
    for (const declared of [true, false]) {
      const found = await leaks(withInput(table(), 'copy', type, value), declared)
      expect(found.inputs).toMatchObject({
        status: 'fail',
        severity: 'critical',
        target: { columns: ['copy'] },
        bad: 1,
      })
      expect(found.inputs?.message).toBe('copy is the label, but for noise: is it known before the label is?')
    }
  })

  it('the label of a number is found in its own unit; what tells it in another warns, and fails where it was asked for', async () => {
    const numbers = table({ task: 'regression', truth: row => row.x as number, noise: () => 1 })
    const same = withInput(numbers, 'copy', 'float', (label, i) => label * (1 + 0.002 * noise(i)))
    expect((await leaks(same, false)).inputs).toMatchObject({ status: 'fail', target: { columns: ['copy'] } })
    const scaled = withInput(numbers, 'cents', 'float', label => 100 * label + 3)
    expect((await leaks(scaled, false)).inputs).toMatchObject({ status: 'warn', target: { columns: ['cents'] } })
    const found = await leaks(scaled, true)
    expect(found.inputs).toMatchObject({ status: 'fail' })
    expect(found.inputs?.message).toMatch(
      /^cents alone predicts the label with R² 1\.0000: is it known before the label is\?$/,
    )
  })

  it('classes are found by number and by name', async () => {
    const shares: Truth = row => [
      sigmoid(row.x as number),
      (1 - sigmoid(row.x as number)) / 2,
      (1 - sigmoid(row.x as number)) / 2,
    ]
    const of = table({ task: 'multiclass', classes: ['a', 'b', 'c'], truth: shares })
    expect((await leaks(of, true)).inputs).toMatchObject({ status: 'pass' })
    for (const [type, value] of [
      ['float', (label: number) => 10 * label],
      ['text', (label: number) => `class ${label}`],
    ] as const)
      expect((await leaks(withInput(of, 'copy', type, value), false)).inputs).toMatchObject({ status: 'fail' })
  })

  it('an input that tells too much by itself is judged by the power that is allowed, and those that may do so are named', async () => {
    const sharp = table({ truth: row => ((row.x as number) > 0 ? 1 : 0) })
    const found = await leaks(sharp, true)
    expect(found.inputs).toMatchObject({ status: 'fail', target: { columns: ['x'] } })
    expect(found.inputs?.observed.x as number).toBeGreaterThan(0.98)
    expect((await leaks(sharp, false)).inputs).toMatchObject({ status: 'warn' })
    expect((await leaks(sharp, true, { except: ['x'] })).inputs).toMatchObject({ status: 'pass' })
    expect((await leaks(sharp, true, { maxPower: 1 })).inputs).toMatchObject({ status: 'pass' })
    expect((await leaks(table(), true, { maxPower: 0.7 })).inputs).toMatchObject({ status: 'fail' })
    const sine = table({ truth: row => (Math.sin(6 * (row.x as number)) > 0 ? 0.999 : 0.001), train: 4_000 })
    expect((await leaks(sine, true, { maxPower: 0.9 })).inputs, 'ups and downs').toMatchObject({ status: 'fail' })
  })

  it('the column that the label is made of is one, whatever the label makes of it', async () => {
    const column = (name: string) => ({ op: 'column', name, type: 'float', nullable: false }) as never
    const label = {
      op: 'call',
      fn: 'gt',
      args: [column('x'), { op: 'literal', value: 3, type: 'int' }],
      type: 'bool',
    } as never
    const model = {
      name: 'm',
      task: 'binary',
      tests: [],
      label,
      inputs: [
        { name: 'x', node: column('x') },
        { name: 'y', node: column('y') },
      ],
    }
    const found = await leaks(table(), false, {}, { model: model as never })
    expect(found.inputs).toMatchObject({ status: 'fail', target: { columns: ['x'] } })
    expect(found.inputs?.message).toContain('x is the column that the label is made of')
  })

  it('numbers and names of rows are told, and fail where it was asked for', async () => {
    for (const [type, value] of [
      ['float', (_: number, i: number) => i],
      ['float', (_: number, i: number) => ((i * 7919) % 1_000) + 5_000],
      ['text', (_: number, i: number) => `order-${i}`],
    ] as const) {
      const of = withInput(table(), 'id', type, value)
      expect((await leaks(of, false)).identifiers).toMatchObject({ status: 'warn', target: { columns: ['id'] } })
      expect((await leaks(of, true)).identifiers).toMatchObject({ status: 'fail' })
      expect((await leaks(of, true, { except: ['id'] })).identifiers).toMatchObject({ status: 'pass' })
    }
    const price = withInput(table(), 'price', 'float', (_, i) => Math.round(1e5 * Math.abs(noise(i + 1))) / 100)
    expect((await leaks(price, true)).identifiers).toMatchObject({ status: 'pass' })
  })

  it.each<[string, number]>([
    ['exactly', 0],
    ['but for a little noise', 1e-3],
  ])('rows of the training part among the test rows are found, %s', async (_, by) => {
    const of = table()
    const copied = 60
    const twins = frameRows(
      of.train,
      Int32Array.from({ length: copied }, (_, i) => i * 3),
    )
    const test = frameRows(
      of.test,
      Int32Array.from({ length: of.test.rows }, (_, i) => i),
    )
    twins.inputs.forEach((column, i) => {
      const moved = (column as Float32Array).map((value, row) => value + by * noise(row + i))
      ;(test.inputs[i] as Float32Array).set(moved, 0)
    })
    test.labels.set(twins.labels, 0)
    const found = await leaks({ ...of, test }, true)
    expect(found.rows).toMatchObject({ status: 'fail', evaluated: 600 })
    expect(found.rows?.bad as number).toBeGreaterThan(55)
    expect(found.rows?.bad as number).toBeLessThan(66)
    expect((found.rows?.sample ?? []).length).toBeGreaterThan(0)
    expect((await leaks({ ...of, test }, false)).rows).toMatchObject({ status: 'warn' })
    expect((await leaks({ ...of, test }, true, { maxShared: 0.12 })).rows).toMatchObject({ status: 'pass' })
  })

  it('rows that chance makes equal are none', async () => {
    const whole: Draw = random => ({ x: random.below(6), y: random.below(4) })
    const few = table({ drawRow: whole, truth: row => sigmoid((row.x as number) - 3), train: 3_000 })
    expect((await leaks(few, true)).rows).toMatchObject({ status: 'pass' })
    // values that tell rows apart, but of which there are only some thousands, and labels that follow them
    const rounded: Draw = random => ({ x: Math.round(1_000 * random.normal()) / 1_000, y: random.below(2) })
    for (let seed = 1; seed <= 10; seed++) {
      const own = tableOf(seed, {
        task: 'count',
        inputs,
        truth: row => Math.exp(0.5 * (row.x as number)),
        drawRow: rounded,
        train: 2_000,
        test: 900,
      })
      expect((await leaks(own, true)).rows, String(seed)).toMatchObject({ status: 'pass' })
    }
    const half: Draw = random => ({ x: random.next() < 0.6 ? Number.NaN : random.normal(), y: random.below(3) })
    const missing = table({ drawRow: half, truth: row => (Number.isNaN(row.x) ? 0.3 : truth(row)), train: 3_000 })
    expect((await leaks(missing, true)).rows).toMatchObject({ status: 'pass' })
  })

  it('of whole numbers alone rows are found, too, where these tell rows apart', async () => {
    const five = ['a', 'b', 'c', 'd', 'e'].map(name => ({ name, type: 'float' as const }))
    const of = tableOf(8, {
      task: 'binary',
      inputs: five,
      truth: row => sigmoid((row.a as number) / 20 - 1),
      train: 1_000,
      test: 600,
      drawRow: random => Object.fromEntries(five.map(({ name }) => [name, random.below(40)])),
    })
    expect((await leaks(of, true)).rows).toMatchObject({ status: 'pass' })
    const test = frameRows(
      of.test,
      Int32Array.from({ length: 600 }, (_, i) => i),
    )
    const twins = frameRows(
      of.train,
      Int32Array.from({ length: 50 }, (_, i) => i * 5),
    )
    twins.inputs.forEach((column, i) => (test.inputs[i] as Float32Array).set(column as Float32Array, 0))
    test.labels.set(twins.labels, 0)
    expect((await leaks({ ...of, test }, true)).rows).toMatchObject({ status: 'fail' })
  })

  it('what is too good to be true is told; perfect, it fails where it was asked for', async () => {
    const exclusive = table({ truth: row => ((row.x as number) > 0 === (row.y as number) > 0 ? 1 : 0) })
    expect((await leaks(exclusive, false)).quality).toMatchObject({ status: 'warn' })
    const found = await leaks(exclusive, true)
    expect(found.quality).toMatchObject({ status: 'fail' })
    expect(found.inputs, 'neither tells it alone').toMatchObject({ status: 'pass' })
  })

  it('without training rows nothing was judged, and asked for that is no pass', async () => {
    const { train: _, ...rest } = table()
    const bare = { ...rest, train: undefined } as unknown as Table
    expect(await leaks(bare, false)).toEqual({})
    expect(await leaks(bare, true)).toMatchObject({
      leak: { status: 'warn', message: 'not judged: the training rows are not there' },
    })
  })
})
