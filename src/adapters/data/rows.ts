import type { Column, Row, Value } from '../../ports/data-engine.ts'

/** Columns of a small result as rows: whole numbers as numbers where these are exact. */
export function rowsOf(columns: ReadonlyMap<string, Column>): Row[] {
  const list = [...columns.values()]
  const length = list[0]?.values.length ?? 0
  const rows: Row[] = []
  for (let i = 0; i < length; i++) {
    const row: Record<string, Value> = {}
    for (const column of list) row[column.name] = valueAt(column, i)
    rows.push(row)
  }
  return rows
}

function valueAt(column: Column, i: number): Value {
  if (column.nulls?.[i]) return null
  const value = column.values[i] as number | bigint | string
  if (column.type === 'bool') return value === 1
  if (typeof value === 'bigint' && value >= -9007199254740991n && value <= 9007199254740991n) return Number(value)
  return value
}
