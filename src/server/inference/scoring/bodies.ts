import { fail } from '../../../errors/index.ts'
import type { RequestColumn } from '../../../stages/serve/types.ts'
import { parseJson } from '../../body.ts'
import { cellsOf, type Cell } from './csv.ts'

/** Rows of a request by name, whatever they came as, and what it says beside them. */
export interface GivenRows {
  readonly rows: readonly unknown[]
  readonly parameters?: unknown
}

type Refuse = (reason: string) => never
type Columns = readonly RequestColumn[]
type NamedValues = Readonly<Record<string, unknown>>

const isObject = (value: unknown): value is NamedValues =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** `{columns, data}` as rows; `index` is accepted, as clients send it, and means nothing here. */
function rowsOfSplit(split: unknown, _: Columns, refuse: Refuse): unknown[] {
  const { columns, data, index: __, ...rest } = (split ?? {}) as Record<string, unknown>
  const [further] = Object.keys(rest)
  if (further !== undefined) refuse(`dataframe_split.${further} is not known`)
  if (!Array.isArray(columns) || !Array.isArray(data)) return refuse('dataframe_split needs columns and data')
  if (new Set(columns).size !== columns.length) refuse('dataframe_split.columns names a column twice')
  return data.map((values: unknown, row) => {
    if (!Array.isArray(values) || values.length !== columns.length)
      return refuse(`dataframe_split.data[${row}] must have ${columns.length} values`)
    return Object.fromEntries(columns.map((name, i) => [String(name), values[i]]))
  })
}

/** `{column: values}`, where a single row may leave out the lists. */
function rowsOfColumns(columns: NamedValues, form: string, refuse: Refuse): unknown[] {
  const lists = Object.entries(columns).map(
    ([name, values]) => [name, Array.isArray(values) ? values : [values]] as const,
  )
  const length = lists.reduce((longest, [, values]) => Math.max(longest, values.length), 0)
  for (const [name, values] of lists)
    if (values.length !== length) refuse(`${form}.${name} has ${values.length} values, another column ${length}`)
  return Array.from({ length }, (_, row) =>
    Object.fromEntries(
      lists.map(([name, values]) => [
        name,
        Array.isArray(values[row]) && values[row].length === 1 ? values[row][0] : values[row],
      ]),
    ),
  )
}

/** A row as an object by name, or as a list in the order of the columns, which is that of `GET /v2/models/<name>`. */
function rowOf(given: unknown, columns: Columns, place: string, refuse: Refuse): NamedValues {
  const row =
    isObject(given) && Array.isArray(given.features) && !('features' in byName(columns)) ? given.features : given
  if (isObject(row)) return row
  if (!Array.isArray(row)) return refuse(`${place} is neither an object by name nor a list`)
  const names = columns.map(column => column.name)
  if (row.length !== names.length)
    return refuse(`${place} has ${row.length} values; in the order of the columns there are ${names.join(', ')}`)
  return Object.fromEntries(names.map((name, i) => [name, row[i]]))
}

const byName = (columns: Columns): NamedValues => Object.fromEntries(columns.map(column => [column.name, column]))

/** A list of rows. */
function rowsOfList(given: unknown, form: string, columns: Columns, refuse: Refuse): unknown[] {
  if (!Array.isArray(given)) return refuse(`${form} must be a list of rows`)
  return given.map((row, i) => rowOf(row, columns, `${form}[${i}]`, refuse))
}

const readers: Readonly<Record<string, (given: unknown, columns: Columns, refuse: Refuse) => unknown[]>> = {
  dataframe_split: rowsOfSplit,
  dataframe_records: (given, _, refuse) =>
    Array.isArray(given) ? (given as unknown[]) : refuse('dataframe_records must be a list of rows'),
  instances: (given, columns, refuse) => rowsOfList(given, 'instances', columns, refuse),
  inputs: (given, _, refuse) => {
    if (isObject(given)) return rowsOfColumns(given, 'inputs', refuse)
    if (Array.isArray(given) && given.every(isObject)) return [...given]
    return refuse('inputs must be a list of rows or an object of columns, by their names')
  },
}
const allForms = Object.keys(readers)

