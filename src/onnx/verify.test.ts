import { describe, expect, test } from 'vitest'
import { graph, type GraphBuilder, verdictOf, verifyModel, writeModel } from './index.ts'

// The whole is judged on the official node tests and on damaged files, beside the ONNX checker and ONNX Runtime (`scripts/test-onnx.sh`).
// Here: each kind of fault once, and what is none.

function modelOf(make: (builder: GraphBuilder) => void): Uint8Array {
  const builder = graph('some')
  make(builder)
  return writeModel(builder.build(), {}, '', 'elsewhere')
}

const bad = (make: (builder: GraphBuilder) => void): string[] =>
  verifyModel(modelOf(make))
    .filter(check => check.bad > 0)
    .map(check => `${check.id}: ${check.message}`)

const scores = (b: GraphBuilder): void => void b.output('scores', 'float', ['N', 2])

describe('what is wrong by the schemas of the operators is found', () => {
  test.each<[RegExp, (b: GraphBuilder) => void]>([
    [/onnx.operator: ai.onnx 17 has no operator "Sigmuid"/, b => (b.node('Sigmuid', ['x'], 'scores'), scores(b))],
    [/onnx.operator: ai.onnx.ml 3 has no operator "Sigmoid"/, b => (b.node('ml.Sigmoid', ['x'], 'scores'), scores(b))],
    // TreeEnsemble came with version 5
    // The writer imports the version that brought ml.TreeEnsemble, and no later one of ai.onnx
    [/ai.onnx 17 has no operator "Gelu"/, b => (b.node('Gelu', ['x'], 'scores'), scores(b))],
    [/onnx.operator: Upsample is deprecated/, b => (b.node('Upsample', ['x', 'x'], 'scores'), scores(b))],
    [
      /onnx.operator: Sigmoid "scores" has 2 inputs, 1 belong/,
      b => (b.node('Sigmoid', ['x', 'x'], 'scores'), scores(b)),
    ],
    [
      /onnx.operator: Concat "scores" has 0 inputs/,
      b => (b.node('Concat', [], 'scores', { axis: { int: 1 } }), scores(b)),
    ],
    [/onnx.operator: Add "scores" lacks its input 1/, b => (b.node('Add', ['', 'x'], 'scores'), scores(b))],
    [
      /onnx.attribute: Softmax "scores" has no attribute "axes"/,
      b => (b.node('Softmax', ['x'], 'scores', { axes: { int: 1 } }), scores(b)),
    ],
    [
      /onnx.attribute: attribute "axis" of Softmax "scores" is float, not int/,
      b => (b.node('Softmax', ['x'], 'scores', { axis: { float: 1 } }), scores(b)),
    ],
    [/onnx.attribute: Cast "scores" lacks its attribute "to"/, b => (b.node('Cast', ['x'], 'scores'), scores(b))],
    [
      /onnx.type: Sigmoid "scores" cannot take tensor\(string\)/,
      b => (b.input('t', 'string', ['N']), b.node('Sigmoid', ['t'], 'scores'), scores(b)),
    ],
    [
      /onnx.type: Add "scores" takes tensor\(float\) and tensor\(double\)/,
      b => (b.input('y', 'double', ['N', 2]), b.node('Add', ['x', 'y'], 'scores'), scores(b)),
    ],
    [
      /onnx.type: "scores" is declared tensor\(float\), Cast "scores" gives tensor\(int64\)/,
      b => (b.node('Cast', ['x'], 'scores', { to: { int: 7 } }), scores(b)),
    ],
    [
      /onnx.type: .*Cast "scores" gives element type 33/,
      b => (b.node('Cast', ['x'], 'scores', { to: { int: 33 } }), scores(b)),
    ],
    [
      /onnx.shape: Softmax "scores" has axis 2 over 2 dimensions/,
      b => (b.node('Softmax', ['x'], 'scores', { axis: { int: 2 } }), scores(b)),
    ],
    [
      /onnx.shape: Add "scores" has dimensions that do not fit: 2 and 3/,
      b => (b.node('Add', ['x', b.constant('y', 'float', [3], [1, 2, 3])], 'scores'), scores(b)),
    ],
    [
      /onnx.shape: "scores" is declared with 2 dimensions, ArgMax "a" gives 1|"scores" is declared 2 wide in dimension 1, Concat "scores" gives 4/,
      b => (b.node('Concat', ['x', 'x'], 'scores', { axis: { int: 1 } }), scores(b)),
    ],
    [
      /onnx.declared-type: "scores" has the unknown element type 33/,
      b => (
        b.node('Sigmoid', ['x'], 'scores'),
        b.otherOutput({ name: 'scores', kind: 'tensor', elementType: 33, shape: ['N', 2] })
      ),
    ],
    [
      /onnx.required-field-empty: two nodes are called "scores"/,
      b => (b.node('Sigmoid', ['x'], ['scores']), b.node('Sigmoid', ['x'], ['scores', 'y']), scores(b)),
    ],
  ])('%s', (message, make) => {
    const found = bad(b => (b.input('x', 'float', ['N', 2]), make(b)))
    expect(found.join('\n')).toMatch(message)
    expect(verdictOf(verifyModel(modelOf(b => (b.input('x', 'float', ['N', 2]), make(b))))).valid).toBe(false)
  })
})

