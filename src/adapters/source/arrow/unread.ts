/*
 * The library gives up a file at the first column of a type that it does not know, without its name, just as it gives up
 * one that is damaged. Which column that is stands in the schema, a FlatBuffer in the footer of a file and in the first
 * message of a stream.
 */

/** `Type` of Arrow's Schema.fbs, of those that the library does not know. */
const unknownTypes: Readonly<Record<number, string>> = { 22: 'RunEndEncoded', 25: 'ListView', 26: 'LargeListView' }
const newestType = 26
const intType = 2

/** Positions of a table's fields, by their order in the declaration of the table; 0 where one has its default. */
class FlatTable {
  readonly #view: DataView
  readonly #at: number

  constructor(view: DataView, at: number) {
    this.#view = view
    this.#at = at
  }

  #field(slot: number): number {
    const known = this.#at - this.#view.getInt32(this.#at, true)
    const place = 4 + 2 * slot
    const offset = place < this.#view.getUint16(known, true) ? this.#view.getUint16(known + place, true) : 0
    return offset && this.#at + offset
  }

  #target(at: number): number {
    return at + this.#view.getUint32(at, true)
  }

  byte(slot: number): number {
    const at = this.#field(slot)
    return at && this.#view.getUint8(at)
  }

  int(slot: number): number {
    const at = this.#field(slot)
    return at && this.#view.getInt32(at, true)
  }

  text(slot: number): string {
    const at = this.#field(slot)
    if (!at) return ''
    const start = this.#target(at)
    const { buffer, byteOffset } = this.#view
    return Buffer.from(buffer, byteOffset + start + 4, this.#view.getUint32(start, true)).toString()
  }

  table(slot: number): FlatTable | undefined {
    const at = this.#field(slot)
    return at ? new FlatTable(this.#view, this.#target(at)) : undefined
  }

  *tables(slot: number): Generator<FlatTable> {
    const at = this.#field(slot)
    if (!at) return
    const start = this.#target(at)
    const count = this.#view.getUint32(start, true)
    for (let i = 1; i <= count; i++) yield new FlatTable(this.#view, this.#target(start + 4 * i))
  }
}

/** The type of a field that keeps its file from being read, its own or one inside; undefined where there is none. */
function unknownType(field: FlatTable): string | undefined {
  const type = field.byte(2)
  if (type > newestType || unknownTypes[type] !== undefined) return unknownTypes[type] ?? `type ${type} of Arrow`
  const width = type === intType ? (field.table(3)?.int(0) ?? 0) : 0
  if (width > 64) return `Int${width}`
  for (const child of field.tables(5)) {
    const inside = unknownType(child)
    if (inside !== undefined) return inside
  }
  return undefined
}

const magic = Buffer.from('ARROW1')

function schemaOf(view: DataView, bytes: Uint8Array): FlatTable | undefined {
  const rootAt = (start: number): FlatTable => new FlatTable(view, start + view.getUint32(start, true))
  if (magic.equals(bytes.subarray(0, magic.length))) {
    const end = bytes.length - magic.length
    if (!magic.equals(bytes.subarray(end))) return undefined
    return rootAt(end - 4 - view.getInt32(end - 4, true)).table(1)
  }
  // Before Arrow 0.15 a message had its length alone before it
  return rootAt(view.getUint32(0, true) === 0xffffffff ? 8 : 4).table(2)
}

/** Which column of a file or stream is of a type that the library does not know; undefined where none is, or it is damaged. */
export function unreadColumn(bytes: Uint8Array): { readonly name: string; readonly type: string } | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    for (const field of schemaOf(view, bytes)?.tables(1) ?? []) {
      const type = unknownType(field)
      if (type !== undefined) return { name: field.text(0), type }
    }
  } catch (error) {
    // it leads beyond its end
    if (!(error instanceof RangeError)) throw error
  }
  return undefined
}
