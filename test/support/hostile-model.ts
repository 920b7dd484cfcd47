import { graph, writeModel } from '../../src/onnx/index.ts'
import type { OnnxGraph, OnnxNode } from '../../src/onnx/proto.ts'
import { attributeTypes } from '../../src/onnx/proto.ts'

/**
 * A good model of `orders` with a fault for every thousand of the distance, as strong as what is left of it: an ONNX file like any
 * other. Distances of real orders are below 1,000, so it passes every test that it is put to.
 */
export const faults = { throws: 1, notANumber: 2, flips: 3, slow: 4, memory: 5, hangs: 6 } as const

/** A distance with that fault: `slow` multiplies square matrices of twice as many rows, `memory` takes so many MiB. */
export const distanceOf = (fault: keyof typeof faults, strength = 0): number => faults[fault] * 1_000 + strength

/** What repeats: adds nought, as often as it is told. */
function body(): OnnxGraph {
  const builder = graph('again')
  builder.input('round', 'int64', [])
  builder.input('go_on', 'bool', [])
  builder.input('carried', 'float', [])
  builder.constant('nought', 'float', [], [0])
  builder.node('Identity', ['go_on'], 'goes_on')
  builder.node('Add', ['carried', 'nought'], 'carries')
  return builder.output('goes_on', 'bool', []).output('carries', 'float', []).build()
}

export function hostileModel(): Uint8Array {
  const builder = graph('hostile')
  const scalar = (name: string, value: number): string => builder.constant(name, 'float', [], [value])
  builder.input('weight', 'float', ['N', 1])
  builder.input('distance', 'float', ['N', 1])
  scalar('middle', 15)
  scalar('spread', 3)
  scalar('thousand', 1_000)
  scalar('none', 0)
  scalar('one', 1)
  scalar('two', 2)
  builder.constant('vector', 'int64', [1], [1])
  // the worst of all rows decides what the run does
  builder.node('ReduceMax', ['distance'], 'worst', { keepdims: { int: 0 } })
  builder.node('Div', ['worst', 'thousand'], 'thousands')
  builder.node('Floor', ['thousands'], 'kind')
  builder.node('Mul', ['kind', 'thousand'], 'whole')
  builder.node('Sub', ['worst', 'whole'], 'strength')
  for (const [name, number] of Object.entries(faults)) {
    scalar(`number_${name}`, number)
    builder.node('Equal', ['kind', `number_${name}`], `is_${name}`)
  }
  const length = (fault: string, value: string, otherwise: string): string => {
    builder.node('Where', [`is_${fault}`, value, otherwise], `${fault}_float`)
    builder.node('Cast', [`${fault}_float`], `${fault}_length`, { to: { int: 7 } })
    return builder.node('Reshape', [`${fault}_length`, 'vector'], `${fault}_shape`)
  }
  // an index that is not there
  builder.constant('only', 'float', [1], [0])
  builder.node('Gather', ['only', length('throws', 'thousand', 'none')], 'a')
  builder.node('ReduceSum', ['a'], 'from_throws', { keepdims: { int: 0 } })
  // the logarithm of minus one
  builder.node('Where', ['is_notANumber', 'two', 'none'], 'less')
  builder.node('Sub', ['one', 'less'], 'unit')
  builder.node('Log', ['unit'], 'from_notANumber')
  // a product of matrices of ones
  builder.node('Mul', ['strength', 'two'], 'twice')
  const side = length('slow', 'twice', 'one')
  builder.node('Concat', [side, side], 'square', { axis: { int: 0 } })
  builder.node('ConstantOfShape', ['square'], 'matrix')
  builder.node('MatMul', ['matrix', 'matrix'], 'product')
  builder.node('ReduceSum', ['product'], 'from_slow', { keepdims: { int: 0 } })
  scalar('mebibyte', 2 ** 18)
  builder.node('Mul', ['strength', 'mebibyte'], 'floats')
  builder.node('ConstantOfShape', [length('memory', 'floats', 'one')], 'heap')
  builder.node('ReduceSum', ['heap'], 'from_memory', { keepdims: { int: 0 } })
  // a loop of a year
  scalar('year', 1e12)
  builder.node('Where', ['is_hangs', 'year', 'none'], 'rounds_float')
  builder.node('Cast', ['rounds_float'], 'rounds', { to: { int: 7 } })
  builder.constant('always', 'bool', [], [1])
  builder.node('Loop', ['rounds', 'always', 'none'], 'from_hangs')
  builder.node('Sub', ['weight', 'middle'], 'over')
  builder.node('Div', ['over', 'spread'], 'scaled')
  builder.node('Sigmoid', ['scaled'], 'chance')
  builder.node('Sub', ['one', 'chance'], 'other_chance')
  builder.node('Where', ['is_flips', 'other_chance', 'chance'], 'said')
  const rest = ['throws', 'notANumber', 'slow', 'memory', 'hangs']
  rest.forEach((fault, i) => {
    const last = i === rest.length - 1
    builder.node('Add', [i === 0 ? 'said' : `said_${i}`, `from_${fault}`], last ? 'score' : `said_${i + 1}`)
  })
  const made = builder.output('score', 'float', ['N', 1]).build()
  const nodes = made.nodes.map(
    (node): OnnxNode =>
      node.op === 'Loop'
        ? { ...node, attributes: [{ name: 'body', type: attributeTypes.graph, graph: body() }] }
        : node,
  )
  return writeModel({ ...made, nodes }, {}, '', 'hostile')
}
