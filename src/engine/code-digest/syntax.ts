import { createHash } from 'node:crypto'
import type { Node } from './module-source.ts'

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as { type?: unknown }).type === 'string'
}

export function* childrenOf(node: Node): Generator<Node> {
  for (const value of Object.values(node)) {
    if (isNode(value)) yield value
    else if (Array.isArray(value)) for (const item of value) if (isNode(item)) yield item
  }
}

export function* walk(node: Node): Generator<Node> {
  yield node
  for (const child of childrenOf(node)) yield* walk(child)
}

export function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Identifier' ? (node['name'] as string) : undefined
}

export function textOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Literal' && typeof node['value'] === 'string' ? node['value'] : undefined
}

/** `object.property` with a plain name: its property. */
export function propertyOf(node: Node): string | undefined {
  return node.type === 'MemberExpression' && node['computed'] !== true ? nameOf(node['property']) : undefined
}

/** The specifier that a call loads: jiti's import in what was ESM, `require` in what was CommonJS. */
export function loadedBy(node: Node): string | undefined {
  if (node.type === 'ImportExpression') return textOf(node['source'])
  if (node.type !== 'CallExpression') return undefined
  const callee = nameOf(node['callee'])
  if (callee !== 'jitiImport' && callee !== 'require') return undefined
  return textOf((node['arguments'] as readonly unknown[])[0])
}

/** The specifier of an import: a load, awaited or not, in the wrapper that makes its default and namespace. */
export function importedBy(node: unknown): string | undefined {
  if (!isNode(node)) return undefined
  if (node.type === 'AwaitExpression') return importedBy(node['argument'])
  const wrapper = node.type === 'CallExpression' ? nameOf(node['callee']) : undefined
  if (wrapper?.startsWith('_interop')) return importedBy((node['arguments'] as readonly unknown[])[0])
  return loadedBy(node)
}

/** Names that a pattern binds: `a`, `{ a, b: c }`, `[a, ...rest]`. */
export function* boundNames(pattern: unknown): Generator<string> {
  if (!isNode(pattern)) return
  switch (pattern.type) {
    case 'Identifier':
      yield pattern['name'] as string
      return
    case 'ObjectPattern':
      for (const property of pattern['properties'] as readonly Node[])
        yield* boundNames(property.type === 'Property' ? property['value'] : property['argument'])
      return
    case 'ArrayPattern':
      for (const element of pattern['elements'] as readonly unknown[]) yield* boundNames(element)
      return
    case 'AssignmentPattern':
      yield* boundNames(pattern['left'])
      return
    case 'RestElement':
      yield* boundNames(pattern['argument'])
  }
}

const positions: ReadonlySet<string> = new Set(['start', 'end', 'loc', 'range', 'raw', 'sourceType'])

/** Digest of what is said, not of how it is laid out nor where: `rename` and `retext` give names and texts a form for that. */
export function digestNode(node: Node, rename: (name: string) => string, retext: (text: string) => string): string {
  const text = JSON.stringify(node, (key, value: unknown) => {
    if (positions.has(key)) return undefined
    if (typeof value === 'bigint') return `${value}n`
    if (isNode(value) && value.type === 'Identifier') return { id: rename(value['name'] as string) }
    return typeof value === 'string' ? retext(value) : value
  })
  return createHash('sha256').update(text).digest('hex')
}
