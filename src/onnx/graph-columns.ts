import { type GraphMap, mapOf } from './graph-classes.ts'
import { maxWidth } from './binding.ts'
import { dataTypes, mlDomain, type OnnxGraph, type OnnxNode } from './proto.ts'
import { listOf } from './tree-attributes.ts'

/** What has become of an input, as long as that is a straight line: value × factor + term. */
export interface Line {
  readonly factor: number
  readonly term: number
  /** Operators that scaled or moved it; 0 where it is as it came. */
  readonly steps: number
  /** What stands in the place of a missing value now. */
  readonly missing?: number
  /** In units of the input: what a missing value was filled with before it was scaled. */
  readonly fill?: number
  /** What it is cut to in the end. */
  readonly clip?: { readonly min?: number; readonly max?: number }
}

/** One column of a value in a graph, made of one input of the model alone. */
export interface GraphColumn {
  readonly input: string
  /** Undefined behind an operator that bends it. */
  readonly line: Line | undefined
  /** That operator, the first of them. */
  readonly bentBy?: string
}

/** The columns of a value: row-major where a row is more than a list. */
export type GraphColumns = readonly GraphColumn[]

const asItCame: Line = { factor: 1, term: 0, steps: 0 }
const floats: readonly number[] = [dataTypes.float, dataTypes.double, dataTypes.float16]

/** Operators that give each column what becomes of that column alone, but no straight line of it. */
const bending = new Set([
  'Abs',
  'Binarizer',
  'Ceil',
  'Exp',
  'Floor',
  'LabelEncoder',
  'Log',
  'Relu',
  'Sigmoid',
  'Sqrt',
  'StringNormalizer',
  'Tanh',
])
/** The same with a second value that must be constant. */
const withConstant = new Set(['Add', 'Div', 'Mul', 'Pow', 'Sub'])

/**
 * Of each value of a graph that is made of its inputs column by column, what each column is. `feeds` says which inputs of the
 * model make the graph's. A value is not in the map where columns are mixed, or where an operator is not known to keep them apart.
 */
export function graphColumns(
  graph: OnnxGraph,
  feeds: ReadonlyMap<string, readonly string[]>,
): ReadonlyMap<string, GraphColumns> {
  const map = mapOf(graph)
  const known = new Map<string, GraphColumns>()
  for (const [value, inputs] of feeds)
    known.set(
      value,
      inputs.map(input => ({ input, line: asItCame })),
    )
  // A node stands behind those that make what it takes
  for (const node of graph.nodes) {
    // Operators of a file's own may have the names of official ones
    if (node.domain !== '' && node.domain !== 'ai.onnx' && node.domain !== mlDomain) continue
    const made = node.op === 'Split' ? split(node, map, known) : [columnsOf(node, map, known)]
    made?.forEach((columns, at) => {
      const output = node.outputs[at]
      // Joining a value with itself again and again makes more columns than memory holds
      if (columns && output && columns.length <= maxWidth) known.set(output, columns)
    })
  }
  return known
}

type Known = ReadonlyMap<string, GraphColumns>

