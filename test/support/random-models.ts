import type { Model } from '../../src/define/model.ts'
import { modelTests, type ModelTest, type ModelTestBuilder } from '../../src/define/model-test/index.ts'
import type { CheckResult } from '../../src/define/report.ts'
import { seeded, type SeededRandom } from '../../src/math/random/seeded.ts'
import type { Task } from '../../src/math/task.ts'
import type { InferenceBatch } from '../../src/ports/inference-runtime.ts'
import type { FrameRows, Subject } from '../../src/stages/evaluate/subject.ts'
import { runSuite, type SuiteInput } from '../../src/stages/evaluate/suite.ts'
import { fit, score } from '../../src/adapters/trainer/own/fit.ts'
import { manualClock } from '../../src/testing/manual-clock.ts'

// Tables whose truth is known, and models of them: right ones by construction or by training, for how often a test is wrong
// about a good model, and what it finds in a bad one.

export type Row = Readonly<Record<string, number | string>>
/** What is true of a row: a probability, the probabilities of classes, a mean, a quantile, a rate. */
export type Truth = (row: Row) => number | readonly number[]

export interface Table {
  readonly task: Task
  readonly inputs: readonly { readonly name: string; readonly type: 'float' | 'bool' | 'text' }[]
  readonly truth: Truth
  readonly noise: (row: Row) => number
  readonly classes: readonly string[]
  readonly level: number
  readonly train: FrameRows
  readonly test: FrameRows
}

export interface TableOptions {
  readonly task: Task
  readonly inputs: Table['inputs']
  readonly drawRow: (random: SeededRandom, i: number) => Row
  readonly truth: Truth
  readonly train?: number
  readonly test?: number
  readonly classes?: readonly string[]
  readonly level?: number
  /** Deviation of a number around its truth. */
  readonly noise?: (row: Row) => number
  readonly slices?: Readonly<Record<string, (row: Row) => number | string | boolean>>
}

function poisson(random: SeededRandom, rate: number): number {
  let [k, p] = [0, Math.exp(-Math.min(rate, 500))]
  let u = random.next()
  while (u > p && k < 2_000) {
    u -= p
    k++
    p *= rate / k
  }
  return k
}

function labelOf(random: SeededRandom, options: TableOptions, row: Row): number {
  const truth = options.truth(row)
  switch (options.task) {
    case 'binary':
      return random.next() < (truth as number) ? 1 : 0
    case 'multiclass': {
      let u = random.next()
      const shares = truth as readonly number[]
      for (const [k, share] of shares.entries()) {
        u -= share
        if (u < 0) return k
      }
      return shares.length - 1
    }
    case 'count':
      return poisson(random, truth as number)
    default:
      return (truth as number) + (options.noise?.(row) ?? 1) * random.normal()
  }
}

export function tableOf(seed: number, options: TableOptions): Table {
  const random = seeded(seed)
  const part = (rows: number): FrameRows => {
    const drawn = Array.from({ length: rows }, (_, i) => options.drawRow(random, i))
    return {
      rows,
      at: Float64Array.from({ length: rows }, (_, i) => i),
      labels: Float32Array.from(drawn, row => labelOf(random, options, row)),
      inputs: options.inputs.map(({ name, type }) =>
        type === 'text' ? drawn.map(row => row[name] as string) : Float32Array.from(drawn, row => row[name] as number),
      ),
      slices: new Map(
        Object.entries(options.slices ?? {}).map(([name, of]) => {
          const values = drawn.map(of)
          return [
            name,
            typeof values[0] === 'boolean'
              ? Uint8Array.from(values, Number)
              : typeof values[0] === 'number'
                ? Float32Array.from(values as number[])
                : (values as string[]),
          ]
        }),
      ),
    }
  }
  const train = part(options.train ?? 4_000)
  return {
    task: options.task,
    inputs: options.inputs,
    truth: options.truth,
    noise: options.noise ?? (() => 1),
    classes: options.classes ?? [],
    level: options.level ?? 0.5,
    train,
    test: part(options.test ?? 2_000),
  }
}

