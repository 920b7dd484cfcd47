import { fail } from '../../../errors/index.ts'
import { wildcard } from './wildcard.ts'

/** What a filter or an order looks at. */
export interface Searchable {
  readonly attributes: Readonly<Record<string, string | number | undefined>>
  readonly params: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, number>>
}

type Part = keyof Searchable
type Value = string | number

/** A filter is looked at for every run: what no client sends is refused before it costs anything. */
const maxFilterLength = 100_000
const maxClauses = 100
const maxOrders = 20

const prefixes = new Map<string, Part>(
  Object.entries({
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
  } satisfies Record<string, Part>),
)
const aliases = new Map([
  ['created', 'start_time'],
  ['run name', 'run_name'],
  ['run_uuid', 'run_id'],
])
const token = /\s*(?:('(?:[^']*)')|("(?:[^"]*)")|(`(?:[^`]*)`)|(>=|<=|!=|=|>|<)|([(),])|([^\s=<>!(),'"`]+))/y

function refuse(reason: string): never {
  throw fail('trackingInvalid', { reason: `Invalid filter or order: ${reason}` })
}

function tokens(text: string): string[] {
  if (text.length > maxFilterLength) refuse(`it is longer than ${maxFilterLength} characters`)
  const found: string[] = []
  token.lastIndex = 0
  const end = text.trimEnd().length
  while (token.lastIndex < end) {
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
  if (dot < 0) return { part: 'attributes', key: aliases.get(unquoted(text)) ?? unquoted(text) }
  const part = prefixes.get(text.slice(0, dot).toLowerCase()) ?? refuse(`'${text.slice(0, 80)}' has an unknown type`)
  const key = unquoted(text.slice(dot + 1))
  return { part, key: part === 'attributes' ? (aliases.get(key) ?? key) : key }
}

/** Own members only: a run has no parameter `toString` before somebody gave it one. */
function valueOf(thing: Searchable, part: Part, key: string): Value | undefined {
  return Object.hasOwn(thing[part], key) ? thing[part][key] : undefined
}

/** A comparison with one value; what the operator does not have is refused before anything is compared. */
function comparison(operator: string, wanted: Value): (value: Value) => boolean {
  switch (operator) {
    case '=':
      return value => value === wanted
    case '!=':
      return value => value !== wanted
    case '>':
      return value => Number(value) > Number(wanted)
    case '>=':
      return value => Number(value) >= Number(wanted)
    case '<':
      return value => Number(value) < Number(wanted)
    case '<=':
      return value => Number(value) <= Number(wanted)
    case 'LIKE':
    case 'ILIKE': {
      const fits = wildcard(String(wanted), operator === 'ILIKE')
      return value => fits(String(value))
    }
    default:
      return refuse(`operator '${operator.slice(0, 80)}'`)
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
    let holds: (value: Value) => boolean
    if (operator === 'IN' || operator === 'NOT IN') {
      if (next() !== '(') refuse('a list stands in parentheses')
      const list = new Set<string>()
      for (let piece = next(); piece !== ')'; piece = next()) if (piece !== ',') list.add(unquoted(piece))
      holds = value => list.has(String(value)) === (operator === 'IN')
    } else {
      const literal = next()
      if (numeric) {
        const wanted = Number(literal)
        if (Number.isNaN(wanted)) refuse(`'${literal.slice(0, 80)}' is no number`)
        if (operator.includes('LIKE')) refuse(`${operator.slice(0, 80)} of a number`)
        holds = comparison(operator, wanted)
      } else {
        if (!/^['"]/.test(literal)) refuse(`the value ${literal.slice(0, 80)} must be quoted`)
        if (!['=', '!=', 'LIKE', 'ILIKE'].includes(operator)) refuse(`operator '${operator.slice(0, 80)}' of a text`)
        holds = comparison(operator, unquoted(literal))
      }
    }
    if (clauses.length === maxClauses) refuse(`it has more than ${maxClauses} clauses`)
    clauses.push(thing => {
      const value = valueOf(thing, part, key)
      return value !== undefined && holds(value)
    })
    if (at < read.length && next().toUpperCase() !== 'AND') refuse('clauses are joined by AND')
  }
  return thing => clauses.every(clause => clause(thing))
}

/** A comparison by `metrics.auc DESC, start_time`; what lacks the value stands last. */
export function ordering(orders: readonly string[]): (a: Searchable, b: Searchable) => number {
  if (orders.length > maxOrders) refuse(`more than ${maxOrders} orders`)
  const keys = orders.map(order => {
    const words = order.trim()
    if (words === '' || words.length > 1000) refuse(`'${words.slice(0, 80)}'`)
    // Cut off from the end: a pattern for the whole would try every space of the middle anew
    const direction = /\s(asc|desc)$/i.exec(words)?.[1]?.toLowerCase()
    const name = direction === undefined ? words : words.slice(0, -direction.length).trimEnd()
    return { ...identifier(name), down: direction === 'desc' }
  })
  const missing = (value: Value | undefined): boolean => value === undefined || Number.isNaN(value)
  return (a, b) => {
    for (const { part, key, down } of keys) {
      const [x, y] = [valueOf(a, part, key), valueOf(b, part, key)]
      if (missing(x) || missing(y)) {
        if (missing(x) !== missing(y)) return missing(x) ? 1 : -1
      } else if (x !== y) return (x as number) < (y as number) === down ? 1 : -1
    }
    return 0
  }
}
