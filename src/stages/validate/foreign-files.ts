import type { Dataset } from '../../define/dataset.ts'
import { fail } from '../../errors/index.ts'
import { differentNames } from '../../internal/different-names.ts'
import { ulid } from '../../internal/ids.ts'
import { rowColumn, type Column, type DescribedColumn, type RelationPart } from '../../ports/data-engine.ts'
import type { ListedFile } from './files.ts'
import type { OpenSource, ValidateServices } from './source.ts'

/** Files that were read into a table of the engine, for they have the same columns of the same types. */
interface Table {
  readonly part: RelationPart
  readonly names: ReadonlySet<string>
  readonly name: string
}

const numbersFrom = (first: number, length: number): Column => ({
  name: rowColumn,
  type: 'int',
  values: BigInt64Array.from({ length }, (_, i) => BigInt(first + i)),
})

/**
 * Files of a kind that the engine does not read itself: their rows are read into it, a table for those with the same columns,
 * and let go of with the validation.
 */
export async function openForeignFiles(
  { engine, openForeign }: ValidateServices,
  dataset: Dataset,
  files: readonly Pick<ListedFile, 'name' | 'path'>[],
): Promise<OpenSource> {
  const { source } = dataset
  if (!openForeign || source.kind !== 'arrow')
    throw fail('sourceUnreadable', { source: source.path, reason: `nothing here reads ${source.kind} sources` })
  const { dialect } = engine
  const tables = new Map<string, Table>()
  const release = async () => {
    for (const { name } of tables.values()) await engine.execute(`DROP TABLE IF EXISTS ${dialect.identifier(name)}`)
  }
  const tableOf = async (columns: readonly DescribedColumn[], label: string): Promise<Table> => {
    const key = JSON.stringify(columns.toSorted((a, b) => (a.name < b.name ? -1 : 1)))
    const known = tables.get(key)
    if (known) return known
    const name = `source_${ulid()}`
    const held = columns.filter(column => column.stored !== undefined)
    const names = held.map(column => column.name)
    const { sql } = await engine.load(name, [...held.map(emptyColumn), numbersFrom(0, 0)])
    const part = {
      columns,
      label,
      numbered: sql,
      sql: `(SELECT * EXCLUDE (${dialect.identifier(rowColumn)}) FROM ${sql})`,
    }
    const made = { part, names: new Set(names), name }
    tables.set(key, made)
    return made
  }
  try {
    let row = 0
    for (const file of files) {
      const opened = await openForeign(source, [file.path], dataset.name)
      const { part, names, name } = await tableOf(opened.columns, file.name)
      for await (const batch of opened.batches(names)) {
        const rows = batch[0]?.values.length ?? 0
        const byName = new Map(batch.map(column => [column.name, column]))
        const ordered = part.columns.flatMap(column => byName.get(column.name) ?? [])
        await engine.load(name, [...ordered, numbersFrom(row, rows)], true)
        row += rows
      }
      await opened.close()
    }
    const parts = [...tables.values()].map(one => one.part)
    const reason = differentNames([...new Set(parts.flatMap(part => part.columns.map(column => column.name)))])
    if (reason !== undefined) throw fail('sourceUnreadable', { source: source.path, reason })
    const union = (of: (part: RelationPart) => string) =>
      `(${parts.map(part => `SELECT * FROM ${of(part)}`).join(' UNION ALL BY NAME ')})`
    const relation = {
      sql: union(part => part.sql),
      numbered: union(part => part.numbered),
      label: source.path,
      parts,
    }
    return { relation, files: undefined, release }
  } catch (error) {
    await release()
    throw error
  }
}

/** A column of no rows, of the type that its values come in. */
function emptyColumn({ name, type, asText }: DescribedColumn): Column {
  if (asText || type === 'text' || type === undefined) return { name, type: 'text', values: [] }
  if (type === 'float') return { name, type, values: new Float64Array() }
  return type === 'bool' ? { name, type, values: new Uint8Array() } : { name, type, values: new BigInt64Array() }
}
