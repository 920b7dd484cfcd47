import { copyFile, open, type FileHandle } from 'node:fs/promises'
import type { Scratch } from './session.ts'

/** Kinds of values of Thrift's compact protocol, by the low half of a header byte. */
const yes = 1
const no = 2
const [byte, double, binary, list, set, map, struct] = [3, 7, 8, 9, 10, 11, 12]

/** A field of a struct: its number, its kind, where its header byte stands and where its value does. */
interface Field {
  readonly id: number
  readonly kind: number
  readonly header: number
  readonly at: number
}

/** Reads a footer only as far as it takes to find a place in it. */
class Footer {
  readonly #bytes: Buffer

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** A number of any length, and the place after it. */
  #varint(at: number): readonly [number, number] {
    let value = 0
    let scale = 1
    for (let i = at; ; i++) {
      const part = this.#bytes.readUInt8(i)
      value += (part & 127) * scale
      scale *= 128
      if (part < 128) return [value, i + 1]
    }
  }

  /** The place after a value. */
  #after(kind: number, at: number): number {
    if (kind === yes || kind === no) return at
    if (kind === byte) return at + 1
    if (kind === double) return at + 8
    if (kind === binary) {
      const [length, from] = this.#varint(at)
      return from + length
    }
    if (kind === list || kind === set) {
      const { size, kind: of, from } = this.#list(at)
      return this.#afterMany(size, [of], from)
    }
    if (kind === map) {
      const [size, from] = this.#varint(at)
      if (size === 0) return from
      const kinds = this.#bytes.readUInt8(from)
      return this.#afterMany(size, [kinds >> 4, kinds & 15], from + 1)
    }
    if (kind === struct) {
      let end = at
      for (const field of this.fields(at)) end = this.#after(field.kind, field.at)
      return end + 1
    }
    return this.#varint(at)[1]
  }

  #afterMany(size: number, kinds: readonly number[], from: number): number {
    let at = from
    // within lists and maps a truth value takes a byte
    for (let i = 0; i < size; i++) for (const kind of kinds) at = kind <= no ? at + 1 : this.#after(kind, at)
    return at
  }

  #list(at: number): { readonly size: number; readonly kind: number; readonly from: number } {
    const head = this.#bytes.readUInt8(at)
    const [size, from] = head >> 4 === 15 ? this.#varint(at + 1) : [head >> 4, at + 1]
    return { size, kind: head & 15, from }
  }

  /** The fields of a struct, one after another. */
  *fields(at: number): Generator<Field> {
    let id = 0
    for (let header = at; ; ) {
      const head = this.#bytes.readUInt8(header)
      if (head === 0) return
      const [stated, from] = head >> 4 === 0 ? this.#varint(header + 1) : [0, header + 1]
      id = head >> 4 === 0 ? (stated % 2 === 0 ? stated / 2 : -(stated + 1) / 2) : id + (head >> 4)
      const field = { id, kind: head & 15, header, at: from }
      yield field
      header = this.#after(field.kind, field.at)
    }
  }

  field(at: number, id: number): Field | undefined {
    for (const field of this.fields(at)) if (field.id === id) return field
    return undefined
  }

  /** Where the structs of a list stand. */
  *structs(at: number): Generator<number> {
    const { size, from } = this.#list(at)
    let next = from
    for (let i = 0; i < size; i++) {
      yield next
      next = this.#after(struct, next)
    }
  }
}

/** Where a footer says of times in nanoseconds that they are of UTC. */
function zonedNanos(bytes: Buffer): number[] {
  const footer = new Footer(bytes)
  const found: number[] = []
  const schema = footer.field(0, 2)
  if (!schema) return found
  for (const element of footer.structs(schema.at)) {
    const logical = footer.field(element, 10)
    const timestamp = logical && footer.field(logical.at, 8)
    const zoned = timestamp && footer.field(timestamp.at, 1)
    const unit = timestamp && footer.field(timestamp.at, 2)
    if (zoned?.kind === yes && unit && footer.field(unit.at, 3)) found.push(zoned.header)
  }
  return found
}

async function footerOf(file: FileHandle): Promise<{ readonly bytes: Buffer; readonly at: number }> {
  const { size } = await file.stat()
  const tail = Buffer.alloc(8)
  await file.read(tail, 0, 8, size - 8)
  const length = tail.readUInt32LE(0)
  const bytes = Buffer.alloc(length)
  await file.read(bytes, 0, length, size - 8 - length)
  return { bytes, at: size - 8 - length }
}

/**
 * A copy of a Parquet file in which times in nanoseconds stand without their zone, which is UTC. The engine cuts those with a
 * zone to microseconds as it reads them, towards 1970, and gives the others whole.
 */
export async function withoutZoneOfNanos(path: string, scratch: Scratch): Promise<string> {
  const copy = await scratch('parquet', path)
  await copyFile(path, copy)
  const file = await open(copy, 'r+')
  try {
    const { bytes, at } = await footerOf(file)
    for (const place of zonedNanos(bytes)) {
      const head = bytes.readUInt8(place)
      await file.write(Buffer.from([(head & 0xf0) | no]), 0, 1, at + place)
    }
  } finally {
    await file.close()
  }
  return copy
}
