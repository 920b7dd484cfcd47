import { classesOfLabel, classLabels, type GraphClasses, type GraphMap, mapOf, marginReason } from './graph-classes.ts'
import { elementName, type OnnxModel, type OnnxType, type OnnxValue } from './proto.ts'

/** What a graph takes and gives, in plain data: what a binding is made and checked against. */
export interface ModelSignature {
  /** Those that a caller must give, in the graph's order; inputs with a default are left to it. */
  readonly inputs: readonly SignatureInput[]
  readonly outputs: readonly SignatureOutput[]
  /** Millrace wrote it: `features` and `categories` in, `scores` out. */
  readonly own: boolean
}

export interface SignatureInput {
  readonly name: string
  /** `tensor`, or what else it is and cannot be fed. */
  readonly kind: OnnxType['kind']
  /** Element type: `float32`, `float64`, `int64`, `string`, … */
  readonly type: string
  /** As declared, `null` for a dimension of which nothing is said; undefined when no shape is. The first counts rows. */
  readonly shape?: readonly (number | string | null)[]
  /** Rows that it takes at once, where the graph fixes them. */
  readonly rows?: number
  /** Values a row; undefined where the graph leaves that open. */
  readonly width?: number
}

export interface SignatureOutput {
  readonly name: string
  /** `maps`: a list of maps from class to probability (ZipMap); `list`: a list of tensors; `other` cannot be read. */
  readonly form: 'tensor' | 'maps' | 'list' | 'other'
  readonly type: string
  /** Values a row as declared, of which exporters are not always right; undefined where the graph leaves that open. */
  readonly width?: number
  /** It names one class a row, rather than giving a score. */
  readonly label: boolean
  /** Of a label: what it may be. Of `maps`: the class of each column. */
  readonly classes?: GraphClasses
  /** Why its values are no probabilities, where the graph shows it. */
  readonly margin?: string
}

/** Describes every input and output of a graph. A model without a graph has none. */
export function signatureOf(model: OnnxModel): ModelSignature {
  const { graph } = model
  const own = model.producerName === 'millrace'
  if (!graph) return { inputs: [], outputs: [], own }
  const map = mapOf(graph)
  const constants = new Set(graph.initializers.map(tensor => tensor.name))
  return {
    inputs: graph.inputs.filter(input => !constants.has(input.name)).map(inputOf),
    outputs: graph.outputs.map(output => outputOf(map, output)),
    own,
  }
}

function inputOf({ name, kind, elementType, shape }: OnnxValue): SignatureInput {
  const rows = shape?.[0]
  return {
    name,
    kind,
    type: elementName(elementType),
    ...(shape ? { shape: shape.map(one => one ?? null) } : {}),
    ...(typeof rows === 'number' && rows > 0 ? { rows } : {}),
    ...widthOf(shape),
  }
}

/** One value a row without further dimensions; else their product, when all are fixed. */
function widthOf(shape: OnnxValue['shape']): { readonly width?: number } {
  if (!shape || shape.length === 0) return {}
  let width = 1
  for (const dimension of shape.slice(1)) {
    if (typeof dimension !== 'number' || dimension < 0) return {}
    width *= dimension
  }
  return Number.isSafeInteger(width) ? { width } : {}
}

function outputOf(map: GraphMap, output: OnnxValue): SignatureOutput {
  const { name, kind, elementType, of } = output
  if (kind === 'sequence' && of?.kind === 'map' && of.of?.kind === 'tensor') {
    const zip = map.maker(name)
    const classes = zip?.op === 'ZipMap' ? classLabels(zip) : undefined
    const margin = marginReason(map, zip?.inputs[0] ?? '')
    return {
      name,
      form: classes ? 'maps' : 'other',
      type: elementName(of.of.elementType),
      label: false,
      ...(classes ? { classes, width: classes.length } : {}),
      ...(margin === undefined ? {} : { margin }),
    }
  }
  if (kind === 'sequence' && of?.kind === 'tensor') {
    return { name, form: 'list', type: elementName(of.elementType), label: false }
  }
  if (kind !== 'tensor') return { name, form: 'other', type: kind, label: false }
  const type = elementName(elementType)
  const { width } = widthOf(output.shape)
  const classes = classesOfLabel(map, name)
  const label = classes !== undefined || type === 'string' || type === 'bool' || namesOneOf(map, name)
  const margin = label ? undefined : marginReason(map, name)
  return {
    name,
    form: 'tensor',
    type,
    label,
    ...(width === undefined ? {} : { width }),
    ...(classes ? { classes } : {}),
    ...(margin === undefined ? {} : { margin }),
  }
}

/** A classifier's first output is its label, and so is the place of the greatest, whatever they are cast to. */
function namesOneOf(map: GraphMap, name: string): boolean {
  let value = name
  for (let step = 0; step < 8; step++) {
    const node = map.maker(value)
    if (!node) return false
    if (node.op === 'ArgMax') return true
    if (node.op !== 'Cast' && node.op !== 'Reshape' && node.op !== 'Squeeze' && node.op !== 'Identity') return false
    value = node.inputs[0] ?? ''
  }
  return false
}
