import { ulid } from '../../internal/ids.ts'
import type { Column, DataEngine } from '../../ports/data-engine.ts'
import { columnOfValues } from '../log/column.ts'
import type { OnlineView } from './online.ts'

/** Keys that are loaded into the engine at a time. */
const batchKeys = 50_000

/** The keys of entities as a table of the engine, which spills what it cannot hold. */
export interface PresentEntities {
  readonly count: number
  /** Those of the keys that are not among them. */
  others(keys: readonly string[]): Promise<readonly string[]>
  drop(): Promise<void>
}

/** The keys of entities that a query gives, each once, as `keysOf` reads them. */
export async function presentEntities(
  engine: DataEngine,
  distinct: string,
  keysOf: (batch: ReadonlyMap<string, Column>) => (at: number) => string,
): Promise<PresentEntities> {
  const table = `present_${ulid()}`
  const asked = `asked_${ulid()}`
  let count = 0
  let waiting: string[] = []
  let sql = (await engine.load(table, [columnOfValues('k', 'text', [])])).sql
  const load = async (): Promise<void> => {
    if (waiting.length === 0) return
    sql = (await engine.load(table, [columnOfValues('k', 'text', waiting)], true)).sql
    count += waiting.length
    waiting = []
  }
  for await (const batch of engine.stream(distinct)) {
    const length = [...batch.values()][0]?.values.length ?? 0
    const keyOf = keysOf(batch)
    for (let at = 0; at < length; at++) waiting.push(keyOf(at))
    if (waiting.length >= batchKeys) await load()
  }
  await load()
  return {
    count,
    async others(keys) {
      const given = await engine.load(asked, [columnOfValues('k', 'text', keys)])
      const found = await engine.columns(`SELECT k FROM ${given.sql} ANTI JOIN (SELECT k FROM ${sql}) USING (k)`)
      return [...((found.get('k')?.values ?? []) as readonly string[])]
    },
    async drop() {
      for (const name of [table, asked]) await engine.execute(`DROP TABLE IF EXISTS ${engine.dialect.identifier(name)}`)
    },
  }
}

/** Goes through the records that are there and gives the keys of those that are of no present entity, some at a time. */
export async function* absentKeys(view: OnlineView, present: PresentEntities): AsyncGenerator<readonly string[]> {
  const absent: string[] = []
  let waiting: string[] = []
  for await (const key of view.keys()) {
    if (waiting.push(key) < batchKeys) continue
    absent.push(...(await present.others(waiting)))
    waiting = []
  }
  if (waiting.length > 0) absent.push(...(await present.others(waiting)))
  // Not while they are gone through: what is changed meanwhile could be met twice, or not at all
  for (let from = 0; from < absent.length; from += batchKeys) yield absent.slice(from, from + batchKeys)
}