/** A model that is a function of the row, as the runtime would run it. */
export function formulaOf(table: Pick<Table, 'inputs' | 'classes'>, of: Truth): Subject {
  const numbers = table.inputs.filter(input => input.type !== 'text')
  const texts = table.inputs.filter(input => input.type === 'text')
  const outputs = Math.max(1, table.classes.length)
  return {
    inputs: table.inputs.map(input =>
      input.type === 'text' ? { name: input.name, kind: 'text', categories: [] } : { name: input.name, kind: 'number' },
    ),
    loaded: {
      width: numbers.length,
      categoryWidth: texts.length,
      wide: false,
      outputs,
      run: async ({ rows, features, categories }: InferenceBatch) => {
        const scores = new Float32Array(rows * outputs)
        for (let i = 0; i < rows; i++) {
          const row: Record<string, number | string> = {}
          numbers.forEach((input, k) => {
            row[input.name] = features[i * numbers.length + k] as number
          })
          texts.forEach((input, k) => {
            row[input.name] = categories?.[i * texts.length + k] as string
          })
          const made = of(row)
          scores.set(typeof made === 'number' ? [made] : made, i * outputs)
        }
        return { scores }
      },
      close: async () => undefined,
    },
  }
}

/** A model that Millrace's own trainer made of the training rows. */
export async function trainedOn(table: Table, trainer: Parameters<typeof fit>[0]['trainer']): Promise<Subject> {
  const fitted = await fit(
    { task: table.task, scale: 'standard', trainer, inputs: table.inputs, classes: table.classes },
    table.train,
    undefined,
    () => undefined,
  )
  const texts = fitted.inputs.filter(input => input.kind === 'text').length
  const width = fitted.inputs.length - texts
  return {
    inputs: fitted.inputs,
    loaded: {
      width,
      categoryWidth: texts,
      wide: false,
      outputs: 1,
      run: async ({ rows, features, categories }: InferenceBatch) => {
        let [number, text] = [0, 0]
        const inputs = fitted.inputs.map(input => {
          if (input.kind === 'text') {
            const at = text++
            return Array.from({ length: rows }, (_, i) => categories?.[i * texts + at] as string)
          }
          const at = number++
          return Float32Array.from({ length: rows }, (_, i) => features[i * width + at] as number)
        })
        return { scores: score(fitted, { rows, inputs }) }
      },
      close: async () => undefined,
    },
  }
}

/** The report of a model of a table. */
export async function judgedBy(
  table: Table,
  subject: Subject,
  tests: (m: ModelTestBuilder<string>) => readonly ModelTest[],
  over: Partial<SuiteInput> = {},
): Promise<readonly CheckResult[]> {
  const { task, inputs, train, test, classes, level } = table
  const { report } = await runSuite({
    model: { name: 'm', task, inputs, tests: tests(modelTests<string>('m', { task, inputs })) } as unknown as Model,
    name: 'm',
    subject,
    bytes: 1_000,
    frame: test,
    train,
    classes,
    level,
    seed: 1,
    clock: manualClock(),
    ...over,
  })
  return report.checks
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x))

