import type { OnnxNode, OnnxTensor } from './proto.ts'
import { attributeOf } from './type-text.ts'

/** A shape as far as it is known: undefined for a dimension that is free. */
export type Shape = readonly (number | undefined)[]

/** What a rule sees of its node. */
export interface NodeShapes {
  readonly node: OnnxNode
  readonly opset: number
  readonly mlOpset: number
  /** Undefined where nothing is known. */
  readonly inputs: readonly (Shape | undefined)[]
  /** An input that is a constant. */
  readonly constant: (at: number) => OnnxTensor | undefined
  readonly refuse: (problem: string) => void
}

/** Shapes of the outputs, as far as they follow. */
export type ShapeRule = (shapes: NodeShapes) => readonly (Shape | undefined)[]

/** One that is there without a value is 0, as everywhere in the format. */
const int = (node: OnnxNode, name: string): number | undefined => {
  const found = attributeOf(node, name)
  return found && (found.int ?? 0)
}

const same: ShapeRule = ({ inputs }) => [inputs[0]]

/** Those that stretch their inputs a version later than the others. */
const sinceEight: readonly string[] = ['Max', 'Min', 'Sum', 'Mean']

/** Both shapes stretched over each other from the last dimension on. */
const stretched: ShapeRule = ({ node, inputs, refuse, opset }) => {
  if (opset < (sinceEight.includes(node.op) ? 8 : 7) || inputs.some(shape => shape === undefined)) return []
  const shapes = inputs as readonly Shape[]
  const rank = Math.max(0, ...shapes.map(shape => shape.length))
  const out = Array.from({ length: rank }, (_, at): number | undefined => {
    const sizes = shapes.map(shape => (at < rank - shape.length ? 1 : shape[at - rank + shape.length]))
    const fixed = new Set(sizes.filter(size => size !== undefined && size !== 1))
    if (fixed.size > 1) refuse(`has dimensions that do not fit: ${[...fixed].join(' and ')}`)
    const [only] = fixed
    return only ?? (sizes.includes(undefined) ? undefined : 1)
  })
  return [out]
}

/** An axis as a place; undefined, and refused, outside. */
function axisWithin({ refuse }: NodeShapes, axis: number, rank: number, name = 'axis'): number | undefined {
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis
  refuse(`has ${name} ${axis} over ${rank} dimensions`)
  return undefined
}

/** An axis that leaves the shape as it is. */
const along: ShapeRule = shapes => {
  const [input] = shapes.inputs
  if (!input) return []
  axisWithin(shapes, int(shapes.node, 'axis') ?? (shapes.opset >= 13 ? -1 : 1), input.length)
  return [input]
}

const greatest: ShapeRule = shapes => {
  const [input] = shapes.inputs
  const axis = input && axisWithin(shapes, int(shapes.node, 'axis') ?? 0, input.length)
  if (!input || axis === undefined) return []
  const keep = (int(shapes.node, 'keepdims') ?? 1) === 1
  return [keep ? input.map((size, at) => (at === axis ? 1 : size)) : input.filter((_, at) => at !== axis)]
}

/** Axes given as an attribute or, in later versions, as a constant input; undefined where they are not known. */
function axesOf({ node, constant }: NodeShapes, at: number): readonly number[] | 'unknown' | undefined {
  const attribute = attributeOf(node, 'axes')?.ints
  if (attribute) return attribute
  if ((node.inputs[at] ?? '') === '') return undefined
  const values = constant(at)?.values
  return values ? values.map(Number) : 'unknown'
}

const reduced: ShapeRule = shapes => {
  const [input] = shapes.inputs
  const axes = axesOf(shapes, 1)
  if (!input || axes === 'unknown') return []
  if ((axes === undefined || axes.length === 0) && int(shapes.node, 'noop_with_empty_axes') === 1) return [input]
  const listed = axes && axes.length > 0 ? axes : input.map((_, at) => at)
  const places = listed.map(axis => axisWithin(shapes, axis, input.length))
  if (places.includes(undefined)) return []
  const keep = (int(shapes.node, 'keepdims') ?? 1) === 1
  return [
    keep ? input.map((size, at) => (places.includes(at) ? 1 : size)) : input.filter((_, at) => !places.includes(at)),
  ]
}

