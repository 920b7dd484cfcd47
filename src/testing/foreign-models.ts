import { type GraphBuilder, graph, type RowInput, writeModel } from '../onnx/index.ts'
import type { BindingRequest } from '../onnx/index.ts'
import type { InferenceBatch } from '../ports/inference-runtime.ts'

/**
 * Graphs in the forms that other exporters give their models: one rule, `logistic(1.5·a − 2·b + 0.25·c + 0.5)`, taken in and
 * given out in every way. What a row must score is plain arithmetic.
 */
export interface ForeignModel {
  readonly name: string
  readonly bytes: Uint8Array
  readonly request: BindingRequest
  /** What the model's inputs are, so that values are made for them. */
  readonly score: (values: Row) => readonly number[]
}

export type Row = Readonly<Record<string, number | string>>

const weights = [1.5, -2, 0.25] as const
const bias = 0.5
const abc: readonly RowInput[] = ['a', 'b', 'c'].map(name => ({ name, type: 'float' }))
const zones = ['north', 'south', 'east']
const logistic = (x: number): number => 1 / (1 + Math.exp(-x))

const margin = ({ a, b, c }: Row): number =>
  weights[0] * Number(a) + weights[1] * Number(b) + weights[2] * Number(c) + bias
const positive = (row: Row): readonly number[] => [logistic(margin(row))]

/** Columns a, b and c as float [N, 3], however they came in. */
type TakeIn = (builder: GraphBuilder) => string
/** From probabilities [N, 2] and labels to outputs. */
type GiveOut = (builder: GraphBuilder, label: string, probabilities: string) => void

const oneTensor: TakeIn = builder => builder.input('float_input', 'float', [undefined, 3])
const usualOutputs: GiveOut = (builder, label, probabilities) => {
  builder.node('Identity', [label], 'output_label')
  builder.node('Identity', [probabilities], 'probabilities')
  builder.output('output_label', 'int64', [undefined]).output('probabilities', 'float', [undefined, 2])
}

const twoClasses = { classlabels_ints: { ints: [0, 1] } } as const

function classifier(takeIn: TakeIn, giveOut: GiveOut, labels: object = twoClasses): Uint8Array {
  const builder = graph('foreign')
  const x = takeIn(builder)
  builder.node('ml.LinearClassifier', [x], ['decided', 'chances'], {
    coefficients: { floats: [...weights.map(weight => -weight), ...weights] },
    intercepts: { floats: [-bias, bias] },
    post_transform: { string: 'LOGISTIC' },
    ...labels,
  })
  giveOut(builder, 'decided', 'chances')
  return writeModel(builder.build(), {}, '', 'elsewhere')
}

const binary = { inputs: abc, task: 'binary' } as const
const asFloat = (builder: GraphBuilder, value: string): string =>
  builder.node('Cast', [value], `${value}_float`, { to: { int: 1 } })
const joined = (builder: GraphBuilder, parts: readonly string[]): string =>
  builder.node('Concat', parts, 'x', { axis: { int: 1 } })

