import type { Column, ColumnType, Value } from '../../ports/data-engine.ts'

const empties = {
  int: 0n,
  timestamp: 0n,
  float: 0,
  bool: 0,
  text: '',
  vector: '',
} as const satisfies Record<ColumnType, unknown>

/** Values as the engine takes them. */
export function columnOfValues(name: string, type: ColumnType, values: readonly Value[]): Column {
  const nulls = Uint8Array.from(values, value => (value === null ? 1 : 0))
  const given = values.map(value => value ?? empties[type])
  switch (type) {
    case 'text':
    case 'vector':
      return { name, type: 'text', values: given.map(String), nulls }
    case 'int':
    case 'timestamp':
      return { name, type, values: BigInt64Array.from(given, value => BigInt(value as number)), nulls }
    case 'bool':
      return { name, type, values: Uint8Array.from(given, Number), nulls }
    case 'float':
      return { name, type, values: Float64Array.from(given, Number), nulls }
  }
}
