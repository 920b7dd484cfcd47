import { ulid } from '../../internal/ids.ts'
import { Measurer } from '../validate/measurer.ts'
import type { FoundDataset } from '../validate/relation.ts'
import type { ValidateServices } from '../validate/source.ts'

/** Some columns of a relation as a table of their own. */
export interface Copy {
  readonly sql: string
  readonly measurer: Measurer
}

/** Copies columns for as long as the work takes. */
export async function withCopy<T>(
  { engine, clock }: ValidateServices,
  found: FoundDataset,
  columns: readonly string[],
  work: (copy: Copy) => Promise<T>,
): Promise<T> {
  const { dialect } = engine
  const table = dialect.identifier(`copy_${ulid()}`)
  const names = columns.map(dialect.identifier).join(', ')
  await engine.execute(`CREATE TABLE ${table} AS SELECT ${names} FROM (${found.sql})`)
  try {
    const sql = `SELECT * FROM ${table}`
    const types = new Map(Object.entries(found.dataset.columns).map(([name, spec]) => [name, spec.type]))
    return await work({ sql, measurer: new Measurer(engine, clock, { sql, numbered: sql, parts: 1 }, types) })
  } finally {
    await engine.execute(`DROP TABLE IF EXISTS ${table}`)
  }
}