/** JSON: one of the forms with `params` or `parameters` beside it, or rows alone. */
export function jsonRows(
  text: string,
  columns: Columns,
  refuse: Refuse,
  forms: readonly string[] = allForms,
): GivenRows {
  const body = parseJson(text)
  if (Array.isArray(body) && forms === allForms) return { rows: rowsOfList(body, 'the body', columns, refuse) }
  if (!isObject(body)) throw fail('bodyMalformed', { reason: 'it is not an object' })
  const { params, parameters, ...given } = body
  if (params !== undefined && parameters !== undefined) refuse('params and parameters are the same: send one of them')
  const unknown = Object.keys(given).find(key => !forms.includes(key))
  if (unknown !== undefined) refuse(`'${unknown}' is not known; send one of ${forms.join(', ')}`)
  const [form, ...others] = Object.keys(given)
  const read = form === undefined ? undefined : readers[form]
  if (!read || others.length > 0) return refuse(`send exactly one of ${forms.join(', ')}`)
  return { rows: read(given[form as string], columns, refuse), parameters: params ?? parameters }
}

/** A JSON value a line: a row by name, in the order of the columns, or as `{ "features": [...] }`. */
export function lineRows(text: string, columns: Columns, refuse: Refuse): GivenRows {
  const lines = text.split('\n').flatMap((line, i) => (line.trim() === '' ? [] : [{ line, number: i + 1 }]))
  return { rows: lines.map(({ line, number }) => rowOf(parseJson(line), columns, `line ${number}`, refuse)) }
}

const truths: Readonly<Record<string, boolean>> = { true: true, false: false, '1': true, '0': false }

/** A cell as JSON would have it. What reads as nothing of the column's type stays a text, and is refused as one. */
function valueOf(cell: Cell, { type }: RequestColumn): unknown {
  if (cell === null || type === 'text') return cell
  if (type === 'bool') return truths[cell.toLowerCase()] ?? cell
  const isNumber = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?\s*$/i.test(cell)
  // an integer that a double does not hold stays a text, which the column takes
  if (!isNumber || (type === 'int' && /^-?\d{16,}$/.test(cell))) return cell
  return Number(cell)
}

/**
 * CSV: with a first line of names, or in the order of the columns. Which it is says the parameter `header` of the media type
 * (RFC 4180); else the first line is of names where each of its cells, and each column that must be there, is one.
 */
export function csvRows(text: string, header: string | undefined, columns: Columns, refuse: Refuse): GivenRows {
  const cells = cellsOf(text.replace(/^\uFEFF/, ''))
  if ('reason' in cells) return refuse(`line ${cells.line} is no CSV: ${cells.reason}`)
  const [first = []] = cells
  const names = columns.map(column => column.name)
  const needed = columns.filter(column => !column.nullable).map(column => column.name)
  const isNames =
    header === undefined ? needed.every(name => first.includes(name)) && needed.length > 0 : header === 'present'
  const order = isNames ? first.map(String) : names
  if (new Set(order).size !== order.length) refuse('the first line names a column twice')
  const known = byName(columns) as Readonly<Record<string, RequestColumn>>
  return {
    rows: cells.slice(isNames ? 1 : 0).map((row, i) => {
      if (row.length !== order.length)
        return refuse(
          `row ${i} has ${row.length} values; ${isNames ? 'the first line names' : 'in the order of the columns there are'} ${order.join(', ')}`,
        )
      return Object.fromEntries(
        order.map((name, at) => {
          const column = known[name]
          return [name, column ? valueOf(row[at] as Cell, column) : row[at]]
        }),
      )
    }),
  }
}
