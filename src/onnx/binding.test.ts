import { describe, expect, test } from 'vitest'
import {
  assumedBinding,
  type BindingRequest,
  checkBinding,
  defaultBinding,
  graph,
  type GraphBuilder,
  type ModelBinding,
  readModel,
  type RowInput,
  signatureOf,
  writeModel,
} from './index.ts'

const inputs: readonly RowInput[] = [
  { name: 'km', type: 'float' },
  { name: 'stops', type: 'int' },
  { name: 'zone', type: 'text' },
]
const numbers = inputs.slice(0, 2)

/** A graph whose outputs need not follow from its inputs: signatures look at what is declared and at the last nodes. */
function signature(make: (builder: GraphBuilder) => void): ReturnType<typeof signatureOf> {
  const builder = graph('some')
  make(builder)
  return signatureOf(readModel(writeModel(builder.build(), {}, '', 'elsewhere')))
}

const score = (builder: GraphBuilder): GraphBuilder => builder.output('variable', 'float', ['N', 1])

const refusal = (make: (builder: GraphBuilder) => void, request: Partial<BindingRequest> = {}): string => {
  try {
    defaultBinding(signature(make), { inputs, task: 'regression', ...request })
    return 'bound'
  } catch (error) {
    expect(error).toMatchObject({ code: 'MR4012' })
    return (error as Error).message
  }
}

test('a signature says what each input and output is', () => {
  const found = signature(builder => {
    builder.input('x', 'double', [8, 1, 3])
    builder.input('zone', 'string', ['N'])
    builder.input('any', 'int32', [undefined, undefined])
    builder.input('weight', 'float', [3])
    builder.constant('weight', 'float', [3], [1, 2, 3])
    builder.node('ml.TreeEnsembleClassifier', ['x'], ['raw', 'chances'], {
      classlabels_strings: { strings: ['no', 'yes'] },
    })
    builder.node('Cast', ['raw'], 'label', { to: { int: 8 } })
    builder.output('label', 'string', [1]).output('chances', 'float', ['N', 2])
  })
  expect(found).toEqual({
    own: false,
    inputs: [
      { name: 'x', kind: 'tensor', type: 'float64', shape: [8, 1, 3], rows: 8, width: 3 },
      { name: 'zone', kind: 'tensor', type: 'string', shape: ['N'], width: 1 },
      { name: 'any', kind: 'tensor', type: 'int32', shape: [null, null] },
    ],
    outputs: [
      { name: 'label', form: 'tensor', type: 'string', label: true, width: 1, classes: ['no', 'yes'] },
      { name: 'chances', form: 'tensor', type: 'float32', label: false, width: 2 },
    ],
  })
})

test('classes are found behind what is between them and the label', () => {
  const classes = (make: (builder: GraphBuilder) => void): unknown =>
    signature(builder => {
      builder.input('x', 'float', ['N', 2])
      make(builder)
      builder.output('label', 'int64', ['N'])
    }).outputs[0]?.classes
  const table = { keys_int64s: { ints: [1, 0] }, values_strings: { strings: ['b', 'a'] } }
  expect(
    classes(builder => {
      builder.node('ArgMax', ['x'], 'place')
      builder.node('ml.LabelEncoder', ['place'], 'label', table)
    }),
  ).toEqual(['a', 'b'])
  expect(
    classes(builder => {
      builder.node('ArgMax', ['x'], 'place')
      builder.node('ml.ArrayFeatureExtractor', [builder.constant('classes', 'int64', [3], [7, 8, 9]), 'place'], 'one')
      builder.node('Cast', ['one'], 'label', { to: { int: 7 } })
    }),
  ).toEqual([7, 8, 9])
  expect(
    classes(builder => {
      builder.node('ml.SVMClassifier', ['x'], ['place', 'p'], { classlabels_ints: { ints: [0, 1] } })
      builder.node('ml.LabelEncoder', ['place'], 'label', table)
    }),
  ).toEqual(['a', 'b'])
  expect(classes(builder => void builder.node('ArgMax', ['x'], 'label'))).toBeUndefined()
})

