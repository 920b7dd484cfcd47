import type { Column, ColumnType, DescribedColumn, StoredKind } from '../../../ports/data-engine.ts'
import type { Arrow } from './library.ts'

type DataType = import('apache-arrow').DataType
type Vector = import('apache-arrow').Vector
type Data = import('apache-arrow').Data

/** A type as a column of it is described and read. */
interface Form {
  readonly stored: StoredKind
  readonly type: ColumnType
  /** It comes as text: no typed array holds all of its values. */
  readonly asText?: true
  readonly physical?: string
}

/** Whether it is a list of numbers. */
function isNumbers({ DataType: is }: Arrow, type: DataType): boolean {
  if (!is.isList(type) && !is.isFixedSizeList(type)) return false
  const { type: of } = type.children[0] as { readonly type: DataType }
  return is.isFloat(of) || is.isInt(of)
}

function formOf(arrow: Arrow, type: DataType): Form | undefined {
  const { DataType: is } = arrow
  if (is.isDictionary(type)) return formOf(arrow, type.dictionary as DataType)
  if (is.isNull(type)) return { stored: 'nothing', type: 'text' }
  if (is.isInt(type)) {
    if (type.bitWidth < 64) return { stored: 'int32', type: 'int' }
    return type.isSigned ? { stored: 'int64', type: 'int' } : { stored: 'wide', type: 'text', asText: true }
  }
  if (is.isDecimal(type)) {
    const physical = `DECIMAL(${type.precision},${type.scale})`
    return { stored: type.scale <= 0 ? 'wide' : 'decimal', type: 'text', asText: true, physical }
  }
  if (is.isFloat(type)) return { stored: 'float', type: 'float' }
  if (is.isUtf8(type) || is.isLargeUtf8(type) || is.isUtf8View(type)) return { stored: 'text', type: 'text' }
  if (is.isBool(type)) return { stored: 'bool', type: 'bool' }
  if (is.isDate(type)) return { stored: 'date', type: 'timestamp' }
  if (isNumbers(arrow, type)) return { stored: 'list', type: 'text', asText: true }
  if (is.isTimestamp(type)) return { stored: type.timezone ? 'instant' : 'local', type: 'timestamp' }
  return undefined
}

/** A field of a file: `type` is undefined where nothing that can be declared holds its values. */
export function describeField(arrow: Arrow, name: string, type: DataType): DescribedColumn {
  const form = formOf(arrow, type)
  if (!form) return { name, type: undefined, physical: String(type) }
  const { stored, asText, physical = String(type) } = form
  const logical = stored === 'wide' ? 'int' : stored === 'decimal' ? 'float' : stored === 'list' ? undefined : form.type
  return { name, type: logical, physical, stored, ...(asText ? { asText } : {}) }
}

/** Beyond every time that is read, so that a time beyond what an int64 of microseconds holds is one of those. */
const farthest = 2n ** 63n - 1n

const clamped = (micros: bigint): bigint => (micros > farthest ? farthest : micros < -farthest ? -farthest : micros)

/** Microseconds of so many thousandths of them, in whole ones before it. */
const floored = (nanos: bigint): bigint => (nanos - (((nanos % 1000n) + 1000n) % 1000n)) / 1000n

/** Seconds, milliseconds, microseconds and nanoseconds, as Arrow numbers them, as microseconds. */
const asMicros: readonly ((value: bigint) => bigint)[] = [
  value => clamped(value * 1_000_000n),
  value => clamped(value * 1000n),
  value => value,
  floored,
]

const dayMicros = 86_400_000_000n

function microsOf({ DataType: is }: Arrow, type: DataType): (value: bigint) => bigint {
  if (is.isDate(type)) return type.unit === 0 ? value => value * dayMicros : (asMicros[1] as (value: bigint) => bigint)
  return asMicros[(type as import('apache-arrow').Timestamp).unit] as (value: bigint) => bigint
}

