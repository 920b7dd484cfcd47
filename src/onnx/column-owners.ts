import { type GraphMap, mapOf } from './graph-classes.ts'
import type { OnnxGraph, OnnxNode } from './proto.ts'

/** Of every column of a value, the model's input that it is made of: by name, row-major where a row is more than a list. */
export type ColumnOwners = readonly string[]

/** Operators that give each column what becomes of that column alone. */
const columnwise = new Set([
  'Abs',
  'Binarizer',
  'Cast',
  'Ceil',
  'Clip',
  'Exp',
  'Floor',
  'Identity',
  'Imputer',
  'LabelEncoder',
  'Log',
  'Relu',
  'Scaler',
  'Sigmoid',
  'Sqrt',
  'StringNormalizer',
  'Tanh',
])
/** The same with a second value that must be constant. */
const withConstant = new Set(['Add', 'Div', 'Mul', 'Pow', 'Sub'])
/** Operators that hand a row's values on in their order; those of several rows stay apart as long as the first dimension is that of the rows. */
const reshaping = new Set(['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze'])

/**
 * What each column of a value in a graph is made of, where every column is made of one input alone: `feeds` says which inputs
 * make the graph's. Undefined where columns are mixed, or where an operator is not known to keep them apart.
 */
export function columnOwners(
  graph: OnnxGraph,
  value: string,
  feeds: ReadonlyMap<string, readonly string[]>,
): ColumnOwners | undefined {
  const map = mapOf(graph)
  const known = new Map<string, ColumnOwners | undefined>(feeds)
  const of = (name: string, depth: number): ColumnOwners | undefined => {
    if (known.has(name)) return known.get(name)
    const node = map.maker(name)
    const owners = node && depth < 64 ? ownersOf(node, map, one => of(one, depth + 1)) : undefined
    known.set(name, owners)
    return owners
  }
  return of(value, 0)
}

function ownersOf(
  node: OnnxNode,
  map: GraphMap,
  of: (value: string) => ColumnOwners | undefined,
): ColumnOwners | undefined {
  const [first = '', second = ''] = node.inputs
  if (columnwise.has(node.op) || reshaping.has(node.op)) return of(first)
  if (withConstant.has(node.op)) {
    const [left, right] = [map.constant(first), map.constant(second)]
    if (left && right) return undefined
    // A constant must not make more columns than there are
    const owners = left ? of(second) : right && of(first)
    const width = (left ?? right)?.dims.at(-1) ?? 1
    return owners && (width === 1 || width === owners.length) ? owners : undefined
  }
  const axis = node.attributes.find(one => one.name === 'axis')?.int
  if (node.op === 'Concat') {
    if (axis !== 1 && axis !== -1) return undefined
    const parts = node.inputs.map(of)
    return parts.every(part => part !== undefined) ? parts.flatMap(part => part ?? []) : undefined
  }
  if (node.op === 'FeatureVectorizer') {
    const parts = node.inputs.map(of)
    return parts.every(part => part !== undefined) ? parts.flatMap(part => part ?? []) : undefined
  }
  if (node.op === 'OneHotEncoder') {
    const listed = (name: string): number => {
      const found = node.attributes.find(one => one.name === name)
      return (found?.strings ?? found?.ints ?? []).length
    }
    const codes = Math.max(listed('cats_strings'), listed('cats_int64s'))
    return of(first)?.flatMap(owner => Array.from({ length: codes }, () => owner))
  }
  if (node.op === 'ArrayFeatureExtractor' || (node.op === 'Gather' && (axis === 1 || axis === -1))) {
    const places = map.constant(second)?.values?.map(Number)
    const owners = of(first)
    if (!places || !owners) return undefined
    const picked = places.map(place => owners[place < 0 ? place + owners.length : place])
    return picked.every(owner => owner !== undefined) ? (picked as string[]) : undefined
  }
  return undefined
}
