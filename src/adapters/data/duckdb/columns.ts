import type { DuckDBDataChunk, DuckDBResult, DuckDBTypeId as TypeId, DuckDBVector } from '@duckdb/node-api'
import duckdb from '@duckdb/node-api'
import type { Column, ColumnType } from '../../../ports/data-engine.ts'

const { DuckDBTypeId } = duckdb

const logical = new Map<TypeId, ColumnType>([
  ...[
    DuckDBTypeId.TINYINT,
    DuckDBTypeId.SMALLINT,
    DuckDBTypeId.INTEGER,
    DuckDBTypeId.BIGINT,
    DuckDBTypeId.UTINYINT,
    DuckDBTypeId.USMALLINT,
    DuckDBTypeId.UINTEGER,
    DuckDBTypeId.UBIGINT,
    DuckDBTypeId.HUGEINT,
  ].map(id => [id, 'int'] as const),
  [DuckDBTypeId.FLOAT, 'float'],
  [DuckDBTypeId.DOUBLE, 'float'],
  [DuckDBTypeId.BOOLEAN, 'bool'],
  [DuckDBTypeId.VARCHAR, 'text'],
  [DuckDBTypeId.TIMESTAMP, 'timestamp'],
])

/**
 * The vector classes keep their typed array under `items` without typing it as public; copying it whole is a hundred
 * times faster than asking value by value, so it is read here, and only here.
 */
function items(vector: DuckDBVector): BigInt64Array | Float64Array | Float32Array | Int32Array | undefined {
  return (vector as unknown as { items?: BigInt64Array | Float64Array }).items
}

type Buffer = Float64Array | BigInt64Array | Uint8Array | string[]

/** Collects one result column of any length. */
class Collector {
  readonly name: string
  readonly type: ColumnType
  #values: Buffer
  #nulls: Uint8Array | undefined
  #length = 0

  constructor(name: string, id: TypeId, capacity: number) {
    this.name = name
    this.type = logical.get(id) ?? 'text'
    this.#values = this.#allocate(capacity)
  }

  #allocate(capacity: number): Buffer {
    if (this.type === 'float') return new Float64Array(capacity)
    if (this.type === 'int' || this.type === 'timestamp') return new BigInt64Array(capacity)
    return this.type === 'bool' ? new Uint8Array(capacity) : []
  }

  #reserve(length: number): void {
    if (Array.isArray(this.#values) || this.#values.length >= length) return
    const grown = this.#allocate(Math.max(length, this.#values.length * 2)) as Float64Array
    grown.set(this.#values as Float64Array)
    this.#values = grown
  }

  #markNull(at: number): void {
    if (!this.#nulls || this.#nulls.length <= at) {
      const grown = new Uint8Array(Math.max(at + 1, Array.isArray(this.#values) ? at * 2 + 2048 : this.#values.length))
      if (this.#nulls) grown.set(this.#nulls)
      this.#nulls = grown
    }
    this.#nulls[at] = 1
  }

  add(chunk: DuckDBDataChunk, index: number): void {
    const rows = chunk.rowCount
    const vector = chunk.getColumnVector(index)
    const at = this.#length
    this.#reserve(at + rows)
    const values = this.#values
    const source = items(vector)
    const validity = (vector as unknown as { validity?: { itemValid(i: number): boolean; data?: unknown } }).validity
    if (Array.isArray(values)) {
      for (let i = 0; i < rows; i++) {
        const value = vector.getItem(i)
        if (value === null) this.#markNull(at + i)
        values.push(value === null ? '' : String(value))
      }
    } else if (values instanceof Uint8Array) {
      for (let i = 0; i < rows; i++) {
        const value = vector.getItem(i)
        if (value === null) this.#markNull(at + i)
        else values[at + i] = value ? 1 : 0
      }
    } else {
      const direct = source instanceof Float64Array || source instanceof BigInt64Array
      if (direct && source.constructor === values.constructor)
        (values as Float64Array).set(source.subarray(0, rows) as Float64Array, at)
      else
        for (let i = 0; i < rows; i++) {
          const value = vector.getItem(i) as number | bigint | null
          if (value !== null)
            (values as unknown as (number | bigint)[])[at + i] =
              values instanceof BigInt64Array ? BigInt(value) : Number(value)
        }
      if (validity?.data) for (let i = 0; i < rows; i++) if (!validity.itemValid(i)) this.#markNull(at + i)
    }
    this.#length += rows
  }

  done(): Column {
    const values = Array.isArray(this.#values) ? this.#values : this.#values.subarray(0, this.#length)
    let nulls: Uint8Array | undefined
    if (this.#nulls) {
      nulls = new Uint8Array(this.#length)
      nulls.set(this.#nulls.subarray(0, this.#length))
      if (values instanceof Float64Array) for (let i = 0; i < nulls.length; i++) if (nulls[i]) values[i] = Number.NaN
    }
    return { name: this.name, type: this.type, values: values as Column['values'], ...(nulls ? { nulls } : {}) }
  }
}

/** Reads the chunks of a result into whole columns. Null floats read as NaN besides their mask. */
export class ColumnsReader {
  readonly #collectors: Collector[]

  constructor(result: DuckDBResult, capacity = 2048) {
    this.#collectors = result.columnNames().map((name, i) => new Collector(name, result.columnTypeId(i), capacity))
  }

  add(chunk: DuckDBDataChunk): void {
    this.#collectors.forEach((collector, i) => collector.add(chunk, i))
  }

  done(): Map<string, Column> {
    return new Map(this.#collectors.map(collector => [collector.name, collector.done()]))
  }
}
