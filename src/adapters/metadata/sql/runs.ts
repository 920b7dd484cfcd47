import type { Kysely } from 'kysely'
import { fail } from '../../../errors/catalogue.ts'
import type { MetadataStore, RunRecord, RunStatus } from '../../../ports/metadata-store.ts'
import { encode, encodeOptional, present, presentJson, decode } from './codec.ts'
import type { RowReader } from './readable.ts'
import type { RowOf, Schema } from './schema.ts'
import { writeTags } from './tracking.ts'
import { inTransaction } from './transaction.ts'

const finalStatuses: ReadonlySet<RunStatus> = new Set(['succeeded', 'failed', 'cancelled'])

export function isFinal(status: RunStatus): boolean {
  return finalStatuses.has(status)
}

function toRun(row: RowOf<'runs'>): RunRecord {
  return {
    id: row.id,
    kind: row.kind as RunRecord['kind'],
    name: row.name,
    status: row.status as RunStatus,
    trigger: row.trigger_kind,
    startedAt: row.started_at,
    ...present('endedAt', row.ended_at),
    environment: decode(row.environment),
    parameters: decode(row.parameters),
    ...presentJson<'error', NonNullable<RunRecord['error']>>('error', row.error),
    ...(row.lease_owner === null || row.lease_until === null
      ? {}
      : { lease: { owner: decode(row.lease_owner), until: row.lease_until } }),
  }
}

type RunMethods = 'createRun' | 'updateRun' | 'getRun' | 'listRuns' | 'acquireRunLease'

export function runs(db: Kysely<Schema>, read: RowReader): Pick<MetadataStore, RunMethods> {
  return {
    createRun: (run, tags = {}) =>
      inTransaction(db, async trx => {
        const { numInsertedOrUpdatedRows } = await trx
          .insertInto('runs')
          .values({
            id: run.id,
            kind: run.kind,
            name: run.name,
            status: run.status,
            trigger_kind: run.trigger,
            started_at: run.startedAt,
            ended_at: run.endedAt ?? null,
            environment: encode(run.environment),
            parameters: encode(run.parameters),
            error: encodeOptional(run.error),
            lease_owner: encodeOptional(run.lease?.owner),
            lease_until: run.lease?.until ?? null,
          })
          .onConflict(conflict => conflict.column('id').doNothing())
          .executeTakeFirstOrThrow()
        if (numInsertedOrUpdatedRows === 0n) throw fail('runExists', { run: run.id })
        await writeTags(trx, run.id, tags)
      }),

    async updateRun(id, patch) {
      const lease =
        patch.lease !== undefined
          ? { lease_owner: encode(patch.lease.owner), lease_until: patch.lease.until }
          : patch.status !== undefined && isFinal(patch.status)
            ? { lease_owner: null, lease_until: null }
            : {}
      const { numUpdatedRows } = await db
        .updateTable('runs')
        .set({
          id,
          // What goes on again has neither ended nor failed
          ...(patch.status === 'running' ? { ended_at: null, error: null } : {}),
          ...(patch.name === undefined ? {} : { name: patch.name }),
          ...(patch.status === undefined ? {} : { status: patch.status }),
          ...(patch.trigger === undefined ? {} : { trigger_kind: patch.trigger }),
          ...(patch.startedAt === undefined ? {} : { started_at: patch.startedAt }),
          ...(patch.endedAt === undefined ? {} : { ended_at: patch.endedAt }),
          ...(patch.environment === undefined ? {} : { environment: encode(patch.environment) }),
          ...(patch.parameters === undefined ? {} : { parameters: encode(patch.parameters) }),
          ...(patch.error === undefined ? {} : { error: encode(patch.error) }),
          ...lease,
        })
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
      if (numUpdatedRows === 0n) throw fail('runUnknown', { run: id })
    },

    async getRun(id) {
      const row = await db.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst()
      return row && read.one('run', id, row, toRun)
    },

    async listRuns(filter = {}) {
      let query = db.selectFrom('runs').selectAll().orderBy('seq', 'desc')
      if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
      if (filter.name !== undefined) query = query.where('name', '=', filter.name)
      if (filter.status !== undefined) query = query.where('status', '=', filter.status)
      if (filter.limit !== undefined) query = query.limit(filter.limit)
      return read.list('run', await query.execute(), row => row.id, toRun)
    },

    async acquireRunLease(id, owner, until, now, dead) {
      const mine = encode(owner)
      const { numUpdatedRows } = await db
        .updateTable('runs')
        .set({ lease_owner: mine, lease_until: until })
        .where('id', '=', id)
        .where('status', 'in', ['queued', 'running'])
        .where(where =>
          where.or([
            where('lease_owner', 'is', null),
            where('lease_owner', '=', mine),
            where('lease_until', '<', now),
            ...(dead === undefined ? [] : [where('lease_owner', '=', encode(dead))]),
          ]),
        )
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    },
  }
}
