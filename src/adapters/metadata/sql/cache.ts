import type { Kysely } from 'kysely'
import type { Digest } from '../../../internal/digest.ts'
import type { CacheEntry, LineageEdge, MetadataStore } from '../../../ports/metadata-store.ts'
import { chunks, decode, encode } from './codec.ts'
import { runPrepared } from './prepared.ts'
import type { RowReader } from './readable.ts'
import type { RowOf, Schema } from './schema.ts'
import { inTransaction } from './transaction.ts'

function toEntry(row: RowOf<'cache'>): CacheEntry {
  return {
    key: row.key as Digest,
    step: row.step,
    runId: row.run_id,
    outputs: decode(row.outputs),
    keyParts: decode(row.key_parts),
    at: row.at,
  }
}

function toEdge(row: RowOf<'edges'>): LineageEdge {
  return { from: row.from_node, to: row.to_node, relation: row.relation }
}

export async function writeCache(db: Kysely<Schema>, entries: readonly CacheEntry[]): Promise<void> {
  const values = (entry: CacheEntry): unknown[] => [
    entry.key,
    entry.step,
    entry.runId,
    encode(entry.outputs),
    encode(entry.keyParts),
    entry.at,
  ]
  for (const some of chunks(entries, 100))
    await runPrepared(db, `cache ${some.length}`, some.flatMap(values), next =>
      db
        .insertInto('cache')
        .values(
          some.map(() => ({
            key: next(),
            step: next(),
            run_id: next(),
            outputs: next(),
            key_parts: next(),
            at: next(),
          })),
        )
        .onConflict(conflict =>
          conflict.column('key').doUpdateSet(set => ({
            step: set.ref('excluded.step'),
            run_id: set.ref('excluded.run_id'),
            outputs: set.ref('excluded.outputs'),
            key_parts: set.ref('excluded.key_parts'),
            at: set.ref('excluded.at'),
          })),
        ),
    )
}

export async function writeEdges(db: Kysely<Schema>, edges: readonly LineageEdge[]): Promise<void> {
  for (const some of chunks(edges, 200)) {
    const values = some.flatMap(edge => [edge.from, edge.to, edge.relation])
    await runPrepared(db, `edges ${some.length}`, values, next =>
      db
        .insertInto('edges')
        .values(some.map(() => ({ from_node: next(), to_node: next(), relation: next() })))
        .onConflict(conflict => conflict.doNothing()),
    )
  }
}

type CacheMethods = 'getCache' | 'putCache' | 'removeCache' | 'addEdges' | 'edgesFrom' | 'edgesTo'

export function cacheAndLineage(db: Kysely<Schema>, read: RowReader): Pick<MetadataStore, CacheMethods> {
  const edgesAt = async (column: 'from_node' | 'to_node', nodes: readonly string[]): Promise<LineageEdge[]> => {
    const found: LineageEdge[] = []
    for (const some of chunks(nodes, 200))
      found.push(...(await db.selectFrom('edges').selectAll().where(column, 'in', some).execute()).map(toEdge))
    return found
  }
  return {
    async getCache(keys) {
      const found = new Map<Digest, CacheEntry>()
      // what cannot be read is done again
      for (const some of chunks(keys, 200))
        for (const entry of read.list(
          'cache entry',
          await db.selectFrom('cache').selectAll().where('key', 'in', some).execute(),
          row => row.key,
          toEntry,
        ))
          found.set(entry.key, entry)
      return found
    },
    putCache: entry => writeCache(db, [entry]),
    async removeCache(key) {
      await db.deleteFrom('cache').where('key', '=', key).execute()
    },
    addEdges: edges => inTransaction(db, trx => writeEdges(trx, edges)),
    edgesFrom: nodes => edgesAt('from_node', nodes),
    edgesTo: nodes => edgesAt('to_node', nodes),
  }
}
