import { fail } from '../../../errors/index.ts'
import type { Json } from '../../../internal/canonical-json.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { readYaml, type YamlFault } from '../../../internal/yaml.ts'

/** Far deeper than any suite; what is deeper would overflow the readers behind. */
const deepest = 100
/** Far longer than any suite: a mistaken file is told by its size before it is parsed. */
const longest = 32 * 2 ** 20

function refuse(file: string, format: 'JSON' | 'YAML', { reason, line, column }: YamlFault): never {
  const place = line === undefined ? '' : ` (line ${line}, column ${column})`
  throw fail('importUnreadable', { file, format, reason: `${reason}${place}` })
}

function placeOf(text: string, at: number): { readonly line: number; readonly column: number } {
  const before = text.slice(0, at).split('\n')
  return { line: before.length, column: (before.at(-1) as string).length + 1 }
}

/** What is wrong with a text, where `JSON.parse` tells; undefined for what could still become JSON. */
function wrong(text: string): { readonly reason: string } | undefined {
  try {
    JSON.parse(text)
    return undefined
  } catch (error) {
    const reason = messageOf(error)
    const at = Number(/at position (\d+)/.exec(reason)?.[1] ?? Number.NaN)
    return /^(?:Unexpected end|Unterminated)/.test(reason) || at >= text.length ? undefined : { reason }
  }
}

/**
 * Where a text stops being JSON: the end of its shortest part that nothing can mend. The parser's own message has no
 * position for each kind of fault.
 */
function jsonFault(text: string): YamlFault {
  if (!wrong(text)) return { reason: 'it ends too early', ...placeOf(text, text.length) }
  let [good, bad] = [0, text.length]
  while (bad - good > 1) {
    const middle = (good + bad) >> 1
    if (wrong(text.slice(0, middle))) bad = middle
    else good = middle
  }
  return { reason: `unexpected ${JSON.stringify(text.slice(good, good + 1))}`, ...placeOf(text, good) }
}

/** What `JSON.parse` passes over in silence: a key that stands twice. Of well-formed JSON only. */
function twice(text: string): YamlFault | undefined {
  const form = /"((?:[^"\\]|\\.)*)"(\s*:)?|[{}[\]]/g
  const open: (Set<string> | undefined)[] = []
  for (let part = form.exec(text); part; part = form.exec(text)) {
    const [token, key, colon] = part
    if (token === '{' || token === '[') open.push(token === '{' ? new Set() : undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (colon !== undefined && key !== undefined) {
      const keys = open.at(-1)
      const name = JSON.parse(`"${key}"`) as string
      if (keys?.has(name))
        return { reason: `the key ${JSON.stringify(name)} stands twice`, ...placeOf(text, part.index) }
      keys?.add(name)
    }
    if (open.length > deepest) return { reason: 'it is nested too deep', ...placeOf(text, part.index) }
  }
  return undefined
}

function checkDepth(value: Json): YamlFault | undefined {
  let level: readonly Json[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return { reason: 'it is nested too deep' }
    level = level.flatMap(one => (typeof one === 'object' && one !== null ? (Object.values(one) as Json[]) : []))
  }
  return undefined
}

function decoded(file: string, bytes: Uint8Array, format: 'JSON' | 'YAML'): string {
  if (bytes.length > longest) refuse(file, format, { reason: `it is larger than ${longest / 2 ** 20} MiB` })
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse(file, format, { reason: 'it is no text in UTF-8' })
  }
}

/** Reads JSON, each key once. Throws `importUnreadable` with the place. */
export function jsonOf(file: string, bytes: Uint8Array): Json {
  const text = decoded(file, bytes, 'JSON')
  let value: Json
  try {
    value = JSON.parse(text) as Json
  } catch {
    return refuse(file, 'JSON', jsonFault(text))
  }
  const fault = twice(text)
  return fault ? refuse(file, 'JSON', fault) : value
}

/** Reads YAML as plain data. Throws `importUnreadable` with the place. */
export function yamlOf(file: string, bytes: Uint8Array, options: { readonly words?: boolean } = {}): Json {
  const read = readYaml(decoded(file, bytes, 'YAML'), options)
  if ('fault' in read) return refuse(file, 'YAML', read.fault)
  const fault = checkDepth(read.value)
  return fault ? refuse(file, 'YAML', fault) : read.value
}