/** A table of a random shape: inputs of all kinds, some missing, effects that bend, meet and differ by group, hard parts. */
export function randomTable(seed: number, { hard: hasHard = true, texts = true } = {}): Table {
  const random = seeded(seed * 7919 + 13)
  const task = (['binary', 'regression', 'binary', 'multiclass', 'count', 'quantile'] as const)[random.below(6)] as Task
  const d = 2 + random.below(6)
  const shapes = Array.from({ length: d }, (_, i) => {
    const kind =
      i === 0
        ? 'normal'
        : (['normal', 'uniform', 'skewed', 'whole', 'flag', 'text'] as const)[random.below(texts ? 6 : 5)]
    return {
      name: `x${i}`,
      kind,
      missing: random.next() < 0.25 ? 0.3 * random.next() : 0,
      values: 2 + random.below(15),
      share: 0.1 + 0.8 * random.next(),
      scale: 10 ** (random.below(7) - 3),
    }
  })
  const effects = shapes.map(() => ({
    size: random.normal() * (random.next() < 0.3 ? 0 : 1),
    bend: random.next() < 0.4 ? random.normal() * 0.5 : 0,
    byValue: Array.from({ length: 20 }, () => random.normal()),
    missing: random.normal(),
    meets: random.next() < 0.3 ? random.below(d) : -1,
  }))
  const standard = (shape: (typeof shapes)[number], value: number | string): number => {
    if (value === '' || Number.isNaN(value)) return Number.NaN
    if (shape.kind === 'text') return Number(String(value).slice(1))
    if (shape.kind === 'whole') return ((value as number) - shape.values / 2) / shape.values
    return shape.kind === 'flag' ? (value as number) : (value as number) / shape.scale
  }
  const signal = 0.3 + 1.2 * random.next()
  const hard = !hasHard ? -1 : shapes.findIndex(shape => shape.kind === 'flag' || shape.kind === 'text')
  const dims = task === 'multiclass' ? 3 + random.below(3) : 1
  const turns = Array.from({ length: dims }, () => shapes.map(() => random.normal()))
  const raw = (row: Row, k: number): number => {
    let sum = 0
    shapes.forEach((shape, i) => {
      const effect = effects[i] as (typeof effects)[number]
      const value = standard(shape, row[shape.name] as number | string)
      const turn = dims === 1 ? 1 : ((turns[k] as number[])[i] as number)
      if (Number.isNaN(value)) sum += turn * effect.missing
      else if (shape.kind === 'text') sum += turn * (effect.byValue[value % 20] as number)
      else sum += turn * (effect.size * Math.tanh(value) + effect.bend * Math.min(4, value * value))
      const other = shapes[effect.meets]
      if (!other || Number.isNaN(value) || shape.kind === 'text') return
      const met = standard(other, row[other.name] as number | string)
      if (!Number.isNaN(met) && other.kind !== 'text') sum += 0.4 * turn * Math.tanh(value) * Math.tanh(met)
    })
    return sum
  }
  /** Where the flag or the first text holds, hardly anything can be told. */
  const damped = (row: Row): number => {
    const shape = shapes[hard]
    if (!shape) return signal
    const value = standard(shape, row[shape.name] as number | string)
    return value === 1 ? signal * 0.25 : signal
  }
  const base = random.normal() * 0.8
  const truth: Truth = row => {
    if (task === 'multiclass') {
      const all = turns.map((_, k) => Math.exp(damped(row) * raw(row, k)))
      const sum = all.reduce((a, b) => a + b, 0)
      return all.map(one => one / sum)
    }
    const value = base + damped(row) * raw(row, 0)
    if (task === 'binary') return sigmoid(value)
    if (task === 'count') return Math.exp(Math.min(4, value))
    return value
  }
  const deviation = (row: Row): number => 0.3 + 0.7 * sigmoid(raw(row, 0))
  return tableOf(seed, {
    task,
    level: 0.9,
    classes: task === 'multiclass' ? turns.map((_, k) => `c${k}`) : [],
    inputs: shapes.map(shape => ({
      name: shape.name,
      type: shape.kind === 'text' ? 'text' : shape.kind === 'flag' ? 'bool' : 'float',
    })),
    drawRow: source =>
      Object.fromEntries(
        shapes.map(shape => {
          if (source.next() < shape.missing) return [shape.name, shape.kind === 'text' ? '' : Number.NaN]
          switch (shape.kind) {
            case 'text':
              return [shape.name, `v${Math.floor(shape.values * source.next() ** 1.5)}`]
            case 'flag':
              return [shape.name, source.next() < shape.share ? 1 : 0]
            case 'whole':
              return [shape.name, source.below(shape.values)]
            case 'uniform':
              return [shape.name, Math.fround(shape.scale * (2 * source.next() - 1))]
            case 'skewed':
              return [shape.name, Math.fround(shape.scale * Math.exp(source.normal()))]
            default:
              return [shape.name, Math.fround(shape.scale * source.normal())]
          }
        }),
      ),
    truth,
    noise: deviation,
    train: 800 + random.below(5_000),
    test: 300 + random.below(4_000),
  })
}

const z90 = 1.2815515655446004

/** What a model that knows the truth of a random table answers: of a quantile the value that nine of ten stay below. */
export function rightModel(table: Table): Subject {
  return formulaOf(table, row => {
    const value = table.truth(row)
    return table.task === 'quantile' ? (value as number) + z90 * table.noise(row) : value
  })
}
