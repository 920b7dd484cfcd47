import type { RequestColumn } from '../../../stages/serve/types.ts'

/** How one datatype of the protocol lies in a binary tensor, little-endian. */
interface Datatype {
  readonly bytes: number
  readonly read: (from: DataView, at: number) => number | boolean | string
  readonly write: (to: DataView, at: number, value: never) => void
}

/** Whole numbers beyond 2^53 as text, which a column of whole numbers takes. */
const whole = (value: bigint): number | string =>
  value <= 9_007_199_254_740_991n && value >= -9_007_199_254_740_991n ? Number(value) : String(value)

/** IEEE 754 half precision. */
function halfOf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 0x1f
  const fraction = bits & 0x3ff
  if (exponent === 0) return sign * fraction * 2 ** -24
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const never = (): never => {
  throw new TypeError('no answer has this datatype')
}

/** Datatypes of fixed length; `BYTES` is the one that is not. */
export const datatypes: Readonly<Record<string, Datatype>> = {
  BOOL: {
    bytes: 1,
    read: (from, at) => from.getUint8(at) !== 0,
    write: (to, at, value: boolean) => to.setUint8(at, value ? 1 : 0),
  },
  UINT8: { bytes: 1, read: (from, at) => from.getUint8(at), write: never },
  UINT16: { bytes: 2, read: (from, at) => from.getUint16(at, true), write: never },
  UINT32: { bytes: 4, read: (from, at) => from.getUint32(at, true), write: never },
  UINT64: { bytes: 8, read: (from, at) => whole(from.getBigUint64(at, true)), write: never },
  INT8: { bytes: 1, read: (from, at) => from.getInt8(at), write: never },
  INT16: { bytes: 2, read: (from, at) => from.getInt16(at, true), write: never },
  INT32: {
    bytes: 4,
    read: (from, at) => from.getInt32(at, true),
    write: (to, at, value: number) => to.setInt32(at, value, true),
  },
  INT64: { bytes: 8, read: (from, at) => whole(from.getBigInt64(at, true)), write: never },
  FP16: { bytes: 2, read: (from, at) => halfOf(from.getUint16(at, true)), write: never },
  FP32: { bytes: 4, read: (from, at) => from.getFloat32(at, true), write: never },
  FP64: {
    bytes: 8,
    read: (from, at) => from.getFloat64(at, true),
    write: (to, at, value: number) => to.setFloat64(at, value, true),
  },
}

/** What a column is in the protocol. */
export const datatypeOf: Readonly<Record<RequestColumn['type'], string>> = {
  int: 'INT64',
  float: 'FP64',
  text: 'BYTES',
  bool: 'BOOL',
  timestamp: 'INT64',
  vector: 'FP64',
}

const floats = new Set(['FP16', 'FP32', 'FP64'])
const numbers = new Set(Object.keys(datatypes).filter(name => name !== 'BOOL'))

/** Whether a tensor of a datatype can be a column: numbers of every width are numbers, times may come as text. */
export function isReadableAs(datatype: string, { type }: RequestColumn): boolean {
  // no input of a model reads one
  if (type === 'vector') return false
  if (type === 'text') return datatype === 'BYTES'
  if (type === 'bool') return datatype === 'BOOL'
  if (type === 'timestamp') return datatype === 'BYTES' || (numbers.has(datatype) && !floats.has(datatype))
  return numbers.has(datatype)
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/**
 * Values of a binary tensor. A number that is none stands for no value: binary tensors have no other way to say it. Gives
 * why it cannot be read where it cannot.
 */
export function readBinary(datatype: string, bytes: Uint8Array, count: number): readonly unknown[] | string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const fixed = datatypes[datatype]
  if (fixed) {
    if (bytes.length !== count * fixed.bytes)
      return `${count} values of ${datatype} are ${count * fixed.bytes} bytes, got ${bytes.length}`
    return Array.from({ length: count }, (_, i) => {
      const value = fixed.read(view, i * fixed.bytes)
      return Number.isNaN(value) ? null : value
    })
  }
  if (datatype !== 'BYTES') return `there is no datatype ${datatype}`
  const values: string[] = []
  let at = 0
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) return `the length of value ${i} is cut off`
    const length = view.getUint32(at, true)
    if (at + 4 + length > bytes.length) return `value ${i} says that it has ${length} bytes, and is cut off`
    try {
      values.push(utf8.decode(bytes.subarray(at + 4, at + 4 + length)))
    } catch {
      return `value ${i} is no UTF-8 text`
    }
    at += 4 + length
  }
  return at === bytes.length ? values : `${bytes.length - at} bytes are left over after ${count} values`
}

/** A tensor's values as they lie in a binary answer. */
export function writeBinary(datatype: string, values: readonly unknown[]): Buffer {
  const fixed = datatypes[datatype]
  if (fixed) {
    const made = Buffer.alloc(values.length * fixed.bytes)
    const view = new DataView(made.buffer, made.byteOffset, made.byteLength)
    values.forEach((value, i) => fixed.write(view, i * fixed.bytes, value as never))
    return made
  }
  return Buffer.concat(
    values.flatMap(value => {
      const text = Buffer.from(String(value), 'utf8')
      const length = Buffer.alloc(4)
      length.writeUInt32LE(text.length)
      return [length, text]
    }),
  )
}