function columnsOf(node: OnnxNode, map: GraphMap, known: Known): GraphColumns | undefined {
  const [first = '', second = ''] = node.inputs
  const columns = known.get(first)
  const axis = node.attributes.find(one => one.name === 'axis')?.int
  if (withConstant.has(node.op)) return arithmetic(node.op, node.inputs, map, known)
  if (node.op === 'Concat' || node.op === 'FeatureVectorizer') {
    if (node.op === 'Concat' && axis !== 1 && axis !== -1) return undefined
    const parts = node.inputs.map(input => known.get(input))
    return parts.every(part => part !== undefined) ? parts.flatMap(part => part ?? []) : undefined
  }
  if (node.op === 'Where') return filledWhere(node, map, known)
  if (!columns) return undefined
  if (bending.has(node.op)) return columns.map(column => bent(column, node.op))
  switch (node.op) {
    case 'Identity':
    case 'Squeeze':
    case 'Unsqueeze':
      return columns
    case 'Cast': {
      const to = node.attributes.find(one => one.name === 'to')?.int ?? 0
      return floats.includes(to) ? columns : columns.map(column => bent(column, 'Cast'))
    }
    // Values of several rows stay apart as long as the first dimension is that of the rows
    case 'Flatten':
      return (axis ?? 1) === 1 ? columns : undefined
    case 'Reshape':
      return keepsRows(map.constant(second)?.values, columns.length) ? columns : undefined
    case 'Neg':
      return columns.map(column => moved(column, -1, 0))
    case 'Scaler':
      return scaled(node, columns)
    case 'Imputer':
      return imputed(node, columns)
    case 'Clip':
      return clipped(node, columns, map)
    case 'OneHotEncoder': {
      const codes = Math.max(listOf(node, 'cats_strings', 'strings').length, listOf(node, 'cats_int64s', 'ints').length)
      return columns.flatMap(column => Array.from({ length: codes }, () => bent(column, node.op)))
    }
    case 'ArrayFeatureExtractor':
      return picked(columns, map.constant(second)?.values?.map(Number))
    case 'Gather':
      return axis === 1 || axis === -1 ? picked(columns, map.constant(second)?.values?.map(Number)) : undefined
    case 'Slice':
      return picked(columns, sliceOf(node, map, columns.length))
    default:
      return undefined
  }
}

function bent({ input, bentBy }: GraphColumn, op: string): GraphColumn {
  return { input, line: undefined, bentBy: bentBy ?? op }
}

/** The column × `factor` + `term`. */
function moved(column: GraphColumn, factor: number, term: number): GraphColumn {
  const { line } = column
  if (!line) return column
  // What was cut is no line of the input any more
  if (line.clip) return bent(column, 'Clip')
  const { missing } = line
  // The first operator behind the one that fills: whoever learned its figures saw what was filled
  const fill = line.fill ?? (missing === undefined ? undefined : (missing - line.term) / line.factor)
  return {
    ...column,
    line: {
      factor: line.factor * factor,
      term: line.term * factor + term,
      steps: line.steps + 1,
      ...(missing === undefined ? {} : { missing: missing * factor + term }),
      ...(fill === undefined || !Number.isFinite(fill) ? {} : { fill }),
    },
  }
}

function arithmetic(op: string, inputs: readonly string[], map: GraphMap, known: Known): GraphColumns | undefined {
  const [left = '', right = ''] = inputs
  const [leftConstant, rightConstant] = [map.constant(left), map.constant(right)]
  if (leftConstant && rightConstant) return undefined
  const constant = leftConstant ?? rightConstant
  const columns = known.get(leftConstant ? right : left)
  // A constant must not make more columns, or rows, than there are
  const size = constant?.dims.reduce((product, one) => product * one, 1)
  if (!columns || !constant || constant.dims.length > 2 || (size !== 1 && size !== columns.length)) return undefined
  const values = constant.values?.map(Number)
  return columns.map((column, at) => {
    const value = values?.[size === 1 ? 0 : at]
    if (value === undefined) return bent(column, op)
    if (op === 'Add') return moved(column, 1, value)
    if (op === 'Mul') return moved(column, value, 0)
    if (op === 'Sub') return leftConstant ? moved(column, -1, value) : moved(column, 1, -value)
    return op === 'Div' && !leftConstant ? moved(column, 1 / value, 0) : bent(column, op)
  })
}

/** Figures of a list, one for each column or one for all. */
function each(list: readonly number[], width: number): readonly number[] | undefined {
  if (list.length === width) return list
  return list.length === 1 ? Array.from({ length: width }, () => list[0] as number) : undefined
}

function scaled(node: OnnxNode, columns: GraphColumns): GraphColumns | undefined {
  const offset = each(listOf(node, 'offset', 'floats'), columns.length)
  const scale = each(listOf(node, 'scale', 'floats'), columns.length)
  if (!offset || !scale) return undefined
  return columns.map((column, at) => {
    const factor = scale[at] as number
    return moved(column, factor, -(offset[at] as number) * factor)
  })
}

function withMissing(column: GraphColumn, value: number): GraphColumn {
  const { line } = column
  if (!line || !Number.isFinite(value)) return column
  return line.missing === undefined ? { ...column, line: { ...line, missing: value } } : column
}

