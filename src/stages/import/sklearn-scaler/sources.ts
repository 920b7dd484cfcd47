import { MalformedError } from '../../../internal/archive/malformed.ts'
import { readNpy } from '../../../internal/archive/npy.ts'
import { messageOf } from '../../../internal/message-of.ts'
import type { Attributes } from './attributes.ts'

type Entries = ReadonlyMap<string, Uint8Array>

const wrapped = <T>(what: string, read: () => T): T => {
  try {
    return read()
  } catch (error) {
    if (error instanceof MalformedError) throw new MalformedError(`${what}: ${error.message}`)
    throw error
  }
}

function array(bytes: Uint8Array): unknown {
  const { shape, values } = readNpy(bytes)
  return shape.length === 0 ? values[0] : [...values]
}

/** `numpy.savez(file, **vars(scaler))`: an array an attribute. */
export function attributesOfNpz(entries: Entries): Attributes {
  return new Map(
    [...entries].map(([name, bytes]) => {
      const attribute = name.replace(/\.npy$/, '')
      const value = wrapped(attribute, () => array(bytes))
      // Booleans come as 0 and 1
      return [attribute, /^(with_|clip$)/.test(attribute) ? value === 1 : value]
    }),
  )
}

/** `json.dump({name: value.tolist()})`, or any object with scikit-learn's attribute names. */
export function attributesOfJson(text: string): Attributes {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new MalformedError(`it is no JSON: ${messageOf(error)}`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new MalformedError('it is no JSON object')
  return new Map(Object.entries(value))
}

interface Node {
  readonly __class__?: unknown
  readonly __loader__?: unknown
  readonly content?: unknown
  readonly type?: unknown
  readonly file?: unknown
}

/** Loaders of skops whose content is plain data; everything else stays unread. */
function plain(node: Node, entries: Entries, depth: number): unknown {
  if (depth > 8) throw new MalformedError('schema.json is nested too deep')
  const { __loader__: loader, content } = node
  if (loader === 'JsonNode' && typeof content === 'string') return JSON.parse(content) as unknown
  if (loader === 'NdArrayNode' && node.type === 'numpy') {
    const bytes = entries.get(String(node.file))
    if (!bytes) throw new MalformedError(`it lacks the array ${String(node.file)}`)
    return array(bytes)
  }
  const list = loader === 'TupleNode' || loader === 'ListNode' || (loader === 'NdArrayNode' && node.type === 'json')
  if (list && Array.isArray(content)) return content.map(one => plain((one ?? {}) as Node, entries, depth + 1))
  return undefined
}

/** `skops.io.dump(scaler, file)`: schema.json names a class and its attributes; none of it is constructed. */
export function attributesOfSkops(entries: Entries): Attributes {
  const bytes = entries.get('schema.json')
  if (!bytes) throw new MalformedError('it has no schema.json')
  return wrapped('schema.json', () => {
    let root: Node & { content?: { content?: unknown } }
    try {
      root = JSON.parse(new TextDecoder().decode(bytes)) as typeof root
    } catch (error) {
      throw new MalformedError(`it is no JSON: ${messageOf(error)}`)
    }
    const attributes = root?.content?.content
    if (typeof attributes !== 'object' || attributes === null)
      throw new MalformedError(`it describes ${String(root?.__class__ ?? 'nothing')} without attributes`)
    try {
      const read = Object.entries(attributes as Record<string, Node>).map(([name, node]): [string, unknown] => [
        name,
        wrapped(name, () => plain(node ?? {}, entries, 0)),
      ])
      return new Map<string, unknown>([...read, ['class', root.__class__]])
    } catch (error) {
      if (error instanceof SyntaxError) throw new MalformedError('an attribute is no JSON')
      throw error
    }
  })
}
