import { dataTypes, type OnnxTensor } from './proto.ts'
import {
  addDoubles,
  addFloats,
  addInts,
  asInt32,
  asMessage,
  asText,
  type Field,
  knownFields,
  readFixed,
} from './wire-reader.ts'
import { wire } from './wire-writer.ts'

const fieldNames = { float: 4, int32: 5, text: 6, int64: 7, raw: 9, double: 10, uint64: 11 } as const

const kinds = {
  1: 'ints',
  2: 'int',
  3: 'unread',
  4: 'floats',
  5: 'ints',
  6: 'text',
  7: 'ints',
  8: 'text',
  9: 'text',
  10: 'doubles',
  11: 'ints',
  13: 'text',
  14: 'int',
  16: 'unread',
} as const

/**
 * A TensorProto. Its values are read when somebody asks for them: weights take most of a file, and few of them are looked at.
 */
export function tensorOf(bytes: Uint8Array): OnnxTensor {
  let name = ''
  let dataType = 0
  let raw: Uint8Array | undefined
  let external = false
  let location: string | undefined
  const dims: number[] = []
  const data = new Map<number, Field[]>()
  for (const field of knownFields(bytes, kinds)) {
    if (field.number === 1) addInts(field, dims)
    else if (field.number === 2) dataType = asInt32(field)
    else if (field.number === 8) name = asText(field)
    else if (field.number === fieldNames.raw) raw = asMessage(field)
    else if (field.number === 13) location = locationOf(asMessage(field)) ?? location
    else if (field.number === 14) external = asInt32(field) === 1
    else data.set(field.number, [...(data.get(field.number) ?? []), field])
  }
  const counts = new Map([...data].map(([number, fields]) => [number, countOf(number, fields)]))
  const fields = [...counts].filter(([, count]) => count > 0).map(([number]) => number)
  let values: OnnxTensor['values']
  let read = false
  return {
    name,
    dims,
    dataType,
    get values() {
      if (!read) values = raw ? rawValues(raw, dataType) : listedValues(dataType, data)
      read = true
      return values
    },
    rawBytes: raw?.length ?? 0,
    external,
    ...(location === undefined ? {} : { location }),
    fields: raw ? [...fields, fieldNames.raw] : fields,
    listed: counts.get(fieldOfType(dataType)) ?? 0,
  }
}

function locationOf(entry: Uint8Array): string | undefined {
  let key = ''
  let value = ''
  for (const field of knownFields(entry, { 1: 'text', 2: 'text' })) {
    if (field.number === 1) key = asText(field)
    else value = asText(field)
  }
  return key === 'location' ? value : undefined
}

/** The field in which values of a type are listed, where they are not raw. */
export function fieldOfType(dataType: number): number {
  if (dataType === dataTypes.float || dataType === 14) return fieldNames.float
  if (dataType === dataTypes.double || dataType === 15) return fieldNames.double
  if (dataType === dataTypes.int64) return fieldNames.int64
  if (dataType === dataTypes.uint32 || dataType === dataTypes.uint64) return fieldNames.uint64
  if (dataType === dataTypes.string) return fieldNames.text
  return fieldNames.int32
}

/** How many values, without making them. */
function countOf(number: number, fields: readonly Field[]): number {
  return fields.reduce((sum, { type, bytes }) => {
    if (number === fieldNames.text || type !== wire.length) return sum + 1
    if (number === fieldNames.float) return sum + Math.floor(bytes.length / 4)
    if (number === fieldNames.double) return sum + Math.floor(bytes.length / 8)
    let count = 0
    for (const byte of bytes) if (byte < 128) count++
    return sum + count
  }, 0)
}

function listedValues(dataType: number, data: ReadonlyMap<number, Field[]>): readonly number[] | readonly string[] {
  const number = fieldOfType(dataType)
  const fields = data.get(number) ?? []
  if (number === fieldNames.text) return fields.map(asText)
  const values: number[] = []
  for (const field of fields) {
    if (number === fieldNames.float) addFloats(field, values)
    else if (number === fieldNames.double) addDoubles(field, values)
    else addInts(field, values)
  }
  return values
}

/** Undefined for the types that Millrace does not compute with, and for bytes that are no whole number of values. */
function rawValues(raw: Uint8Array, dataType: number): number[] | undefined {
  const values: number[] = []
  const reader = rawReaders[dataType]
  if (!reader || raw.length % reader.width !== 0) return undefined
  readFixed(raw, reader.width, reader.read, values)
  return values
}

interface RawReader {
  readonly width: number
  readonly read: (view: DataView, at: number) => number
}

const rawReaders: Readonly<Record<number, RawReader>> = {
  [dataTypes.float]: { width: 4, read: (view, at) => view.getFloat32(at, true) },
  [dataTypes.double]: { width: 8, read: (view, at) => view.getFloat64(at, true) },
  [dataTypes.int32]: { width: 4, read: (view, at) => view.getInt32(at, true) },
  [dataTypes.int64]: { width: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
}

/** Bits of one value of a type; undefined for types that no file may hold raw. */
export function bitsOfType(dataType: number): number | undefined {
  return bits[dataType]
}

const bits: Readonly<Record<number, number>> = {
  1: 32,
  2: 8,
  3: 8,
  4: 16,
  5: 16,
  6: 32,
  7: 64,
  9: 8,
  10: 16,
  11: 64,
  12: 32,
  13: 64,
  14: 64,
  15: 128,
  16: 16,
  17: 8,
  18: 8,
  19: 8,
  20: 8,
  21: 4,
  22: 4,
  23: 4,
  24: 8,
  25: 2,
  26: 2,
}