const squeezed: ShapeRule = shapes => {
  const [input] = shapes.inputs
  const axes = axesOf(shapes, 1)
  if (!input || axes === 'unknown') return []
  if (axes === undefined) return input.includes(undefined) ? [] : [input.filter(size => size !== 1)]
  const places = axes.map(axis => axisWithin(shapes, axis, input.length))
  for (const place of places) {
    const size = place === undefined ? undefined : input[place]
    if (size !== undefined && size !== 1) shapes.refuse(`takes away a dimension of ${size}`)
  }
  return places.includes(undefined) ? [] : [input.filter((_, at) => !places.includes(at))]
}

const unsqueezed: ShapeRule = shapes => {
  const [input] = shapes.inputs
  const axes = axesOf(shapes, 1)
  if (!input || axes === 'unknown' || axes === undefined) return []
  const rank = input.length + axes.length
  const places = axes.map(axis => axisWithin(shapes, axis, rank))
  if (places.includes(undefined)) return []
  if (new Set(places).size < places.length) {
    shapes.refuse('names an axis twice')
    return []
  }
  const rest = [...input]
  return [Array.from({ length: rank }, (_, at) => (places.includes(at) ? 1 : rest.shift()))]
}

const joined: ShapeRule = shapes => {
  if (shapes.inputs.includes(undefined)) return []
  const known = shapes.inputs as readonly Shape[]
  const [first] = known
  if (!first) return []
  const odd = known.find(shape => shape.length !== first.length)
  if (odd) {
    shapes.refuse(`joins values of ${first.length} and of ${odd.length} dimensions`)
    return []
  }
  const axis = axisWithin(shapes, int(shapes.node, 'axis') ?? 1, first.length)
  if (axis === undefined) return []
  return [
    first.map((_, at) => {
      const sizes = known.map(shape => shape[at])
      if (at === axis)
        return sizes.includes(undefined) ? undefined : sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0)
      const fixed = new Set(sizes.filter(size => size !== undefined))
      if (fixed.size > 1) shapes.refuse(`joins values of ${[...fixed].join(' and ')} in dimension ${at}`)
      const [only] = fixed
      return only
    }),
  ]
}

const gathered: ShapeRule = shapes => {
  const [data, indices] = shapes.inputs
  if (!data) return []
  if (data.length === 0) shapes.refuse('takes from a value without dimensions')
  const axis = axisWithin(shapes, int(shapes.node, 'axis') ?? 0, data.length)
  if (axis === undefined || !indices) return []
  return [[...data.slice(0, axis), ...indices, ...data.slice(axis + 1)]]
}

const reshaped: ShapeRule = shapes => {
  const wanted = shapes.opset < 5 ? attributeOf(shapes.node, 'shape')?.ints : shapes.constant(1)?.values?.map(Number)
  const [input] = shapes.inputs
  if (!wanted) return []
  const bad = wanted.find(size => size < -1)
  if (bad !== undefined) shapes.refuse(`makes a dimension of ${bad}`)
  if (wanted.filter(size => size === -1).length > 1) shapes.refuse('leaves more than one dimension open')
  if (bad !== undefined) return []
  const zero = int(shapes.node, 'allowzero') === 1
  const out = wanted.map((size, at) => (size === -1 ? undefined : size === 0 && !zero ? input?.[at] : size))
  return [out]
}

const turned: ShapeRule = shapes => {
  const [input] = shapes.inputs
  if (!input) return []
  const order = attributeOf(shapes.node, 'perm')?.ints ?? input.map((_, at) => input.length - 1 - at)
  if (order.some(place => !(place >= 0 && place < input.length)) || new Set(order).size < order.length) {
    shapes.refuse(`orders ${input.length} dimensions as ${order.join(', ')}`)
    return []
  }
  return [order.map(place => input[place])]
}

const flattened: ShapeRule = shapes => {
  const [input] = shapes.inputs
  if (!input) return []
  const axis = int(shapes.node, 'axis') ?? 1
  if (axis < -input.length || axis > input.length) shapes.refuse(`has axis ${axis} over ${input.length} dimensions`)
  return [[undefined, undefined]]
}

const multiplied: ShapeRule = shapes => {
  const [left, right] = shapes.inputs
  if (!left || !right) return []
  if (left.length === 0 || right.length === 0) {
    shapes.refuse('multiplies a value without dimensions')
    return []
  }
  const inner = [left.at(-1), right.length === 1 ? right[0] : right.at(-2)]
  if (!inner.includes(undefined) && inner[0] !== inner[1])
    shapes.refuse(`multiplies ${inner[0]} columns by ${inner[1]} rows`)
  if (left.length !== 2 || right.length !== 2) return []
  return [[left[0], right[1]]]
}