function imputed(node: OnnxNode, columns: GraphColumns): GraphColumns {
  const values = each(listOf(node, 'imputed_value_floats', 'floats'), columns.length)
  const replaced = node.attributes.find(one => one.name === 'replaced_value_float')?.float ?? 0
  // A number that is replaced makes a step
  if (!values || !Number.isNaN(replaced)) return columns.map(column => bent(column, 'Imputer'))
  return columns.map((column, at) => withMissing(column, values[at] as number))
}

/** `Where(IsNaN(x), constant, x)`, as networks fill what is missing. */
function filledWhere({ inputs }: OnnxNode, map: GraphMap, known: Known): GraphColumns | undefined {
  const [condition = '', filling = '', otherwise = ''] = inputs
  const asked = map.maker(condition)
  const columns = known.get(otherwise)
  if (asked?.op !== 'IsNaN' || asked.inputs[0] !== otherwise || !columns) return undefined
  const values = each((map.constant(filling)?.values ?? []).map(Number), columns.length)
  return values && columns.map((column, at) => withMissing(column, values[at] as number))
}

function clipped(node: OnnxNode, columns: GraphColumns, map: GraphMap): GraphColumns {
  const bound = (place: number, attribute: string): number | undefined => {
    const [value] = map.constant(node.inputs[place] ?? '')?.values ?? []
    const found = value === undefined ? node.attributes.find(one => one.name === attribute)?.float : Number(value)
    return found !== undefined && Number.isFinite(found) ? found : undefined
  }
  const [min, max] = [bound(1, 'min'), bound(2, 'max')]
  return columns.map(column => {
    // Cut as it came: what follows is no scale of the input
    if (!column.line || column.line.steps === 0 || column.line.clip) return bent(column, 'Clip')
    const clip = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
    return { ...column, line: { ...column.line, clip } }
  })
}

function picked(columns: GraphColumns, places: readonly number[] | undefined): GraphColumns | undefined {
  const found = places?.map(place => columns[place < 0 ? place + columns.length : place])
  return found?.every(one => one !== undefined) ? (found as GraphColumn[]) : undefined
}

/** Places that a Slice of columns takes; undefined where it takes rows, or where that is no constant. */
function sliceOf(node: OnnxNode, map: GraphMap, width: number): readonly number[] | undefined {
  const list = (place: number, name: string): readonly number[] =>
    map.constant(node.inputs[place] ?? '')?.values?.map(Number) ?? listOf(node, name, 'ints')
  const [starts, ends, axes, steps] = [list(1, 'starts'), list(2, 'ends'), list(3, 'axes'), list(4, 'steps')]
  const [start, end, axis, step = 1] = [starts[0], ends[0], axes[0], steps[0]]
  if (axes.length !== 1 || (axis !== 1 && axis !== -1) || start === undefined || end === undefined || step !== 1)
    return undefined
  const from = Math.max(0, start < 0 ? start + width : start)
  const to = Math.min(width, end < 0 ? end + width : end)
  return Array.from({ length: Math.max(0, to - from) }, (_, at) => from + at)
}

function split(node: OnnxNode, map: GraphMap, known: Known): readonly GraphColumns[] | undefined {
  const columns = known.get(node.inputs[0] ?? '')
  const axis = node.attributes.find(one => one.name === 'axis')?.int ?? 0
  if (!columns || (axis !== 1 && axis !== -1)) return undefined
  const said = map.constant(node.inputs[1] ?? '')?.values?.map(Number) ?? listOf(node, 'split', 'ints')
  const even = Math.ceil(columns.length / node.outputs.length)
  let from = 0
  return node.outputs.map((_, at) => columns.slice(from, (from += said[at] ?? even)))
}

/** Whether a shape keeps each row a row of `width` values: the first dimension is that of the rows then, whatever it says. */
function keepsRows(shape: readonly (number | bigint | string)[] | undefined, width: number): boolean {
  const [rows, ...rest] = (shape ?? []).map(Number)
  // 0 stands for as many as there are
  return rows === 0 || (rows !== undefined && rest.reduce((product, one) => product * one, 1) === width)
}