describe('what other exporters write is no fault', () => {
  const accepted = (make: (b: GraphBuilder) => void): void =>
    expect(verdictOf(verifyModel(modelOf(make)))).toEqual({ valid: true, servable: true, reasons: [] })

  test('a fixed batch', () =>
    accepted(
      b => (b.input('x', 'float', [4, 2]), b.node('Softmax', ['x'], 'scores'), b.output('scores', 'float', [4, 2])),
    ))
  test('one label row beside many', () =>
    accepted(b => {
      b.input('x', 'float', ['N', 2])
      b.node('ml.TreeEnsembleClassifier', ['x'], ['label', 'scores'], {
        ...Object.fromEntries(
          ['nodes_treeids', 'nodes_nodeids', 'nodes_featureids', 'nodes_truenodeids', 'nodes_falsenodeids'].map(
            name => [name, { ints: [0] }],
          ),
        ),
        nodes_modes: { strings: ['LEAF'] },
        nodes_values: { floats: [0] },
        class_ids: { ints: [0] },
        class_nodeids: { ints: [0] },
        class_treeids: { ints: [0] },
        class_weights: { floats: [1] },
        classlabels_int64s: { ints: [0, 1] },
        // one margin of two classes
        base_values: { floats: [0.5] },
      })
      b.output('label', 'int64', [1]).output('scores', 'float', ['N', 2])
    }))
  test('an optional input that is left out, by nothing or by a name of no letters', () => {
    const clip = (inputs: string[]) => (b: GraphBuilder) => {
      b.input('x', 'float', ['N', 2])
      b.node('Clip', inputs, 'scores')
      scores(b)
    }
    accepted(clip(['x']))
    accepted(clip(['x', '', '']))
  })
})

describe('valid is one thing, servable another', () => {
  const verdict = (make: (b: GraphBuilder) => void) => verdictOf(verifyModel(modelOf(make)))
  test.each<[string, RegExp, (b: GraphBuilder) => void]>([
    [
      'no input',
      /it takes nothing/,
      b => (b.node('Identity', [b.constant('c', 'float', [1], [1])], 'scores'), b.output('scores', 'float', [1])),
    ],
    [
      'a scaler that divides by nothing',
      /the factor of feature 1 is 0/,
      b => (
        b.input('x', 'float', ['N', 2]),
        b.node('ml.Scaler', ['x'], 'scores', { offset: { floats: [0, 0] }, scale: { floats: [1, 0] } }),
        scores(b)
      ),
    ],
    [
      'one value for all rows',
      /"k" is one value, not one a row/,
      b => (b.input('x', 'float', ['N', 2]), b.input('k', 'float', []), b.node('Mul', ['x', 'k'], 'scores'), scores(b)),
    ],
    [
      'different numbers of rows',
      /do not take the same number of rows: any, 4/,
      b => (
        b.input('x', 'float', ['N', 2]), b.input('y', 'float', [4, 2]), b.node('Sub', ['x', 'y'], 'scores'), scores(b)
      ),
    ],
  ])('%s', (_, reason, make) => {
    const found = verdict(make)
    expect(found).toMatchObject({ valid: true, servable: false })
    expect(found.reasons.join('\n')).toMatch(reason)
  })
})
