import type { Json } from './canonical-json.ts'

/** What a YAML 1.1 or 1.2 reader could take for something else than text. */
const ambiguous = /^(?:~|null|true|false|yes|no|on|off|y|n|[-+]?[.\d].*|0[ox].*|[-+]?\.(?:inf|nan)|=|<<)$/i
const plain = /^[A-Za-z0-9_/.][A-Za-z0-9_/.@+-]*(?:[ :][A-Za-z0-9_/.@+-]+)*$/

/** One scalar: plain where every reader takes it for this text, else as a JSON string, which YAML reads alike. */
export function yamlScalar(value: null | boolean | number | string): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  return plain.test(value) && !ambiguous.test(value) ? value : JSON.stringify(value)
}

function isEmpty(value: object): boolean {
  return Array.isArray(value) ? value.length === 0 : Object.values(value).every(one => one === undefined)
}

function lines(value: Json, indent: string): string[] {
  if (value === null || typeof value !== 'object') return [indent + yamlScalar(value)]
  if (isEmpty(value)) return [indent + (Array.isArray(value) ? '[]' : '{}')]
  if (Array.isArray(value))
    return value.flatMap((item: Json) => {
      const [first = '', ...rest] = lines(item, `${indent}  `)
      return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest]
    })
  return Object.entries(value as { readonly [key: string]: Json | undefined }).flatMap(([key, member]) => {
    if (member === undefined) return []
    const head = `${indent}${yamlScalar(key)}:`
    if (member === null || typeof member !== 'object' || isEmpty(member)) return [`${head} ${lines(member, '')[0]}`]
    return [head, ...lines(member, `${indent}  `)]
  })
}

/** Block YAML with members in their given order: the same value always gives the same text. */
export function yaml(value: Json): string {
  return `${lines(value, '').join('\n')}\n`
}

/** Several documents in one text. */
export function yamlDocuments(values: readonly Json[]): string {
  return values.map(yaml).join('---\n')
}
