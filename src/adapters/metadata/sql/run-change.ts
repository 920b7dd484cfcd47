import type { Kysely } from 'kysely'
import type { MetadataStore } from '../../../ports/metadata-store.ts'
import { writeCache, writeEdges } from './cache.ts'
import { encode, encodeOptional } from './codec.ts'
import { writeBodies } from './judgements.ts'
import { isFinal } from './runs.ts'
import type { Schema } from './schema.ts'
import { writeSteps } from './steps.ts'

export function runChange(db: Kysely<Schema>): Pick<MetadataStore, 'commitRun'> {
  return {
    commitRun: change =>
      db.transaction().execute(async trx => {
        // The row lock that this takes keeps a rival's take-over out until the transaction ends.
        const { numUpdatedRows } = await trx
          .updateTable('runs')
          .set({
            lease_until: change.lease.until,
            ...(change.end === undefined
              ? {}
              : { status: change.end.status, ended_at: change.end.endedAt, error: encodeOptional(change.end.error) }),
            ...(change.end !== undefined && isFinal(change.end.status) ? { lease_owner: null, lease_until: null } : {}),
          })
          .where('id', '=', change.runId)
          .where('lease_owner', '=', encode(change.lease.owner))
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) return false
        await writeSteps(trx, change.steps ?? [])
        await writeCache(trx, change.cache ?? [])
        await writeEdges(trx, change.edges ?? [])
        await writeBodies(trx, 'decisions', change.decisions ?? [])
        await writeBodies(trx, 'reports', change.reports ?? [])
        for (const { kind, id, revision } of change.remove ?? [])
          await trx
            .deleteFrom('documents')
            .where('kind', '=', kind)
            .where('id', '=', id)
            .where('revision', '=', revision)
            .execute()
        return true
      }),
  }
}
