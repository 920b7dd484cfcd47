import { readFile } from 'node:fs/promises'
import { fail, isMillraceError } from '../../../errors/index.ts'
import type { Column, ColumnType, DescribedColumn } from '../../../ports/data-engine.ts'
import type { OpenTable } from '../../../ports/table-source.ts'
import { messageOf } from '../../../internal/message-of.ts'

type Arrow = typeof import('apache-arrow')
type ArrowTable = import('apache-arrow').Table
type ArrowVector = import('apache-arrow').Vector

async function library(): Promise<Arrow> {
  try {
    return await import('apache-arrow')
  } catch (error) {
    throw fail('packageMissing', { package: 'apache-arrow@21.2.0', what: 'Arrow IPC files' }, error)
  }
}

function logicalType({ DataType }: Arrow, type: import('apache-arrow').DataType): ColumnType | undefined {
  if (DataType.isDictionary(type)) return logicalType({ DataType } as Arrow, type.dictionary as never)
  if (DataType.isInt(type)) return 'int'
  if (DataType.isFloat(type)) return 'float'
  if (DataType.isUtf8(type) || DataType.isLargeUtf8(type)) return 'text'
  if (DataType.isBool(type)) return 'bool'
  if (DataType.isTimestamp(type) || DataType.isDate(type)) return 'timestamp'
  return undefined
}

/** Microseconds of one unit of a timestamp or date, as a fraction of whole numbers. */
function microsOf(
  type: { readonly unit?: number; readonly timezone?: string | null },
  isDate: boolean,
): readonly [bigint, bigint] {
  if (isDate) return type.unit === 0 ? [86_400_000_000n, 1n] : [1000n, 1n]
  return (
    (
      [
        [1_000_000n, 1n],
        [1000n, 1n],
        [1n, 1n],
        [1n, 1000n],
      ] as const
    )[type.unit ?? 2] ?? [1n, 1n]
  )
}

function columnOf(arrow: Arrow, name: string, type: ColumnType, vector: ArrowVector): Column {
  const { length } = vector
  const nulls =
    vector.nullCount > 0 ? Uint8Array.from({ length }, (_, i) => (vector.get(i) === null ? 1 : 0)) : undefined
  const common = { name, type, ...(nulls ? { nulls } : {}) }
  const at = (i: number): unknown => vector.get(i)
  switch (type) {
    case 'text':
      return { ...common, values: Array.from({ length }, (_, i) => (at(i) === null ? '' : String(at(i)))) }
    case 'float':
      return {
        ...common,
        values: Float64Array.from({ length }, (_, i) => (at(i) === null ? Number.NaN : Number(at(i)))),
      }
    case 'bool':
      return { ...common, values: Uint8Array.from({ length }, (_, i) => (at(i) === true ? 1 : 0)) }
    case 'int':
      return {
        ...common,
        values: BigInt64Array.from({ length }, (_, i) => BigInt((at(i) as number | bigint | null) ?? 0)),
      }
    case 'timestamp': {
      const isDate = arrow.DataType.isDate(vector.type)
      const [times, by] = microsOf(vector.type as never, isDate)
      const raw = rawTimes(vector)
      return { ...common, values: BigInt64Array.from({ length }, (_, i) => ((raw[i] ?? 0n) * times) / by) }
    }
  }
}

/** Timestamps as they are stored: what the library gives back has lost its microseconds. */
function rawTimes(vector: ArrowVector): bigint[] {
  return vector.data.flatMap(data =>
    Array.from(
      (data.values as unknown as BigInt64Array | Int32Array).subarray(0, data.length),
      (value: bigint | number) => BigInt(value),
    ),
  )
}

/** Arrow IPC files or streams, one after another. Columns whose type has no logical type here are left out. */
export async function openArrowFiles(files: readonly string[]): Promise<OpenTable> {
  const arrow = await library()
  const read = async (file: string): Promise<ArrowTable> => {
    try {
      return arrow.tableFromIPC(await readFile(file))
    } catch (error) {
      if (isMillraceError(error)) throw error
      throw fail('sourceUnreadable', { source: file, reason: messageOf(error) }, error)
    }
  }
  const first = await read(files[0] as string)
  const columns: DescribedColumn[] = first.schema.fields.map(field => ({
    name: field.name,
    type: logicalType(arrow, field.type),
    physical:
      arrow.DataType.isTimestamp(field.type) && field.type.timezone
        ? `${String(field.type)} WITH TIME ZONE`
        : String(field.type),
  }))
  return {
    columns,
    text: false,
    close: async () => undefined,
    async *batches(names) {
      for (const [i, file] of files.entries()) {
        const table = i === 0 ? first : await read(file)
        for (const batch of table.batches) {
          const made: Column[] = []
          for (const { name, type } of columns) {
            const vector = batch.getChild(name)
            if (type && vector && names.has(name)) made.push(columnOf(arrow, name, type, vector as ArrowVector))
          }
          if (batch.numRows > 0) yield made
        }
      }
    },
  }
}
