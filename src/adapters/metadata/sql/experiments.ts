import type { Kysely } from 'kysely'
import { fail } from '../../../errors/catalogue.ts'
import type { Experiment, MetadataStore } from '../../../ports/metadata-store.ts'
import { decode, encode } from './codec.ts'
import { sql } from './kysely.ts'
import type { RowReader } from './readable.ts'
import type { RowOf, Schema } from './schema.ts'
import { inTransaction } from './transaction.ts'

function toExperiment(row: RowOf<'experiments'>): Experiment {
  return {
    id: row.id,
    name: row.name,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deleted: row.deleted !== 0,
    tags: decode(row.tags),
  }
}

type Methods = 'createExperiment' | 'getExperiment' | 'getExperimentByName' | 'listExperiments' | 'updateExperiment'

export function experiments(db: Kysely<Schema>, read: RowReader): Pick<MetadataStore, Methods> {
  return {
    createExperiment: given =>
      inTransaction(db, async trx => {
        const row = await trx
          .insertInto('experiments')
          .values({
            // Tracking clients expect decimal ids; the temporary one is replaced by the row's own number.
            id: given.id ?? `new ${given.name}`,
            name: given.name,
            created_at: given.createdAt,
            updated_at: given.updatedAt,
            deleted: given.deleted ? 1 : 0,
            tags: encode(given.tags),
          })
          .onConflict(conflict => conflict.doNothing())
          .returning('seq')
          .executeTakeFirst()
        if (row === undefined) throw fail('experimentExists', { name: given.name })
        if (given.id !== undefined) return { ...given, id: given.id }
        const id = String(row.seq)
        await trx.updateTable('experiments').set({ id }).where('seq', '=', row.seq).execute()
        return { ...given, id }
      }),

    async getExperiment(id) {
      const row = await db.selectFrom('experiments').selectAll().where('id', '=', id).executeTakeFirst()
      return row && read.one('experiment', row.id, row, toExperiment)
    },

    async getExperimentByName(name) {
      const row = await db.selectFrom('experiments').selectAll().where('name', '=', name).executeTakeFirst()
      return row && read.one('experiment', row.id, row, toExperiment)
    },

    async listExperiments() {
      const rows = await db.selectFrom('experiments').selectAll().orderBy('seq', 'desc').execute()
      return read.list('experiment', rows, row => row.id, toExperiment)
    },

    updateExperiment: (id, patch) =>
      inTransaction(db, async trx => {
        if (patch.name !== undefined) {
          const taken = await trx
            .selectFrom('experiments')
            .select('id')
            .where('name', '=', patch.name)
            .where('id', '<>', id)
            .executeTakeFirst()
          if (taken !== undefined) throw fail('experimentExists', { name: patch.name })
        }
        const { numUpdatedRows } = await trx
          .updateTable('experiments')
          .set({
            id: sql.ref('id'),
            ...(patch.name === undefined ? {} : { name: patch.name }),
            ...(patch.updatedAt === undefined ? {} : { updated_at: patch.updatedAt }),
            ...(patch.deleted === undefined ? {} : { deleted: patch.deleted ? 1 : 0 }),
            ...(patch.tags === undefined ? {} : { tags: encode(patch.tags) }),
          })
          .where('id', '=', id)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) throw fail('experimentUnknown', { experiment: id })
      }),
  }
}
