import { LineCounter, parseDocument, stringify, type ScalarTag } from 'yaml'
import type { Json } from './canonical-json.ts'
import { messageOf } from './message-of.ts'

/** Nothing that a YAML 1.1 or a 1.2 reader could take for something else than text stays unquoted; no line is folded. */
const writing = { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false } as const

/** One scalar: plain where every reader takes it for this text, else quoted. */
export function yamlScalar(value: null | boolean | number | string): string {
  return stringify(value, writing).trimEnd()
}

/** Block YAML with members in their given order: the same value always gives the same text. */
export function yaml(value: Json): string {
  return stringify(value, writing)
}

/** Several documents in one text. */
export function yamlDocuments(values: readonly Json[]): string {
  return values.map(yaml).join('---\n')
}

/** Why a text is no YAML that is read here, and where. */
export interface YamlFault {
  readonly reason: string
  readonly line?: number
  readonly column?: number
}

/** Most times that aliases may stand for what was said before: a text of a few lines can unfold to gigabytes. */
const maxAliases = 1_000

/** What YAML 1.1 takes for truth values besides true and false, as PyYAML does. */
const words: ScalarTag = {
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  test: /^(?:yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF)$/,
  resolve: text => /^(?:yes|on)$/i.test(text),
}

/** Only what JSON has as well: tags that are asked for by name would make bytes and dates. */
function isPlain(value: unknown): boolean {
  const open: unknown[] = [value]
  const seen = new Set<unknown>()
  for (let one = open.pop(); open.length > 0 || one !== undefined; one = open.pop()) {
    if (typeof one !== 'object' || one === null || seen.has(one)) continue
    const prototype: unknown = Object.getPrototypeOf(one)
    if (prototype !== Object.prototype && !Array.isArray(one)) return false
    seen.add(one)
    open.push(...Object.values(one))
  }
  return true
}

function inWords(reason: string): string {
  if (/call stack/.test(reason)) return 'it is nested too deep'
  if (/alias count/.test(reason)) return `its aliases stand for more than ${maxAliases} values`
  return (reason.split('\n')[0] as string).replace(/(?: at line \d+, column \d+)?:?$/, '')
}

/**
 * Reads one document of YAML as plain data: no tags of its own, keys once each, aliases within bounds, dates as the text
 * they were written as. With `words`, yes, no, on and off are truth values (YAML 1.1, what most Python programs read).
 */
export function readYaml(
  text: string,
  options: { readonly words?: boolean } = {},
): { readonly value: Json } | { readonly fault: YamlFault } {
  const lines = new LineCounter()
  try {
    const document = parseDocument(text, {
      schema: 'core',
      merge: true,
      lineCounter: lines,
      customTags: options.words ? [words] : [],
    })
    const [wrong] = [...document.errors, ...document.warnings]
    if (wrong) {
      const { line, col } = lines.linePos(wrong.pos[0])
      return { fault: { reason: inWords(wrong.message), line, column: col } }
    }
    const value: unknown = document.toJS({ maxAliasCount: maxAliases })
    return isPlain(value) ? { value: value as Json } : { fault: { reason: 'it holds a value that is no plain data' } }
  } catch (error) {
    return { fault: { reason: inWords(messageOf(error)) } }
  }
}
