import type { OnnxNode } from './proto.ts'
import { attributeOf, insideOf, tensorText } from './type-text.ts'

/** What is known of a node when the types of its outputs are asked for. */
export interface NodeTypes {
  readonly node: OnnxNode
  readonly inputs: readonly (string | undefined)[]
  /** Types of the outputs of its inner graphs, by attribute. */
  readonly inner: ReadonlyMap<string, readonly (string | undefined)[]>
}

type Rule = (types: NodeTypes) => readonly (string | undefined)[]

/** By an attribute with the number of an element type; else `other`. */
const named =
  (attribute: string, other: (types: NodeTypes) => string | undefined): Rule =>
  types => {
    const given = attributeOf(types.node, attribute)
    if (!given) return [other(types)]
    return [tensorText(given.int) ?? `element type ${given.int ?? 0}`]
  }
const float = (): string => 'tensor(float)'
const first = ({ inputs }: NodeTypes): string | undefined => inputs[0]
const holds = (node: OnnxNode, name: string): boolean => {
  const found = attributeOf(node, name)
  return (found?.strings?.length ?? found?.ints?.length ?? found?.floats?.length ?? 0) > 0
}

function constant({ node }: NodeTypes): readonly (string | undefined)[] {
  const tensor = attributeOf(node, 'value')?.tensor
  if (tensor) return [tensorText(tensor.dataType)]
  for (const [name, type] of [
    ['value_float', 'float'],
    ['value_floats', 'float'],
    ['value_int', 'int64'],
    ['value_ints', 'int64'],
    ['value_string', 'string'],
    ['value_strings', 'string'],
  ] as const)
    if (attributeOf(node, name)) return [`tensor(${type})`]
  return [undefined]
}

const classifier: Rule = ({ node }) => [
  holds(node, 'classlabels_strings') ? 'tensor(string)' : 'tensor(int64)',
  'tensor(float)',
]

/** Types that an operator takes by what its attributes say, where the schema allows more. */
export function wantedInput(op: string, node: OnnxNode): string | undefined {
  if (op !== 'ml.LabelEncoder') return undefined
  if (attributeOf(node, 'keys_strings')) return 'tensor(string)'
  if (attributeOf(node, 'keys_int64s')) return 'tensor(int64)'
  return attributeOf(node, 'keys_floats') ? 'tensor(float)' : undefined
}

/** Where the schema alone does not tell the types that come out. */
export const outputRules: Readonly<Record<string, Rule>> = {
  Cast: named('to', () => undefined),
  BitCast: named('to', () => undefined),
  CastLike: ({ inputs }) => [inputs[1]],
  Constant: constant,
  ConstantOfShape: ({ node }) => [tensorText(attributeOf(node, 'value')?.tensor?.dataType) ?? 'tensor(float)'],
  EyeLike: named('dtype', first),
  RandomNormal: named('dtype', float),
  RandomUniform: named('dtype', float),
  RandomNormalLike: named('dtype', first),
  RandomUniformLike: named('dtype', first),
  Multinomial: named('dtype', () => 'tensor(int32)'),
  Bernoulli: named('dtype', first),
  SequenceConstruct: ({ inputs }) => [inputs[0] && `seq(${inputs[0]})`],
  SequenceEmpty: ({ node }) => [`seq(${tensorText(attributeOf(node, 'dtype')?.int ?? 1) ?? '?'})`],
  SequenceAt: ({ inputs }) => [insideOf(inputs[0])],
  ConcatFromSequence: ({ inputs }) => [insideOf(inputs[0])],
  SplitToSequence: ({ inputs }) => [inputs[0] && `seq(${inputs[0]})`],
  OptionalGetElement: ({ inputs }) => [inputs[0]?.startsWith('optional(') ? insideOf(inputs[0]) : inputs[0]],
  Optional: ({ inputs }) => [inputs[0] && `optional(${inputs[0]})`],
  If: ({ inner }) => inner.get('then_branch') ?? [],
  'ml.LabelEncoder': ({ node, inputs }) => {
    if (attributeOf(node, 'values_tensor')?.tensor)
      return [tensorText(attributeOf(node, 'values_tensor')?.tensor?.dataType)]
    if (holds(node, 'values_strings')) return ['tensor(string)']
    if (holds(node, 'values_int64s')) return ['tensor(int64)']
    if (holds(node, 'values_floats')) return ['tensor(float)']
    if (holds(node, 'classes_strings')) return [inputs[0] === 'tensor(string)' ? 'tensor(int64)' : 'tensor(string)']
    return [undefined]
  },
  'ml.CategoryMapper': ({ inputs }) => [
    inputs[0] && (inputs[0] === 'tensor(string)' ? 'tensor(int64)' : 'tensor(string)'),
  ],
  'ml.LinearClassifier': classifier,
  'ml.SVMClassifier': classifier,
  'ml.TreeEnsembleClassifier': classifier,
  'ml.ZipMap': ({ node }) => [`seq(map(${holds(node, 'classlabels_strings') ? 'string' : 'int64'},float))`],
  'ml.CastMap': ({ node }) => {
    const to = attributeOf(node, 'cast_to')?.string ?? 'TO_FLOAT'
    return [to === 'TO_STRING' ? 'tensor(string)' : to === 'TO_INT64' ? 'tensor(int64)' : 'tensor(float)']
  },
  'ml.DictVectorizer': ({ inputs }) => {
    const value = /^map\(\w+,(\w+)\)$/.exec(inputs[0] ?? '')?.[1]
    return [value && `tensor(${value})`]
  },
}
