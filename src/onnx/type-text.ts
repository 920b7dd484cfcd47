import type { OnnxAttribute, OnnxGraph, OnnxNode, OnnxType } from './proto.ts'

/** Element types by their number, as the schemas write them. */
const elements: readonly string[] =
  '? float uint8 int8 uint16 int16 int32 int64 string bool float16 double uint32 uint64 complex64 complex128 bfloat16 float8e4m3fn float8e4m3fnuz float8e5m2 float8e5m2fnuz uint4 int4 float4e2m1 float8e8m0 uint2 int2 float6e2m3 float6e3m2'.split(
    ' ',
  )

/** Undefined for 0 and for what is no type. */
export function elementText(type: number | undefined): string | undefined {
  return type === undefined || type <= 0 ? undefined : elements[type]
}

export function tensorText(type: number | undefined): string | undefined {
  const element = elementText(type)
  return element && `tensor(${element})`
}

/** `seq(map(int64,float))`; undefined where something is not declared, or is no type. */
export function typeText({ kind, elementType, of }: OnnxType): string | undefined {
  if (kind === 'tensor') return tensorText(elementType)
  if (kind === 'none') return undefined
  const element = elementText(elementType)
  if (kind === 'sparse') return element && `sparse_tensor(${element})`
  const inner = of && typeText(of)
  if (inner === undefined) return undefined
  if (kind === 'sequence') return `seq(${inner})`
  if (kind === 'optional') return `optional(${inner})`
  return element && `map(${element},${inner.startsWith('tensor(') ? inner.slice(7, -1) : inner})`
}

/** What is between the brackets of `seq(…)` or `optional(…)`. */
export function insideOf(type: string | undefined): string | undefined {
  const match = type === undefined ? null : /^(?:seq|optional)\((.*)\)$/.exec(type)
  return match?.[1]
}

export function attributeOf(node: OnnxNode, name: string): OnnxAttribute | undefined {
  return node.attributes.find(attribute => attribute.name === name)
}

/** Graphs in a node's attributes. */
export function graphsOf(node: OnnxNode): OnnxGraph[] {
  return node.attributes.flatMap(({ graph, graphs = [] }) => (graph ? [graph, ...graphs] : graphs))
}
