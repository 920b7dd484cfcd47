import type { ColumnType, DescribedColumn, StoredKind } from '../../../ports/data-engine.ts'

/** The engine's types: how their values stand, and what a column of them may be declared as. */
const kinds: readonly (readonly [RegExp, StoredKind, ColumnType?])[] = [
  [/^U?(TINYINT|SMALLINT|INTEGER)$/, 'int32', 'int'],
  [/^BIGINT$/, 'int64', 'int'],
  [/^(UBIGINT|U?HUGEINT|DECIMAL\(\d+,\s*0\))$/, 'wide', 'int'],
  [/^DECIMAL/, 'decimal', 'float'],
  [/^(FLOAT|DOUBLE)$/, 'float', 'float'],
  [/^(VARCHAR|ENUM.*|UUID|JSON)$/, 'text', 'text'],
  [/^BOOLEAN$/, 'bool', 'bool'],
  [/^DATE$/, 'date', 'timestamp'],
  [/^TIMESTAMP(_S|_MS|_NS)?$/, 'local', 'timestamp'],
  [/^TIMESTAMP WITH TIME ZONE$/, 'instant', 'timestamp'],
  // how many numbers each list has is nowhere written
  [/^(U?(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT)|DECIMAL\(\d+,\s*\d+\)|FLOAT|DOUBLE)\[\d*\]$/, 'list'],
  [/^"?NULL"?$/, 'nothing', 'text'],
]

/** A column by the engine's name of its type. */
export function describedColumn(name: string, physical: string): DescribedColumn {
  const found = kinds.find(([form]) => form.test(physical))
  return { name, type: found?.[2], physical, ...(found ? { stored: found[1] } : {}) }
}
