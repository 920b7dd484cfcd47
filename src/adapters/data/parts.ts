import type { DescribedColumn, RelationPart } from '../../ports/data-engine.ts'

/** The columns of all parts, each with its type in the first that has it. */
export function columnsOfParts(parts: readonly RelationPart[]): readonly DescribedColumn[] {
  const columns = new Map<string, DescribedColumn>()
  for (const part of parts)
    for (const column of part.columns) {
      const known = columns.get(column.name)
      // a column of nothing says nothing of what others hold
      if (!known || known.stored === 'nothing') columns.set(column.name, column)
    }
  return [...columns.values()]
}