/** A decimal's words, lowest first, as its digits. */
function decimalText(words: Uint32Array, scale: number): string {
  let value = 0n
  for (let i = words.length - 1; i >= 0; i--) value = (value << 32n) | BigInt(words[i] as number)
  value = BigInt.asIntN(32 * words.length, value)
  if (scale <= 0) return String(value * 10n ** BigInt(-scale))
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

type Values = Column['values']

/** A list of numbers, to be read as a text. */
const listText = (list: Iterable<unknown> | null): string =>
  `[${Array.from(list ?? [], one => (one === null || one === undefined ? 'null' : Object.is(one, -0) ? '-0' : String(one))).join(', ')}]`

/** The values of one stretch of a column, whatever stands where it is null. */
function valuesOf(arrow: Arrow, type: DataType, data: Data, vector: Vector): Values {
  const { length } = data
  const raw = data.values as BigInt64Array | Int32Array
  const { DataType: is } = arrow
  if (is.isTimestamp(type) || is.isDate(type)) {
    const micros = microsOf(arrow, type)
    return BigInt64Array.from({ length }, (_, i) => micros(BigInt(raw[i] as bigint | number)))
  }
  if (is.isDecimal(type)) {
    const words = data.stride
    return Array.from({ length }, (_, i) =>
      decimalText((raw as unknown as Uint32Array).subarray(i * words, (i + 1) * words), type.scale),
    )
  }
  if (is.isInt(type) && type.bitWidth === 64) {
    const whole = (raw as BigInt64Array).subarray(0, length)
    return type.isSigned ? whole : Array.from(whole, String)
  }
  if (is.isInt(type)) return BigInt64Array.from({ length }, (_, i) => BigInt(raw[i] as bigint | number))
  const at = (i: number): unknown => vector.get(i)
  if (isNumbers(arrow, type)) return Array.from({ length }, (_, i) => listText(at(i) as Iterable<unknown> | null))
  if (is.isFloat(type)) return Float64Array.from({ length }, (_, i) => Number(at(i) ?? Number.NaN))
  if (is.isBool(type)) return Uint8Array.from({ length }, (_, i) => (at(i) === true ? 1 : 0))
  return Array.from({ length }, (_, i) => String(at(i) ?? ''))
}

/** What an index of a dictionary stands for, for each row; 0 stands where there is none. */
function spread(dictionary: Column, keys: readonly number[]): Values {
  const of = dictionary.values
  if (Array.isArray(of)) return keys.map(key => of[key] as string)
  if (of instanceof BigInt64Array) return BigInt64Array.from(keys, key => of[key] ?? 0n)
  if (of instanceof Float64Array) return Float64Array.from(keys, key => of[key] ?? Number.NaN)
  return Uint8Array.from(keys, key => (of as Uint8Array)[key] ?? 0)
}

function columnOfData(arrow: Arrow, name: string, form: Form, data: Data): Column {
  const { length } = data
  const nulls = Uint8Array.from({ length }, (_, i) => (data.getValid(i) ? 0 : 1))
  const type = form.type
  if (form.stored === 'nothing') return { name, type, values: Array<string>(length).fill(''), nulls: nulls.fill(1) }
  if (!arrow.DataType.isDictionary(data.type)) {
    const values = valuesOf(arrow, data.type, data, new arrow.Vector([data]))
    return { name, type, values, ...(nulls.includes(1) ? { nulls } : {}) }
  }
  const dictionary = columnOf(arrow, name, data.dictionary as Vector)
  const keys = Array.from(data.values as Int32Array | BigInt64Array, Number).slice(0, length)
  keys.forEach((key, i) => {
    if (dictionary.nulls?.[key]) nulls[i] = 1
    if (nulls[i]) keys[i] = 0
  })
  return { name, type, values: spread(dictionary, keys), ...(nulls.includes(1) ? { nulls } : {}) }
}

/** One column of several stretches. */
function joined(columns: readonly Column[]): Column {
  const [first] = columns as [Column]
  if (columns.length === 1) return first
  const nulls = Uint8Array.from(columns.flatMap(({ nulls, values }) => [...(nulls ?? new Uint8Array(values.length))]))
  const all = <T>() => columns.flatMap(({ values }) => [...(values as Iterable<T>)])
  const { name, type, values } = first
  if (values instanceof BigInt64Array) return { name, type, nulls, values: BigInt64Array.from(all<bigint>()) }
  if (values instanceof Float64Array) return { name, type, nulls, values: Float64Array.from(all<number>()) }
  if (values instanceof Uint8Array) return { name, type, nulls, values: Uint8Array.from(all<number>()) }
  return { name, type, nulls, values: all<string>() }
}

/** A column as the engine takes it. Of a type that has a `describeField`, and as that says. */
export function columnOf(arrow: Arrow, name: string, vector: Vector): Column {
  const form = formOf(arrow, vector.type)
  if (!form) throw new TypeError(`${String(vector.type)} has no column`)
  if (vector.data.length === 0) return { name, type: form.type, values: emptyOf(form.type) }
  return joined(vector.data.map(data => columnOfData(arrow, name, form, data)))
}

function emptyOf(type: ColumnType): Values {
  if (type === 'text') return []
  if (type === 'float') return new Float64Array()
  return type === 'bool' ? new Uint8Array() : new BigInt64Array()
}
