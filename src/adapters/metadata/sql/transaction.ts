import type { Kysely, Transaction } from 'kysely'
import { fail } from '../../../errors/catalogue.ts'
import type { Fence } from '../../../ports/metadata-store.ts'
import type { Schema } from './schema.ts'

/** Runs work in a transaction of its own, or in the one that is open already. */
export function inTransaction<T>(db: Kysely<Schema>, work: (trx: Transaction<Schema>) => Promise<T>): Promise<T> {
  return db.isTransaction ? work(db as Transaction<Schema>) : db.transaction().execute(work)
}

/**
 * Holds the fence until the transaction ends: whoever wants to take over waits for it. The row is written because that locks it
 * in either database. Throws `leadershipLost`.
 */
export async function hold(trx: Transaction<Schema>, { kind, id, revision }: Fence): Promise<void> {
  const held = await trx
    .updateTable('documents')
    .set(set => ({ at: set.ref('at') }))
    .where('kind', '=', kind)
    .where('id', '=', id)
    .where('revision', '=', revision)
    .executeTakeFirstOrThrow()
  if (held.numUpdatedRows === 0n) throw fail('leadershipLost', { name: id })
}
