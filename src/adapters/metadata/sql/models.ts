import type { Kysely } from 'kysely'
import { fail } from '../../../errors/catalogue.ts'
import type { Digest } from '../../../internal/digest.ts'
import type { MetadataStore, ModelVersion } from '../../../ports/metadata-store.ts'
import { decode, encode } from './codec.ts'
import type { RowReader } from './readable.ts'
import type { RowOf, Schema } from './schema.ts'
import { inTransaction } from './transaction.ts'

function toVersion(row: RowOf<'model_versions'>): ModelVersion {
  return {
    model: row.model,
    version: row.version,
    digest: row.digest as Digest,
    runId: row.run_id,
    createdAt: row.created_at,
    metrics: decode(row.metrics),
    facts: decode(row.facts),
    tags: decode(row.tags),
  }
}

type ModelMethods =
  | 'addModelVersion'
  | 'getModelVersion'
  | 'listModelVersions'
  | 'setModelTags'
  | 'setAlias'
  | 'aliases'

export function models(db: Kysely<Schema>, read: RowReader): Pick<MetadataStore, ModelMethods> {
  return {
    addModelVersion: given =>
      inTransaction(db, async trx => {
        const { last } = await trx
          .insertInto('model_counters')
          .values({ model: given.model, last: 1 })
          .onConflict(conflict =>
            conflict.column('model').doUpdateSet(set => ({ last: set('model_counters.last', '+', 1) })),
          )
          .returning('last')
          .executeTakeFirstOrThrow()
        await trx
          .insertInto('model_versions')
          .values({
            model: given.model,
            version: last,
            digest: given.digest,
            run_id: given.runId,
            created_at: given.createdAt,
            metrics: encode(given.metrics),
            facts: encode(given.facts),
            tags: encode(given.tags),
          })
          .execute()
        return { ...given, version: last }
      }),

    async getModelVersion(model, version) {
      const row = await db
        .selectFrom('model_versions')
        .selectAll()
        .where('model', '=', model)
        .where('version', '=', version)
        .executeTakeFirst()
      return row && read.one('model version', `${model}@${version}`, row, toVersion)
    },

    async listModelVersions(model) {
      const all = db.selectFrom('model_versions').selectAll().orderBy('seq', 'desc')
      const rows = await (model === undefined ? all : all.where('model', '=', model)).execute()
      return read.list('model version', rows, row => `${row.model}@${row.version}`, toVersion)
    },

    async setModelTags(model, version, tags) {
      const { numUpdatedRows } = await db
        .updateTable('model_versions')
        .set({ tags: encode(tags) })
        .where('model', '=', model)
        .where('version', '=', version)
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) throw fail('modelVersionUnknown', { model, version })
    },

    setAlias: (model, alias, version) =>
      inTransaction(db, async trx => {
        if (version === undefined) {
          await trx.deleteFrom('model_aliases').where('model', '=', model).where('alias', '=', alias).execute()
          return
        }
        const known = await trx
          .selectFrom('model_versions')
          .select('version')
          .where('model', '=', model)
          .where('version', '=', version)
          .executeTakeFirst()
        if (known === undefined) throw fail('modelVersionUnknown', { model, version })
        await trx
          .insertInto('model_aliases')
          .values({ model, alias, version })
          .onConflict(conflict => conflict.columns(['model', 'alias']).doUpdateSet({ version }))
          .execute()
      }),

    async aliases(model) {
      const rows = await db.selectFrom('model_aliases').selectAll().where('model', '=', model).execute()
      return Object.fromEntries(rows.map(row => [row.alias, row.version]))
    },
  }
}
