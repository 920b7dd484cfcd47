import type { Compilable, Kysely } from 'kysely'
import { CompiledQuery } from './kysely.ts'
import type { Schema } from './schema.ts'

/** Stands in a query for the value with that number. */
class Slot {
  readonly index: number
  constructor(index: number) {
    this.index = index
  }
}

/** Gives the next slot, typed as the column wants it. */
export type NextSlot = <T>() => T

interface Text {
  readonly sql: string
  /** What stands at each parameter: a slot, or a constant of the query. */
  readonly parameters: readonly unknown[]
}

/** By adapter, which all transactions of one database share. */
const texts = new WeakMap<object, Map<string, Text>>()

/**
 * Runs a query whose text was built once: Kysely takes longer to build and compile one than SQLite to run it. `build` is
 * called for the first query of its `shape` (a name that says all that its text depends on, such as the number of rows)
 * and asks for a slot for each of `values`, in their order. Gives the rows that were changed.
 */
export async function runPrepared(
  db: Kysely<Schema>,
  shape: string,
  values: readonly unknown[],
  build: (next: NextSlot) => Compilable,
): Promise<bigint> {
  const { adapter } = db.getExecutor()
  const known = texts.get(adapter) ?? new Map<string, Text>()
  texts.set(adapter, known)
  let text = known.get(shape)
  if (text === undefined) {
    let count = 0
    const { sql, parameters } = build(<T>() => new Slot(count++) as T).compile()
    text = { sql, parameters }
    known.set(shape, text)
  }
  const parameters = text.parameters.map(one => (one instanceof Slot ? values[one.index] : one))
  return (await db.executeQuery(CompiledQuery.raw(text.sql, parameters))).numAffectedRows ?? 0n
}
