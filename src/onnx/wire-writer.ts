const encoder = new TextEncoder()

/** Writes protobuf fields in the order they are asked for, so equal calls give equal bytes. */
export interface WireWriter {
  int(field: number, value: number): void
  float(field: number, value: number): void
  text(field: number, value: string): void
  bytes(field: number, value: Uint8Array): void
  packedFloats(field: number, values: readonly number[]): void
  packedDoubles(field: number, values: readonly number[]): void
  packedInts(field: number, values: readonly (number | bigint)[]): void
  message(field: number, write: (inner: WireWriter) => void): void
  /** Whole fields as they are. */
  copy(fields: Uint8Array): void
  finish(): Uint8Array
}

/** Protobuf wire types. */
export const wire = { varint: 0, fixed64: 1, length: 2, fixed32: 5 } as const

export function wireWriter(): WireWriter {
  let buffer = new Uint8Array(256)
  let size = 0
  const room = (bytes: number): void => {
    if (size + bytes <= buffer.length) return
    const grown = new Uint8Array(Math.max(buffer.length * 2, size + bytes))
    grown.set(buffer.subarray(0, size))
    buffer = grown
  }
  const varint = (value: number | bigint): void => {
    room(10)
    let rest = BigInt.asUintN(64, BigInt(value))
    while (rest > 127n) {
      buffer[size++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    buffer[size++] = Number(rest)
  }
  const tag = (field: number, type: number): void => varint(field * 8 + type)
  const raw = (value: Uint8Array): void => {
    room(value.length)
    buffer.set(value, size)
    size += value.length
  }
  const writer: WireWriter = {
    int(field, value) {
      tag(field, wire.varint)
      varint(value)
    },
    float(field, value) {
      tag(field, wire.fixed32)
      raw(littleFloats([value]))
    },
    text: (field, value) => writer.bytes(field, encoder.encode(value)),
    bytes(field, value) {
      tag(field, wire.length)
      varint(value.length)
      raw(value)
    },
    packedFloats(field, values) {
      if (values.length > 0) writer.bytes(field, littleFloats(values))
    },
    packedDoubles(field, values) {
      if (values.length > 0) writer.bytes(field, littleDoubles(values))
    },
    packedInts(field, values) {
      if (values.length === 0) return
      const inner = wireWriter() as WireWriter & { varint(value: number | bigint): void }
      for (const value of values) inner.varint(value)
      writer.bytes(field, inner.finish())
    },
    message(field, write) {
      const inner = wireWriter()
      write(inner)
      writer.bytes(field, inner.finish())
    },
    copy: raw,
    finish: () => buffer.slice(0, size),
  }
  return Object.assign(writer, { varint })
}

function littleFloats(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  values.forEach((value, at) => {
    view.setFloat32(at * 4, value, true)
  })
  return new Uint8Array(view.buffer)
}

function littleDoubles(values: readonly number[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * 8))
  values.forEach((value, at) => {
    view.setFloat64(at * 8, value, true)
  })
  return new Uint8Array(view.buffer)
}