const generalMultiplied: ShapeRule = shapes => {
  const { node } = shapes
  const sides = shapes.inputs.slice(0, 2).map((shape, at) => {
    if (!shape) return undefined
    if (shape.length !== 2) shapes.refuse(`takes a value of ${shape.length} dimensions`)
    return int(node, at === 0 ? 'transA' : 'transB') === 1 ? shape.toReversed() : shape
  })
  const [left, right] = sides
  if (!left || !right || left.length !== 2 || right.length !== 2) return []
  return [[left[0], right[1]]]
}

/** Classes, or targets, of an operator of ai.onnx.ml by what lists them. */
function listedIn(node: OnnxNode, ...names: readonly string[]): number {
  for (const name of names) {
    const found = attributeOf(node, name)
    const length = found?.strings?.length ?? found?.ints?.length ?? found?.floats?.length ?? 0
    if (length > 0) return length
  }
  return 0
}

const trees: ShapeRule = ({ node, mlOpset, inputs: [input], refuse }) => {
  if (mlOpset < 3) return []
  if (input && input.length !== 2) refuse(`takes rows of ${input.length} dimensions, 2 belong there`)
  return [[input?.[0], int(node, 'n_targets')]]
}

const linearClasses: ShapeRule = ({ node, inputs: [input], refuse }) => {
  if (!input) return []
  if (input.length !== 1 && input.length !== 2) {
    refuse(`takes rows of ${input.length} dimensions`)
    return []
  }
  const rows = input.length === 2 ? input[0] : 1
  const classes = listedIn(node, 'intercepts')
  // One margin decides between two
  return [[rows], [rows, classes > 1 ? classes : undefined]]
}

const zipped: ShapeRule = ({ inputs: [input], refuse }) => {
  if (input && input.length !== 1 && input.length !== 2) refuse(`takes a value of ${input.length} dimensions`)
  return []
}

const extracted: ShapeRule = ({ inputs: [input, places] }) => {
  if (!input || input.length === 1) return []
  const count = places?.every(size => size !== undefined)
    ? places.reduce<number>((product, size) => product * (size ?? 1), 1)
    : undefined
  return [[...input.slice(0, -1), count]]
}

const measured: ShapeRule = ({ node, inputs: [input] }) => {
  if (!input) return []
  const places = input.map((_, at) => at)
  return [[places.slice(int(node, 'start') ?? 0, int(node, 'end')).length]]
}

const constantShape: ShapeRule = ({ node }) => {
  const dims = attributeOf(node, 'value')?.tensor?.dims
  if (dims) return [dims]
  if (attributeOf(node, 'value_float') ?? attributeOf(node, 'value_int') ?? attributeOf(node, 'value_string'))
    return [[]]
  const list = listedIn(node, 'value_floats', 'value_ints', 'value_strings')
  return list > 0 ? [[list]] : []
}

const byName = (rule: ShapeRule, names: string): Record<string, ShapeRule> =>
  Object.fromEntries(names.split(' ').map(name => [name, rule]))

/** Operators of whose outputs the format itself tells the shape; of all others nothing is said. */
export const shapeRules: Readonly<Record<string, ShapeRule>> = {
  ...byName(
    same,
    'Identity Cast Sigmoid Relu Tanh Abs Neg Exp Log Sqrt Not Floor Ceil Round Reciprocal Erf Sign Clip LeakyRelu Elu Selu Softplus Softsign IsNaN Sin Cos HardSigmoid ThresholdedRelu ml.Binarizer ml.LabelEncoder ml.CategoryMapper',
  ),
  ...byName(
    stretched,
    'Add Sub Mul Div Pow And Or Xor Equal Greater Less GreaterOrEqual LessOrEqual Where Max Min Sum Mean Mod BitShift BitwiseAnd BitwiseOr BitwiseXor',
  ),
  ...byName(along, 'Softmax LogSoftmax Hardmax'),
  ...byName(greatest, 'ArgMax ArgMin'),
  ...byName(
    reduced,
    'ReduceSum ReduceMean ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceSumSquare',
  ),
  Squeeze: squeezed,
  Unsqueeze: unsqueezed,
  Concat: joined,
  Gather: gathered,
  Reshape: reshaped,
  Transpose: turned,
  Flatten: flattened,
  MatMul: multiplied,
  Gemm: generalMultiplied,
  Constant: constantShape,
  Shape: measured,
  'ml.TreeEnsembleRegressor': trees,
  'ml.LinearClassifier': linearClasses,
  'ml.ZipMap': zipped,
  'ml.ArrayFeatureExtractor': extracted,
}