describe('inputs that can be meant in one way are bound', () => {
  const feeds = (make: (builder: GraphBuilder) => void, request: Partial<BindingRequest> = {}): unknown =>
    defaultBinding(
      signature(builder => (make(builder), score(builder))),
      { inputs, task: 'regression', ...request },
    ).feeds

  test.each<[string, (builder: GraphBuilder) => void, unknown]>([
    [
      'a tensor of numbers and one of texts',
      b => (b.input('t', 'string', ['N', 1]), b.input('x', 'float', ['N', 2])),
      [
        { input: 't', of: ['zone'] },
        { input: 'x', of: ['km', 'stops'] },
      ],
    ],
    [
      'by name in any order',
      b => (b.input('zone', 'string', ['N', 1]), b.input('stops', 'int64', ['N', 1]), b.input('KM', 'float', ['N', 1])),
      [
        { input: 'zone', of: ['zone'] },
        { input: 'stops', of: ['stops'] },
        { input: 'KM', of: ['km'] },
      ],
    ],
    [
      'by name, and the rest in one tensor',
      b => (
        b.input('stops', 'int64', ['N', 1]), b.input('x', 'float', ['N', 1]), b.input('c', 'string', [null as never])
      ),
      [
        { input: 'stops', of: ['stops'] },
        { input: 'x', of: ['km'] },
        { input: 'c', of: ['zone'] },
      ],
    ],
  ])('%s', (_, make, wanted) => expect(feeds(make)).toEqual(wanted))

  test('what is named is taken so, the rest by itself', () => {
    const make = (b: GraphBuilder): unknown => (b.input('x', 'float', ['N', 1]), b.input('y', 'float', ['N', 1]))
    expect(feeds(make, { inputs: numbers, feeds: { y: 'km' } })).toEqual([
      { input: 'x', of: ['stops'] },
      { input: 'y', of: ['km'] },
    ])
  })
})

test.each<[RegExp, (builder: GraphBuilder) => void, Partial<BindingRequest>?]>([
  [
    /the graph takes "x" \(3 float32\), and there is km \(float\), stops \(int\), zone \(text\)/,
    b => (b.input('x', 'float', ['N', 3]), score(b)),
  ],
  [
    /takes "x" \(2 float32\), "y" \(2 float32\)/,
    b => (b.input('x', 'float', ['N', 2]), b.input('y', 'float', ['N', 2]), score(b)),
    { inputs: [...numbers, { name: 'u', type: 'float' }, { name: 'v', type: 'float' }] },
  ],
  [
    /nothing in the graph takes "zone"/,
    b => (b.input('km', 'float', ['N']), b.input('stops', 'float', ['N']), score(b)),
  ],
  [
    /the graph takes "zone" \(1 string\), and there is nothing more/,
    b => (b.input('km', 'float', ['N']), b.input('stops', 'float', ['N']), b.input('zone', 'string', ['N']), score(b)),
    { inputs: numbers },
  ],
  [
    /"x" takes 2 values a row and is given 1: km/,
    b => (b.input('x', 'float', ['N', 2]), score(b)),
    { inputs: numbers.slice(0, 1), feeds: { x: 'km' } },
  ],
  [
    /"x" is fed "miles", which is no input/,
    b => (b.input('x', 'float', ['N', 1]), score(b)),
    { inputs: numbers.slice(0, 0), feeds: { x: 'miles' } },
  ],
  [
    /it has no input "y", only "x"/,
    b => (b.input('x', 'float', ['N', 1]), score(b)),
    { inputs: numbers, feeds: { y: 'km', x: 'stops' } },
  ],
  [
    /"x" takes float32, "zone" is text/,
    b => (b.input('x', 'float', ['N', 1]), score(b)),
    { inputs: inputs.slice(2), feeds: { x: 'zone' } },
  ],
  [
    /"x" is one value for all rows/,
    b => (b.input('x', 'float', []), score(b)),
    { inputs: numbers, feeds: { x: ['km', 'stops'] } },
  ],
  [
    /"x" takes 4 rows and "zone" any number of rows/,
    b => (b.input('x', 'float', [4, 2]), b.input('zone', 'string', ['N', 1]), score(b)),
  ],
  [/none of its outputs can be read as a score: none/, b => void b.input('x', 'float', ['N', 2]), { inputs: numbers }],
  [
    /gives 3 float32 a row, a regression model gives one/,
    b => (b.input('x', 'float', ['N', 2]), b.output('y', 'float', ['N', 3])),
    { inputs: numbers },
  ],
  [
    /say which one holds the scores/,
    b => (b.input('x', 'float', ['N', 2]), score(b), b.output('y', 'float', ['N', 1])),
    { inputs: numbers },
  ],
  [
    /"nope" is none that can be read/,
    b => (b.input('x', 'float', ['N', 2]), score(b)),
    { inputs: numbers, output: 'nope' },
  ],
  [
    /gives 3 columns, a binary model gives 1 or 2/,
    b => (b.input('x', 'float', ['N', 2]), b.output('p', 'float', ['N', 3])),
    { inputs: numbers, task: 'binary' },
  ],
  [
    /gives 3 columns, the classes are 2: "a", "b"/,
    b => (b.input('x', 'float', ['N', 2]), b.output('p', 'float', ['N', 3])),
    { inputs: numbers, task: 'multiclass', classes: ['a', 'b'] },
  ],
])('%s', (message, make, request) => expect(refusal(make, request)).toMatch(message))

