import { fail } from '../../../errors/index.ts'

/** What a filter or an order looks at. */
export interface Searchable {
  readonly attributes: Readonly<Record<string, string | number | undefined>>
  readonly params: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, number>>
}

type Part = keyof Searchable
type Operand = string | number | readonly string[]

const prefixes: Readonly<Record<string, Part>> = {
  metric: 'metrics',
  metrics: 'metrics',
  parameter: 'params',
  parameters: 'params',
  param: 'params',
  params: 'params',
  tag: 'tags',
  tags: 'tags',
  attribute: 'attributes',
  attributes: 'attributes',
  attr: 'attributes',
  run: 'attributes',
}
const aliases: Readonly<Record<string, string>> = { created: 'start_time', 'run name': 'run_name', run_uuid: 'run_id' }
const token = /\s*(?:('(?:[^']*)')|("(?:[^"]*)")|(`(?:[^`]*)`)|(>=|<=|!=|=|>|<)|([(),])|([^\s=<>!(),'"`]+))/y

function refuse(reason: string): never {
  throw fail('trackingInvalid', { reason: `Invalid filter or order: ${reason}` })
}

function tokens(text: string): string[] {
  const found: string[] = []
  token.lastIndex = 0
  while (token.lastIndex < text.trimEnd().length) {
    const match = token.exec(text)
    if (!match) return refuse(`cannot read '${text.slice(0, 80)}'`)
    const piece = match[0].trim()
    const last = found.at(-1)
    // `tags."a b"` comes as two pieces
    if (last?.endsWith('.') && /^["`]/.test(piece)) found[found.length - 1] = last + piece.slice(1, -1)
    else found.push(piece)
  }
  return found
}

const unquoted = (text: string): string => (/^(['"`]).*\1$/s.test(text) ? text.slice(1, -1) : text)

function identifier(text: string): { readonly part: Part; readonly key: string } {
  const dot = text.indexOf('.')
  if (dot < 0) return { part: 'attributes', key: aliases[unquoted(text)] ?? unquoted(text) }
  const part = prefixes[text.slice(0, dot).toLowerCase()] ?? refuse(`'${text}' has an unknown type`)
  const key = unquoted(text.slice(dot + 1))
  return { part, key: part === 'attributes' ? (aliases[key] ?? key) : key }
}

function like(pattern: string, value: string, fold: boolean): boolean {
  const escaped = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    .replace(/%/g, '.*')
    .replace(/_/g, '.')
  return new RegExp(`^${escaped}$`, fold ? 'si' : 's').test(value)
}

function compare(operator: string, value: string | number, wanted: Operand): boolean {
  switch (operator) {
    case '=':
      return value === wanted
    case '!=':
      return value !== wanted
    case '>':
      return Number(value) > Number(wanted)
    case '>=':
      return Number(value) >= Number(wanted)
    case '<':
      return Number(value) < Number(wanted)
    case '<=':
      return Number(value) <= Number(wanted)
    case 'LIKE':
      return like(String(wanted), String(value), false)
    case 'ILIKE':
      return like(String(wanted), String(value), true)
    case 'IN':
      return (wanted as readonly string[]).includes(String(value))
    case 'NOT IN':
      return !(wanted as readonly string[]).includes(String(value))
    default:
      return refuse(`operator '${operator}'`)
  }
}

const numbers = new Set(['start_time', 'end_time', 'creation_time', 'last_update_time'])

/** A function that says whether a thing fits: clauses joined by AND. Throws on what the grammar does not have. */
export function matcher(filter: string): (thing: Searchable) => boolean {
  const read = tokens(filter)
  const clauses: ((thing: Searchable) => boolean)[] = []
  let at = 0
  const next = (): string => read[at++] ?? refuse(`'${filter.slice(0, 80)}' ends too early`)
  while (at < read.length) {
    const { part, key } = identifier(next())
    let operator = next().toUpperCase()
    if (operator === 'NOT') operator = `NOT ${next().toUpperCase()}`
    const numeric = part === 'metrics' || (part === 'attributes' && numbers.has(key))
    let wanted: Operand
    if (operator === 'IN' || operator === 'NOT IN') {
      if (next() !== '(') refuse('a list stands in parentheses')
      const list: string[] = []
      for (let piece = next(); piece !== ')'; piece = next()) if (piece !== ',') list.push(unquoted(piece))
      wanted = list
    } else {
      const literal = next()
      if (numeric) {
        wanted = Number(literal)
        if (Number.isNaN(wanted)) refuse(`'${literal}' is no number`)
        if (operator.includes('LIKE')) refuse(`${operator} of a number`)
      } else {
        if (!/^['"]/.test(literal)) refuse(`the value ${literal} must be quoted`)
        if (!['=', '!=', 'LIKE', 'ILIKE'].includes(operator)) refuse(`operator '${operator}' of a text`)
        wanted = unquoted(literal)
      }
    }
    clauses.push(thing => {
      const value = thing[part][key]
      return value !== undefined && compare(operator, value, wanted)
    })
    if (at < read.length && next().toUpperCase() !== 'AND') refuse('clauses are joined by AND')
  }
  return thing => clauses.every(clause => clause(thing))
}

/** A comparison by `metrics.auc DESC, start_time`; what lacks the value stands last. */
export function ordering(orders: readonly string[]): (a: Searchable, b: Searchable) => number {
  const keys = orders.map(order => {
    const match = /^\s*(.+?)(?:\s+(asc|desc))?\s*$/i.exec(order)
    return { ...identifier(match?.[1] ?? refuse(`'${order}'`)), down: match?.[2]?.toLowerCase() === 'desc' }
  })
  const missing = (value: string | number | undefined): boolean => value === undefined || Number.isNaN(value)
  return (a, b) => {
    for (const { part, key, down } of keys) {
      const [x, y] = [a[part][key], b[part][key]]
      if (missing(x) || missing(y)) {
        if (missing(x) !== missing(y)) return missing(x) ? 1 : -1
      } else if (x !== y) return (x as number) < (y as number) === down ? 1 : -1
    }
    return 0
  }
}