/** What a graph may take. */
const takings: readonly (readonly [string, TakeIn, Partial<BindingRequest>?, ForeignModel['score']?])[] = [
  ['one tensor of float', oneTensor],
  ['one tensor of double', builder => asFloat(builder, builder.input('X', 'double', ['batch', 3]))],
  ['one tensor of int64', builder => asFloat(builder, builder.input('X', 'int64', ['batch', 3]))],
  ['one tensor of int32', builder => asFloat(builder, builder.input('X', 'int32', ['batch', 3]))],
  ['a tensor of open width', builder => builder.input('X', 'float', [undefined, undefined])],
  ['a tensor of exactly four rows', builder => builder.input('X', 'float', [4, 3])],
  ['a tensor of one row', builder => builder.input('X', 'float', [1, 3])],
  [
    'a tensor of three dimensions',
    builder => {
      const shape = builder.constant('shape', 'int64', [2], [-1, 3])
      return builder.node('Reshape', [builder.input('X', 'float', ['N', 1, 3]), shape], 'flat')
    },
  ],
  [
    'one tensor an input, of several types and in another order',
    builder => {
      const c = asFloat(builder, builder.input('c', 'bool', [undefined, 1]))
      const b = asFloat(builder, builder.input('b', 'int64', [undefined, 1]))
      return joined(builder, [builder.input('a', 'float', [undefined, 1]), b, c])
    },
    {
      inputs: [
        { name: 'a', type: 'float' },
        { name: 'b', type: 'int' },
        { name: 'c', type: 'bool' },
      ],
    },
  ],
  [
    'a fixed batch with a truth value',
    builder => {
      const c = asFloat(builder, builder.input('c', 'bool', [4, 1]))
      return joined(builder, [builder.input('ab', 'float', [4, 2]), c])
    },
    { inputs: [...abc.slice(0, 2), { name: 'c', type: 'bool' }] },
  ],
  [
    'one list an input',
    builder => {
      const axis = builder.constant('axis', 'int64', [1], [1])
      const column = (name: string): string =>
        builder.node('Unsqueeze', [builder.input(name, 'float', ['N']), axis], `${name}_column`)
      return joined(builder, [column('b'), column('a'), column('c')].toSorted())
    },
  ],
  [
    'two tensors that are named',
    builder => joined(builder, [builder.input('left', 'float', ['N', 2]), builder.input('right', 'float', ['N', 1])]),
    { feeds: { left: ['a', 'b'], right: 'c' } },
  ],
  [
    'numbers and a text',
    builder => {
      const ab = builder.input('float_input', 'float', ['N', 2])
      const zone = builder.node('ml.LabelEncoder', [builder.input('zone_in', 'string', ['N', 1])], 'zone_number', {
        keys_strings: { strings: zones },
        values_floats: { floats: [1, 2, 3] },
        default_float: { float: 0 },
      })
      return joined(builder, [ab, zone])
    },
    { inputs: [abc[0] as RowInput, { name: 'zone', type: 'text' }, abc[1] as RowInput] },
    row => [logistic(margin({ ...row, c: zones.indexOf(String(row.zone)) + 1 }))],
  ],
  [
    'an input with a default',
    builder => {
      const x = builder.input('X', 'float', ['N', 3])
      builder.input('scale', 'float', [1])
      return builder.node('Mul', [x, builder.constant('scale', 'float', [1], [1])], 'scaled')
    },
  ],
]

const zipped =
  (labels: { classlabels_int64s: { ints: number[] } } | { classlabels_strings: { strings: string[] } }): GiveOut =>
  (builder, label, probabilities) => {
    const text = 'classlabels_strings' in labels
    builder.node('Identity', [label], 'output_label')
    builder.node('ml.ZipMap', [probabilities], 'output_probability', labels)
    builder.output('output_label', text ? 'string' : 'int64', [1])
    builder.otherOutput({
      name: 'output_probability',
      kind: 'sequence',
      elementType: 0,
      shape: undefined,
      of: {
        kind: 'map',
        elementType: text ? 8 : 7,
        shape: undefined,
        of: { kind: 'tensor', elementType: 1, shape: undefined },
      },
    })
  }

const column = (builder: GraphBuilder, probabilities: string, at: number, to: string): string =>
  builder.node('Gather', [probabilities, builder.constant(`at_${at}`, 'int64', [1], [at])], to, { axis: { int: 1 } })

