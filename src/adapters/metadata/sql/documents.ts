import type { Kysely } from 'kysely'
import type { Json } from '../../../internal/canonical-json.ts'
import type { Document, MetadataStore, WindowRecord } from '../../../ports/metadata-store.ts'
import { chunks, decode, encode } from './codec.ts'
import { runPrepared } from './prepared.ts'
import type { RowReader } from './readable.ts'
import type { RowOf, Schema } from './schema.ts'
import { inTransaction } from './transaction.ts'

function toDocument<T extends Json>(row: RowOf<'documents'>): Document<T> {
  return { kind: row.kind, id: row.id, revision: row.revision, value: decode<T>(row.value), at: row.at }
}

async function put(
  on: Kysely<Schema>,
  kind: string,
  id: string,
  value: Json,
  at: number,
  expected: number | undefined,
): Promise<number | undefined> {
  const body = encode(value)
  if (expected !== undefined && expected > 0) {
    const changed = await on
      .updateTable('documents')
      .set({ value: body, at, revision: expected + 1 })
      .where('kind', '=', kind)
      .where('id', '=', id)
      .where('revision', '=', expected)
      .executeTakeFirstOrThrow()
    return changed.numUpdatedRows > 0n ? expected + 1 : undefined
  }
  if (expected === 0) {
    const made = await runPrepared(on, 'new document', [kind, id, body, at], next =>
      on
        .insertInto('documents')
        .values({ kind: next<string>(), id: next<string>(), revision: 1, value: next<string>(), at: next<number>() })
        .onConflict(conflict => conflict.columns(['kind', 'id']).doNothing()),
    )
    return made > 0n ? 1 : undefined
  }
  const row = await on
    .insertInto('documents')
    .values({ kind, id, revision: 1, value: body, at })
    .onConflict(conflict =>
      conflict.columns(['kind', 'id']).doUpdateSet(set => ({
        value: body,
        at,
        revision: set('documents.revision', '+', 1),
      })),
    )
    .returning('revision')
    .executeTakeFirst()
  return row?.revision
}

type Methods = 'getDocument' | 'listDocuments' | 'putDocument' | 'removeDocument' | 'addWindows' | 'listWindows'

/** Runs work whose commits need not survive power loss. */
export type RunRelaxed = <T>(work: (db: Kysely<Schema>) => Promise<T>) => Promise<T>

export function documents(db: Kysely<Schema>, relaxed: RunRelaxed, read: RowReader): Pick<MetadataStore, Methods> {
  return {
    async getDocument<T extends Json>(kind: string, id: string) {
      const row = await db
        .selectFrom('documents')
        .selectAll()
        .where('kind', '=', kind)
        .where('id', '=', id)
        .executeTakeFirst()
      return row && read.one(kind, id, row, one => toDocument<T>(one))
    },

    async listDocuments<T extends Json>(kind: string) {
      const rows = await db.selectFrom('documents').selectAll().where('kind', '=', kind).orderBy('id').execute()
      return read.list(
        kind,
        rows,
        row => row.id,
        row => toDocument<T>(row),
      )
    },

    putDocument: (kind, id, value, at, expected, volatile) =>
      volatile === true
        ? relaxed(one => put(one, kind, id, value, at, expected))
        : put(db, kind, id, value, at, expected),

    async removeDocument(kind, id, expected) {
      const all = db.deleteFrom('documents').where('kind', '=', kind).where('id', '=', id)
      await (expected === undefined ? all : all.where('revision', '=', expected)).execute()
    },

    addWindows: windows =>
      inTransaction(db, async trx => {
        for (const some of chunks(windows, 100)) {
          await trx
            .insertInto('windows')
            .values(
              some.map(window => ({
                monitor: window.monitor,
                series: window.series,
                from_at: window.from,
                to_at: window.to,
                body: encode(window.body),
              })),
            )
            .onConflict(conflict =>
              conflict
                .columns(['monitor', 'from_at', 'series', 'to_at'])
                .doUpdateSet(set => ({ body: set.ref('excluded.body') })),
            )
            .execute()
        }
      }),

    async listWindows(monitor, filter = {}) {
      let query = db.selectFrom('windows').selectAll().where('monitor', '=', monitor)
      if (filter.series !== undefined) query = query.where('series', '=', filter.series)
      if (filter.from !== undefined) query = query.where('from_at', '>=', filter.from)
      if (filter.to !== undefined) query = query.where('from_at', '<', filter.to)
      // With a limit the newest ones are meant, in order of time all the same.
      if (filter.limit !== undefined)
        query = query.orderBy('from_at', 'desc').orderBy('series', 'desc').limit(filter.limit)
      else query = query.orderBy('from_at').orderBy('series')
      const rows = await query.execute()
      if (filter.limit !== undefined) rows.reverse()
      return read.list(
        'window',
        rows,
        row => `${row.series} from ${row.from_at} of ${monitor}`,
        (row): WindowRecord => ({
          monitor: row.monitor,
          series: row.series,
          from: row.from_at,
          to: row.to_at,
          body: decode(row.body),
        }),
      )
    },
  }
}