test.each<[RegExp, object, (builder: GraphBuilder) => void]>([
  [
    /holds margins, no probabilities: a LinearClassifier gives it without a link/,
    { classes: [0, 1] },
    b => void b.node('ml.LinearClassifier', ['x'], ['label', 'p'], { classlabels_ints: { ints: [0, 1] } }),
  ],
  [
    /an SVMClassifier gives it without probabilities/,
    {},
    b => void b.node('ml.SVMClassifier', ['x'], ['label', 'p'], { classlabels_ints: { ints: [0, 1] } }),
  ],
  [/LogSoftmax makes logarithms/, {}, b => (b.node('LogSoftmax', ['x'], 'p'), b.node('ArgMax', ['p'], 'label'))],
  [
    /its classes are "no", "yes": say which of them is the positive one/,
    {},
    b =>
      void b.node('ml.TreeEnsembleClassifier', ['x'], ['label', 'p'], {
        classlabels_strings: { strings: ['no', 'yes'] },
      }),
  ],
  [
    /its classes are "no", "yes", and "maybe" is none of them/,
    { classes: ['no', 'maybe'] },
    b =>
      void b.node('ml.TreeEnsembleClassifier', ['x'], ['label', 'p'], {
        classlabels_strings: { strings: ['no', 'yes'] },
      }),
  ],
])('%s', (message, request, make) => {
  const classifier = (b: GraphBuilder): void => {
    b.input('x', 'float', ['N', 2])
    make(b)
    b.output('label', 'int64', ['N']).output('p', 'float', ['N', 2])
  }
  expect(refusal(classifier, { inputs: numbers, task: 'binary', ...request })).toMatch(message)
})

test('two columns of which nothing tells the classes are the negative and the positive one', () => {
  const found = signature(b => (b.input('x', 'float', ['N', 2]), b.output('p', 'float', ['N', 2])))
  expect(defaultBinding(found, { inputs: numbers, task: 'binary' }).scores).toEqual({
    output: 'p',
    form: 'tensor',
    width: 2,
    columns: [1],
  })
})

test('one column of two classes is the probability of the second, and of no other', () => {
  const found = signature(b => {
    b.input('x', 'float', ['N', 2])
    b.node('ml.TreeEnsembleClassifier', ['x'], ['label', 'p'], { classlabels_strings: { strings: ['no', 'yes'] } })
    b.output('label', 'string', ['N']).output('p', 'float', ['N', 1])
  })
  const read = (classes: BindingRequest['classes']) =>
    defaultBinding(found, { inputs: numbers, task: 'binary', classes, file: 'a.onnx' }).scores
  const scores = { output: 'p', form: 'tensor', width: 1, columns: [0] }
  expect(read(['no', 'yes'])).toEqual(scores)
  expect(read(undefined)).toEqual(scores)
  // the positive class is the first of the graph, or none of it
  for (const classes of [
    ['yes', 'no'],
    ['yes', 'maybe'],
  ])
    expect(() => read(classes)).toThrow(`its output "p" is the probability of "yes", not of "${classes[1]}"`)
})

test('truth values are the classes 0 and 1 of a graph', () => {
  const found = signature(b => {
    b.input('x', 'float', ['N', 2])
    b.node('ml.TreeEnsembleClassifier', ['x'], ['label', 'p'], { classlabels_int64s: { ints: [1, 0] } })
    b.output('label', 'int64', ['N']).output('p', 'float', ['N', 2])
  })
  const columns = (classes: BindingRequest['classes']): unknown =>
    defaultBinding(found, { inputs: numbers, task: 'binary', classes }).scores.columns
  expect(columns([false, true])).toEqual([0])
  expect(columns(['true', 'false'])).toEqual([1])
  expect(columns(undefined)).toEqual([0])
})

test('a binding of another graph or form is refused', () => {
  const found = signature(b => (b.input('x', 'float', ['N', 2]), score(b)))
  const good = defaultBinding(found, { inputs: numbers, task: 'regression' })
  expect(() => checkBinding(found, good)).not.toThrow()
  for (const [message, change] of [
    [/unknown form 2/, { version: 2 }],
    [/its input "x" is fed by nothing/, { feeds: [] }],
    [/feeds an input twice/, { feeds: [...good.feeds, ...good.feeds] }],
    [/no output "y"/, { scores: { ...good.scores, output: 'y' } }],
    [/not read as maps/, { scores: { ...good.scores, form: 'maps' } }],
    [/column 1 of its output "variable" is not one of 1/, { scores: { ...good.scores, columns: [1] } }],
  ] as const) {
    expect(() => checkBinding(found, { ...good, ...change } as ModelBinding)).toThrow(message)
  }
  expect(() => assumedBinding(signature(b => (b.input('x', 'float', ['N', null as never]), score(b))))).toThrow(
    /the width of its input "x" is not fixed/,
  )
})
