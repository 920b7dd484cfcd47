import { fail } from '../../../errors/index.ts'
import type { Value } from '../../../ports/data-engine.ts'
import type { RequestColumn } from '../../../stages/serve/types.ts'
import { typedValue } from '../rows.ts'
import { datatypeOf, isReadableAs, readBinary } from './datatypes.ts'

export const inferRoute = 'POST /v2/models/{model}/infer'

/** Throws `inputInvalid` with the place in the body. */
export const refuse = (place: string, reason: string): never => {
  throw fail('inputInvalid', { place, reason, route: inferRoute })
}

export function known(value: Record<string, unknown>, names: readonly string[], place: string): void {
  for (const key of Object.keys(value))
    if (!names.includes(key)) refuse(`${place}.${key}`, `is not known; there are ${names.join(', ')}`)
}

/** The parameters of something, which may be left out or null. */
export function parametersOf(value: unknown, place: string): Readonly<Record<string, unknown>> {
  if (value === undefined || value === null) return {}
  return typeof value === 'object' && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : refuse(place, 'expected an object')
}

/** The binary part of a request, taken tensor by tensor in their order. */
export class BinaryReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  take(size: number, place: string): Uint8Array {
    const left = this.#bytes.length - this.#at
    if (size > left) refuse(place, `says ${size} bytes, and ${left} are left of the body`)
    this.#at += size
    return this.#bytes.subarray(this.#at - size, this.#at)
  }

  /** Refuses what no tensor claims. */
  end(): void {
    const left = this.#bytes.length - this.#at
    if (left > 0) refuse('body', `has ${left} bytes that no tensor claims`)
  }
}

/** Rows of a tensor that holds one column: shape [n] or [n, 1]. */
function rowsOf(shape: unknown, place: string): number {
  const isShape = Array.isArray(shape) && shape.every(one => Number.isSafeInteger(one) && one >= 0)
  if (!isShape || !(shape.length === 1 || (shape.length === 2 && shape[1] === 1)))
    return refuse(place, `expected [n] or [n, 1], got ${JSON.stringify(shape)?.slice(0, 60)}`)
  return shape[0] as number
}

/** JSON may nest a tensor by its shape or write it flat. */
function jsonValues(data: unknown, rows: number, place: string): readonly unknown[] {
  if (!Array.isArray(data)) return refuse(place, 'expected a list')
  const flat: readonly unknown[] = data.some(Array.isArray) ? data.flat() : data
  if (flat.length !== rows) refuse(place, `has ${flat.length} values, its shape says ${rows}`)
  return flat
}

function columnValues(
  tensor: Readonly<Record<string, unknown>>,
  column: RequestColumn,
  binary: BinaryReader,
  place: string,
): readonly unknown[] {
  known(tensor, ['name', 'shape', 'datatype', 'parameters', 'data'], place)
  const datatype = String(tensor.datatype)
  if (!isReadableAs(datatype, column))
    refuse(`${place}.datatype`, `column '${column.name}' takes ${datatypeOf[column.type]}, got ${datatype}`)
  const rows = rowsOf(tensor.shape, `${place}.shape`)
  const { binary_data_size: size } = parametersOf(tensor.parameters, `${place}.parameters`)
  if (size === undefined) {
    const values = jsonValues(tensor.data, rows, `${place}.data`)
    return datatype === 'BOOL' ? values.map(one => (one === 0 ? false : one === 1 ? true : one)) : values
  }
  if (tensor.data !== undefined) refuse(`${place}.data`, 'is there beside binary_data_size')
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0)
    return refuse(`${place}.parameters.binary_data_size`, 'expected a number of bytes')
  const read = readBinary(datatype, binary.take(size, `${place}.parameters.binary_data_size`), rows)
  return typeof read === 'string' ? refuse(place, read) : read
}

/** Rows of a request, each column from its tensor. Throws `inputInvalid` and `requestInvalid`. */
export function inputRows(
  inputs: unknown,
  columns: readonly RequestColumn[],
  bytes: Uint8Array,
): Record<string, Value>[] {
  if (!Array.isArray(inputs) || inputs.length === 0)
    return refuse('body.inputs', 'expected a list of tensors, one a column')
  const byName = new Map(columns.map(column => [column.name, column]))
  const binary = new BinaryReader(bytes)
  const given = new Map<string, readonly unknown[]>()
  inputs.forEach((tensor: unknown, i) => {
    const place = `body.inputs[${i}]`
    if (typeof tensor !== 'object' || tensor === null) return refuse(place, 'expected a tensor')
    const name = String((tensor as Record<string, unknown>).name)
    const column = byName.get(name)
    if (!column)
      throw fail('requestInvalid', {
        row: '*',
        column: name,
        reason: `is no column; there are ${[...byName.keys()].join(', ')}`,
      })
    if (given.has(name)) refuse(place, `the column '${name}' is there twice`)
    given.set(name, columnValues(tensor as Record<string, unknown>, column, binary, place))
  })
  binary.end()
  const lengths = [...given.values()].map(values => values.length)
  const length = lengths.reduce((a, b) => Math.max(a, b), 0)
  for (const [name, values] of given)
    if (values.length !== length) refuse('body.inputs', `'${name}' has ${values.length} rows, another column ${length}`)
  if (length === 0) refuse('body.inputs', 'there are no rows')
  return Array.from({ length }, (_, row) => {
    const made: Record<string, Value> = {}
    for (const column of columns) made[column.name] = typedValue(column, given.get(column.name)?.[row], row)
    return made
  })
}
