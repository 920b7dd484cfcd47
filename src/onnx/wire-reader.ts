import { wire } from './wire-writer.ts'

/** The bytes are not protobuf, or not what their field should hold. */
export class WireError extends Error {}

/** One field of a message: its number, its wire type and where its content lies. */
export interface Field {
  readonly number: number
  readonly type: number
  /** The value of a varint, wrapped to a signed 64-bit integer and rounded to a double. */
  readonly int: number
  /** The content of a fixed-width or length-delimited field. */
  readonly bytes: Uint8Array
  /** Where the field begins and ends in its message, tag included. */
  readonly start: number
  readonly end: number
}

const none = new Uint8Array(0)
const decoder = new TextDecoder('utf-8', { fatal: true })
const groups = { begin: 3, end: 4 } as const
const greatestGroups = 100

/** The fields of a message in file order. Every step consumes bytes, so it ends for any input. */
export function* fieldsOf(message: Uint8Array): Generator<Field> {
  let at = 0
  const varint = (): number => {
    const { value, next } = readVarint(message, at)
    at = next
    return value
  }
  const take = (length: number): Uint8Array => {
    if (!(length >= 0) || length > message.length - at) throw new WireError('a field is longer than what holds it')
    const bytes = message.subarray(at, at + length)
    at += length
    return bytes
  }
  // What no reader knows may be a group, an old form of message that ends by a tag
  const open: number[] = []
  while (at < message.length) {
    const start = at
    const tag = varint()
    const number = Math.floor(tag / 8)
    const type = tag % 8
    if (number < 1 || number > 536_870_911) throw new WireError('a field has an impossible number')
    let int = 0
    let bytes: Uint8Array = none
    if (type === wire.varint) int = varint()
    else if (type === wire.fixed64) bytes = take(8)
    else if (type === wire.length) bytes = take(varint())
    else if (type === wire.fixed32) bytes = take(4)
    else if (type === groups.begin && open.length < greatestGroups) open.push(number)
    else if (type === groups.end && open.pop() === number) continue
    else throw new WireError(`a field has the unknown wire type ${type}`)
    if (open.length === 0) yield { number, type, int, bytes, start, end: at }
  }
  if (open.length > 0) throw new WireError('the file ends within a group')
}

function readVarint(bytes: Uint8Array, begin: number): { value: number; next: number } {
  let low = 0
  for (let at = begin; at < begin + 4; at++) {
    const byte = bytes[at]
    if (byte === undefined) throw new WireError('the file ends within a number')
    low += (byte & 127) * 2 ** (7 * (at - begin))
    if (byte < 128) return { value: low, next: at + 1 }
  }
  let value = BigInt(low)
  for (let at = begin + 4; at < begin + 10; at++) {
    const byte = bytes[at]
    if (byte === undefined) throw new WireError('the file ends within a number')
    value |= BigInt(byte & 127) << BigInt(7 * (at - begin))
    if (byte < 128) return { value: Number(BigInt.asIntN(64, value)), next: at + 1 }
  }
  throw new WireError('a number has more than ten bytes')
}

export function asInt(field: Field): number {
  if (field.type !== wire.varint) throw new WireError(`field ${field.number} should be a number`)
  return field.int
}

/** As of an `int32` or an enumeration, of which the lower 32 bits count. */
export function asInt32(field: Field): number {
  return Number(BigInt.asIntN(32, BigInt(asInt(field))))
}

export function asMessage(field: Field): Uint8Array {
  if (field.type !== wire.length) throw new WireError(`field ${field.number} should have a length`)
  return field.bytes
}

/** Text; bytes that are no UTF-8 become one character each that stands for no other text, so that names stay apart. */
export function asText(field: Field): string {
  const bytes = asMessage(field)
  try {
    return decoder.decode(bytes)
  } catch {
    return Array.from(bytes, byte => String.fromCharCode(byte < 128 ? byte : 0xdc00 + byte)).join('')
  }
}

export function asFloat(field: Field): number {
  if (field.type !== wire.fixed32) throw new WireError(`field ${field.number} should be a 32-bit float`)
  return viewOf(field.bytes).getFloat32(0, true)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Appends a repeated float, packed or not. */
export function addFloats(field: Field, into: number[]): void {
  if (field.type === wire.fixed32) {
    into.push(asFloat(field))
    return
  }
  readFixed(asMessage(field), 4, (view, at) => view.getFloat32(at, true), into)
}

/** Appends a repeated integer, packed or not. */
export function addInts(field: Field, into: number[]): void {
  if (field.type === wire.varint) {
    into.push(field.int)
    return
  }
  const bytes = asMessage(field)
  for (let at = 0; at < bytes.length; ) {
    const { value, next } = readVarint(bytes, at)
    into.push(value)
    at = next
  }
}

/** Appends fixed-width little-endian numbers. */
export function readFixed(
  bytes: Uint8Array,
  width: number,
  read: (view: DataView, at: number) => number,
  into: number[],
): void {
  if (bytes.length % width !== 0) throw new WireError(`numbers of ${width} bytes do not fill ${bytes.length} bytes`)
  const view = viewOf(bytes)
  for (let at = 0; at < bytes.length; at += width) into.push(read(view, at))
}

/** Appends a repeated double, packed or not. */
export function addDoubles(field: Field, into: number[]): void {
  const bytes = field.type === wire.fixed64 ? field.bytes : asMessage(field)
  readFixed(bytes, 8, (view, at) => view.getFloat64(at, true), into)
}

/** Kinds of a message's fields by their number; `unread` ones are messages of which only the form is looked at. */
export type FieldKinds = Readonly<Record<number, 'int' | 'float' | 'text' | 'floats' | 'ints' | 'doubles' | 'unread'>>

const wireTypes: Readonly<Record<FieldKinds[number], readonly number[]>> = {
  int: [wire.varint],
  float: [wire.fixed32],
  text: [wire.length],
  floats: [wire.fixed32, wire.length],
  ints: [wire.varint, wire.length],
  doubles: [wire.fixed64, wire.length],
  unread: [wire.length],
}

/** The fields of known numbers; one in a wire type that it has not is unknown, and passed over like all that are. */
export function* knownFields(message: Uint8Array, kinds: FieldKinds): Generator<Field> {
  for (const field of fieldsOf(message)) {
    const kind = kinds[field.number]
    if (kind === undefined || !wireTypes[kind].includes(field.type)) continue
    if (kind !== 'unread') yield field
    else for (const _ of fieldsOf(field.bytes)) continue
  }
}
