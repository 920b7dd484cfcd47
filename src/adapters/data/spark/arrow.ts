import type { Column, ColumnType } from '../../../ports/data-engine.ts'
import { columnOf, describeField } from '../../source/arrow/columns.ts'
import type { Arrow } from '../../source/arrow/library.ts'

type Table = import('apache-arrow').Table
type Vector = import('apache-arrow').Vector
type Field = import('apache-arrow').Field

/** A mask with a byte a row as Arrow's, with a bit a row that has a value. */
function validity(nulls: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(nulls.length / 8))
  nulls.forEach((isNull, i) => {
    if (!isNull) bits[i >> 3] = (bits[i >> 3] as number) | (1 << (i & 7))
  })
  return bits
}

function vectorOf(arrow: Arrow, { type, values, nulls }: Column): Vector {
  const isNull = (i: number) => nulls?.[i] === 1
  const { length } = values
  if (type === 'text' || type === 'vector')
    return arrow.vectorFromArray(
      Array.from(values as readonly string[], (value, i) => (isNull(i) ? null : value)),
      new arrow.Utf8(),
    )
  if (type === 'bool')
    return arrow.vectorFromArray(
      Array.from(values as Uint8Array, (value, i) => (isNull(i) ? null : value === 1)),
      new arrow.Bool(),
    )
  const types = { int: new arrow.Int64(), float: new arrow.Float64(), timestamp: new arrow.TimestampMicrosecond() }
  const mask = nulls
    ? { nullBitmap: validity(nulls), nullCount: nulls.reduce((sum, one) => sum + one, 0) }
    : { nullCount: 0 }
  const data = arrow.makeData({ type: types[type], length, data: values, ...mask } as never)
  return new arrow.Vector([data]) as Vector
}

/** Some rows of columns, as a stream of Arrow IPC. */
export function encode(arrow: Arrow, columns: readonly Column[], from: number, to: number): Uint8Array {
  const vectors = columns.map(column => {
    const nulls = column.nulls && { nulls: column.nulls.subarray(from, to) }
    return [column.name, vectorOf(arrow, { ...column, values: column.values.slice(from, to), ...nulls })] as const
  })
  return arrow.tableToIPC(new arrow.Table(Object.fromEntries(vectors)) as Table, 'stream')
}

/** A stream of Arrow IPC: what it has, and its columns as they are read, of which there are none of lists. */
interface Batch {
  readonly fields: readonly Field[]
  readonly columns: Column[]
}

export function decode(arrow: Arrow, bytes: Uint8Array): Batch {
  // numbers are read in place, and so have to begin where a number may
  const table = arrow.tableFromIPC(bytes.byteOffset % 8 === 0 ? bytes : bytes.slice())
  const { fields } = table.schema
  return {
    fields,
    get columns() {
      return fields.map((field, i) => columnOf(arrow, field.name, table.getChildAt(i) as Vector))
    },
  }
}

/** The engine's name of a type of Arrow, as SQL has it. */
function physicalOf(arrow: Arrow, type: import('apache-arrow').DataType): string {
  const { DataType: is } = arrow
  if (is.isInt(type)) {
    if (!type.isSigned) return type.bitWidth === 64 ? 'DECIMAL(20,0)' : 'BIGINT'
    return ({ 8: 'TINYINT', 16: 'SMALLINT', 32: 'INT', 64: 'BIGINT' } as const)[type.bitWidth]
  }
  if (is.isFloat(type)) return type.precision === 2 ? 'DOUBLE' : 'FLOAT'
  if (is.isBool(type)) return 'BOOLEAN'
  if (is.isUtf8(type) || is.isLargeUtf8(type) || is.isUtf8View(type)) return 'STRING'
  if (is.isDate(type)) return 'DATE'
  if (is.isTimestamp(type)) return type.timezone ? 'TIMESTAMP' : 'TIMESTAMP_NTZ'
  if (is.isDecimal(type)) return `DECIMAL(${type.precision},${type.scale})`
  return String(type)
}

/** A column of a result as it is described. */
export function described(arrow: Arrow, { name, type }: Field) {
  const { asText: _whole, ...column } = describeField(arrow, name, type)
  return { ...column, physical: physicalOf(arrow, type) }
}

/** Whether a column holds lists of texts. */
export function isTextList(arrow: Arrow, { type }: Field): boolean {
  const { DataType: is } = arrow
  if (!is.isList(type)) return false
  const of = type.valueType as import('apache-arrow').DataType
  return is.isUtf8(of) || is.isLargeUtf8(of) || is.isUtf8View(of)
}

/** Batches of a result as one. */
export function joined(batches: readonly (readonly Column[])[]): Map<string, Column> {
  const [first = []] = batches
  return new Map(
    first.map((column, i) => [
      column.name,
      whole(
        column.type,
        column.name,
        batches.map(one => one[i] as Column),
      ),
    ]),
  )
}

function whole(type: ColumnType, name: string, parts: readonly Column[]): Column {
  const [only] = parts as [Column]
  if (parts.length === 1) return only
  const length = parts.reduce((sum, part) => sum + part.values.length, 0)
  const nulls = parts.some(part => part.nulls) ? new Uint8Array(length) : undefined
  const values =
    type === 'text'
      ? parts.flatMap(part => part.values as readonly string[])
      : new (only.values.constructor as new (length: number) => Float64Array)(length)
  let at = 0
  for (const part of parts) {
    if (!Array.isArray(values)) (values as Float64Array).set(part.values as Float64Array, at)
    if (part.nulls) nulls?.set(part.nulls, at)
    at += part.values.length
  }
  return { name, type, values, ...(nulls ? { nulls } : {}) }
}
