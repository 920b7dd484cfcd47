import {
  attributeTypes,
  dataTypes,
  type Dimension,
  mlDomain,
  type OnnxAttribute,
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxType,
  type OnnxValue,
} from './proto.ts'
import { type WireWriter, wireWriter } from './wire-writer.ts'

/** Versions that every runtime since 2022 accepts. */
export const written = { ir: 8, opset: 17, mlOpset: 3 } as const
/** The version that brought an operator, where it is newer than those. */
const since: Readonly<Record<string, number>> = { TreeEnsemble: 5 }

/** The bytes of a model: fields in ascending order, metadata sorted by key, so equal models have equal bytes. */
export function writeModel(
  graph: OnnxGraph,
  metadata: Readonly<Record<string, string>>,
  version: string,
  producer = 'millrace',
): Uint8Array {
  const ml = graph.nodes.filter(node => node.domain === mlDomain)
  const mlOpset = Math.max(written.mlOpset, ...ml.map(node => since[node.op] ?? 0))
  const model = wireWriter()
  model.int(1, written.ir)
  model.text(2, producer)
  model.text(3, version)
  model.message(7, inner => writeGraph(inner, graph))
  for (const [domain, opset] of [
    ['', written.opset],
    [mlDomain, mlOpset],
  ] as const) {
    model.message(8, inner => {
      inner.text(1, domain)
      inner.int(2, opset)
    })
  }
  for (const key of Object.keys(metadata).sort()) {
    model.message(14, inner => {
      inner.text(1, key)
      inner.text(2, metadata[key] ?? '')
    })
  }
  return model.finish()
}

function writeGraph(writer: WireWriter, graph: OnnxGraph): void {
  for (const node of graph.nodes) writer.message(1, inner => writeNode(inner, node))
  writer.text(2, graph.name)
  for (const tensor of graph.initializers) writeTensor(writer, 5, tensor)
  for (const input of graph.inputs) writer.message(11, inner => writeValue(inner, input))
  for (const output of graph.outputs) writer.message(12, inner => writeValue(inner, output))
}

export function writeNode(writer: WireWriter, node: OnnxNode): void {
  for (const input of node.inputs) writer.text(1, input)
  for (const output of node.outputs) writer.text(2, output)
  writer.text(3, node.name)
  writer.text(4, node.op)
  for (const attribute of node.attributes) writer.message(5, inner => writeAttribute(inner, attribute))
  if (node.domain !== '') writer.text(7, node.domain)
}

function writeAttribute(writer: WireWriter, attribute: OnnxAttribute): void {
  writer.text(1, attribute.name)
  if (attribute.type === attributeTypes.float) writer.float(2, attribute.float ?? 0)
  else if (attribute.type === attributeTypes.int) writer.int(3, attribute.int ?? 0)
  else if (attribute.type === attributeTypes.string) writer.text(4, attribute.string ?? '')
  else if (attribute.type === attributeTypes.tensor) {
    if (attribute.tensor) writeTensor(writer, 5, attribute.tensor)
  } else if (attribute.type === attributeTypes.graph) {
    const { graph: inside } = attribute
    if (inside) writer.message(6, inner => writeGraph(inner, inside))
  } else if (attribute.type === attributeTypes.floats) writer.packedFloats(7, attribute.floats ?? [])
  else if (attribute.type === attributeTypes.ints) writer.packedInts(8, attribute.ints ?? [])
  else for (const text of attribute.strings ?? []) writer.text(9, text)
  writer.int(20, attribute.type)
}

function writeTensor(writer: WireWriter, field: number, tensor: OnnxTensor): void {
  writer.message(field, inner => writeTensorFields(inner, tensor))
}

function writeTensorFields(writer: WireWriter, tensor: OnnxTensor): void {
  writer.packedInts(1, tensor.dims)
  writer.int(2, tensor.dataType)
  const values = (tensor.values ?? []) as readonly number[]
  if (tensor.dataType === dataTypes.float) writer.packedFloats(4, values)
  else if ([dataTypes.bool, dataTypes.int32, dataTypes.uint8].includes(tensor.dataType as never))
    writer.packedInts(5, values)
  else if (tensor.dataType === dataTypes.int64) writer.packedInts(7, values)
  if (tensor.name !== '') writer.text(8, tensor.name)
  if (tensor.dataType === dataTypes.double) writer.packedDoubles(10, values)
}

export function writeValue(writer: WireWriter, value: OnnxValue): void {
  writer.text(1, value.name)
  writer.message(2, type => writeType(type, value))
}

function writeType(writer: WireWriter, { kind, elementType, shape, of }: OnnxType): void {
  if (kind === 'tensor') {
    writer.message(1, tensor => {
      tensor.int(1, elementType)
      if (!shape) return
      tensor.message(2, inner => {
        for (const dimension of shape) inner.message(1, one => writeDimension(one, dimension))
      })
    })
  } else if (kind === 'sequence' && of) {
    writer.message(4, sequence => sequence.message(1, inner => writeType(inner, of)))
  } else if (kind === 'map' && of) {
    writer.message(5, map => {
      map.int(1, elementType)
      map.message(2, inner => writeType(inner, of))
    })
  }
}

function writeDimension(writer: WireWriter, dimension: Dimension): void {
  if (typeof dimension === 'number') writer.int(1, dimension)
  else if (dimension !== undefined) writer.text(2, dimension)
}
