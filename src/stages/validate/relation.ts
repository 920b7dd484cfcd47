import type { Dataset } from '../../define/dataset.ts'
import { fail } from '../../errors/index.ts'
import type { ColumnType, DataEngine, DescribedColumn, Relation } from '../../ports/data-engine.ts'

/** A dataset as it was found: which declared columns are there, with which types, and SQL that gives them as declared. */
export interface FoundDataset {
  readonly dataset: Dataset
  readonly source: Relation
  readonly present: readonly DescribedColumn[]
  readonly missing: readonly string[]
  /** Columns whose type cannot stand for the declared one. */
  readonly mismatched: readonly { readonly column: string; readonly declared: ColumnType; readonly physical: string }[]
  /** `SELECT` of the usable declared columns with their declared types. */
  readonly sql: string
  readonly usable: ReadonlySet<string>
}

/** int fits where float is declared; everything else must be of the declared type. */
function fits(declared: ColumnType, found: ColumnType | undefined): boolean {
  return found === declared || (declared === 'float' && found === 'int')
}

/** Looks at the source once (footer only where the format has one) and never guesses: no casts that could lose a value. */
export async function findDataset(
  engine: DataEngine,
  dataset: Dataset,
  root: string,
  source?: Relation,
): Promise<FoundDataset> {
  const relation = source ?? (await engine.scan(dataset.source, root))
  const present = await engine.describe(relation)
  const byName = new Map(present.map(column => [column.name, column]))
  const missing: string[] = []
  const mismatched: { column: string; declared: ColumnType; physical: string }[] = []
  const selected: string[] = []
  const usable = new Set<string>()
  const { dialect } = engine
  for (const [name, spec] of Object.entries(dataset.columns)) {
    const found = byName.get(name)
    if (!found) missing.push(name)
    else if (!fits(spec.type, found.type))
      mismatched.push({ column: name, declared: spec.type, physical: found.physical })
    else {
      usable.add(name)
      const raw = dialect.identifier(name)
      selected.push(
        `${spec.type === 'timestamp' ? utc(raw, found.physical, spec.zone, dataset, name) : dialect.cast(raw, spec.type)} AS ${raw}`,
      )
    }
  }
  return {
    dataset,
    source: relation,
    present,
    missing,
    mismatched,
    usable,
    sql: `SELECT ${selected.join(', ') || '1'} FROM ${relation.sql}`,
  }
}

function utc(sql: string, physical: string, zone: string | undefined, dataset: Dataset, column: string): string {
  if (physical.includes('TIME ZONE')) return `timezone('UTC', ${sql})`
  if (zone === undefined)
    throw fail('invalidDefinition', {
      kind: 'dataset',
      name: dataset.name,
      reason: `column '${column}' holds times without a zone: declare t.timestamp('UTC') or the zone they are in`,
    })
  const naive = `CAST(${sql} AS TIMESTAMP)`
  return zone === 'UTC' ? naive : `timezone('UTC', timezone('${zone}', ${naive}))`
}

/** The first thing that makes the dataset unusable downstream, as an error. */
export function requireUsable(found: FoundDataset): void {
  const { dataset, source } = found
  const [column] = found.missing
  if (column)
    throw fail('columnMissing', {
      dataset: dataset.name,
      column,
      source: source.label,
      present: found.present.map(one => one.name).join(', '),
    })
  const [wrong] = found.mismatched
  if (wrong)
    throw fail('typeMismatch', {
      dataset: dataset.name,
      column: wrong.column,
      declared: wrong.declared,
      physical: wrong.physical,
      source: source.label,
    })
}
