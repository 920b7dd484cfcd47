import type { ColumnType, Dialect, Value } from '../../../ports/data-engine.ts'

const types: Record<ColumnType, string> = {
  int: 'BIGINT',
  float: 'DOUBLE',
  text: 'VARCHAR',
  bool: 'BOOLEAN',
  timestamp: 'TIMESTAMP',
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "''")}'`
}

function literal(value: Value, type: ColumnType): string {
  if (value === null) return `CAST(NULL AS ${types[type]})`
  switch (type) {
    case 'text':
      // A NUL cannot stand in SQL text; chr(0) joins it in
      return String(value).includes('\0')
        ? `(${String(value).split('\0').map(quote).join(' || chr(0) || ')})`
        : quote(String(value))
    case 'bool':
      return value ? 'true' : 'false'
    case 'timestamp':
      return `make_timestamp(${BigInt(value)})`
    case 'int':
      return `CAST(${quote(String(value))} AS BIGINT)`
    case 'float':
      // Through text, so that the engine's decimal literals never round the value
      return `CAST(${quote(String(value))} AS DOUBLE)`
  }
}

/** Naive TIMESTAMP columns hold UTC everywhere behind the scan, so a zone is applied only to read parts in it. */
function local(sql: string, zone: string): string {
  return zone === 'UTC' ? sql : `timezone(${quote(zone)}, timezone('UTC', ${sql}))`
}

export const duckdbDialect: Dialect = {
  name: 'duckdb',
  identifier: name => `"${name.replaceAll('"', '""')}"`,
  literal,
  cast: (sql, type) => `CAST(${sql} AS ${types[type]})`,
  attempt: sql => `TRY(${sql})`,
  isFinite: sql => `isfinite(${sql})`,
  isNan: sql => `isnan(${sql})`,
  matches: (sql, pattern) => `regexp_matches(${sql}, ${quote(pattern)})`,
  quantile: (sql, q, exact) => (exact ? `quantile_cont(${sql}, ${q})` : `approx_quantile(${sql}, ${q})`),
  epochMicros: sql => `epoch_us(${sql})`,
  fromEpochMicros: sql => `make_timestamp(${sql})`,
  datePart: (part, sql, zone) => {
    const name = part === 'dayOfWeek' ? 'isodow' : part
    return `date_part('${name}', ${local(sql, zone)})`
  },
  rowHash: columns => `hash(${columns.join(', ')})`,
}