/** What a graph may give. */
const givings: readonly (readonly [string, GiveOut, Partial<BindingRequest>?, ForeignModel['score']?, object?])[] = [
  ['a label and two columns', usualOutputs],
  [
    'a label that is said to be one row',
    (builder, label, probabilities) => {
      builder.node('Identity', [label], 'label')
      builder.node('Identity', [probabilities], 'probabilities')
      builder.output('label', 'int64', [1]).output('probabilities', 'float', [undefined, undefined])
    },
  ],
  [
    'one column of double',
    (builder, _, probabilities) => {
      builder.node('Cast', [column(builder, probabilities, 1, 'second')], 'dense', { to: { int: 11 } })
      builder.output('dense', 'double', [undefined, 1])
    },
  ],
  [
    'one list of probabilities',
    (builder, _, probabilities) => {
      const axis = builder.constant('last', 'int64', [1], [1])
      builder.node('Squeeze', [column(builder, probabilities, 1, 'second'), axis], 'p')
      builder.output('p', 'float', ['N'])
    },
  ],
  ['a ZipMap of numbers', zipped({ classlabels_int64s: { ints: [0, 1] } })],
  [
    'a ZipMap of texts, the positive one first',
    zipped({ classlabels_strings: { strings: ['late', 'on time'] } }),
    { classes: ['on time', 'late'] },
    row => [1 - logistic(margin(row))],
    { classlabels_strings: { strings: ['late', 'on time'] } },
  ],
  [
    'a list of tensors',
    (builder, _, probabilities) => {
      const parts = [column(builder, probabilities, 0, 'first'), column(builder, probabilities, 1, 'second')]
      builder.node('SequenceConstruct', parts, 'list')
      builder.otherOutput({
        name: 'list',
        kind: 'sequence',
        elementType: 0,
        shape: undefined,
        of: { kind: 'tensor', elementType: 1, shape: [undefined, 1] },
      })
    },
    { task: 'multiclass', classes: [0, 1] },
    row => [1 - logistic(margin(row)), logistic(margin(row))],
  ],
  [
    'a list of lists',
    (builder, _, probabilities) => {
      const parts = [column(builder, probabilities, 0, 'first'), column(builder, probabilities, 1, 'second')]
      const axis = builder.constant('last', 'int64', [1], [1])
      builder.node(
        'SequenceConstruct',
        parts.map(part => builder.node('Squeeze', [part, axis], `${part}_list`)),
        'list',
      )
      builder.otherOutput({
        name: 'list',
        kind: 'sequence',
        elementType: 0,
        shape: undefined,
        of: { kind: 'tensor', elementType: 1, shape: [undefined] },
      })
    },
    { task: 'multiclass', classes: [0, 1] },
    row => [1 - logistic(margin(row)), logistic(margin(row))],
  ],
  [
    'classes in another order than asked for',
    (builder, label, probabilities) => {
      builder.node('Identity', [label], 'label')
      builder.node('Identity', [probabilities], 'probabilities')
      builder.output('label', 'string', [undefined]).output('probabilities', 'float', [undefined, 2])
    },
    { task: 'multiclass', classes: ['yes', 'no'] },
    row => [logistic(margin(row)), 1 - logistic(margin(row))],
    { classlabels_strings: { strings: ['no', 'yes'] } },
  ],
  [
    'a label alone, of numbers',
    (builder, label) => {
      builder.node('Identity', [label], 'label')
      builder.output('label', 'int64', [undefined])
    },
    {},
    row => [margin(row) > 0 ? 1 : 0],
  ],
  [
    'a label alone, of texts',
    (builder, label) => {
      builder.node('Identity', [label], 'label')
      builder.output('label', 'string', [undefined])
    },
    { task: 'multiclass', classes: ['yes', 'no'] },
    row => (margin(row) > 0 ? [1, 0] : [0, 1]),
    { classlabels_strings: { strings: ['no', 'yes'] } },
  ],
]

function regression(type: 'float' | 'double'): Uint8Array {
  const builder = graph('foreign')
  const x = builder.input('X', 'float', [undefined, 3])
  builder.node('ml.LinearRegressor', [x], 'line', {
    coefficients: { floats: weights },
    intercepts: { floats: [bias] },
    targets: { int: 1 },
  })
  builder.node('Cast', ['line'], 'variable', { to: { int: type === 'float' ? 1 : 11 } })
  builder.output('variable', type, [undefined, 1])
  return writeModel(builder.build(), {}, '', 'elsewhere')
}

export const foreignModels: readonly ForeignModel[] = [
  ...takings.map(([name, takeIn, request = {}, score = positive]) => ({
    name: `takes ${name}`,
    bytes: classifier(takeIn, usualOutputs),
    request: { ...binary, ...request },
    score,
  })),
  ...givings.map(([name, giveOut, request = {}, score = positive, labels = twoClasses]) => ({
    name: `gives ${name}`,
    bytes: classifier(oneTensor, giveOut, labels),
    request: { ...binary, ...request },
    score,
  })),
  ...(['float', 'double'] as const).map(type => ({
    name: `gives a number as ${type}`,
    bytes: regression(type),
    request: { inputs: abc, task: 'regression' } as const,
    score: (row: Row) => [margin(row)],
  })),
]

/** Rows with whole numbers and truth values where the inputs ask for them; always the same. */
export function foreignRows({ request }: ForeignModel, rows: number): Row[] {
  return Array.from({ length: rows }, (_, row) =>
    Object.fromEntries(
      request.inputs.map(({ name, type }, at) => {
        const some = ((row * 7 + at * 5) % 11) - 5
        if (type === 'text') return [name, ['north', 'east', 'nowhere', ''][(row + at) % 4] ?? '']
        return [name, type === 'bool' ? (row + at) % 2 : some]
      }),
    ),
  )
}

/** Rows as a runtime takes them. */
export function batchOfRows({ request }: ForeignModel, rows: readonly Row[], wide: boolean): InferenceBatch {
  const numbers = request.inputs.filter(input => input.type !== 'text')
  const texts = request.inputs.filter(input => input.type === 'text')
  const values = rows.flatMap(row => numbers.map(({ name }) => Number(row[name])))
  return {
    rows: rows.length,
    features: wide ? Float64Array.from(values) : Float32Array.from(values),
    categories: rows.flatMap(row => texts.map(({ name }) => String(row[name]))),
  }
}
