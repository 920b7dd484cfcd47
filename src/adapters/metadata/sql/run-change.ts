import type { Kysely } from 'kysely'
import type { MetadataStore, RunChange } from '../../../ports/metadata-store.ts'
import { writeCache, writeEdges } from './cache.ts'
import { encode, encodeOptional } from './codec.ts'
import { writeBodies } from './judgements.ts'
import { runPrepared } from './prepared.ts'
import { isFinal } from './runs.ts'
import type { Schema } from './schema.ts'
import { writeSteps } from './steps.ts'
import { inTransaction } from './transaction.ts'

/** Renews the lease of the run, or ends it, if the lease is still the owner's; 0 if it is not. */
function renew(trx: Kysely<Schema>, { runId, lease, end }: RunChange): Promise<bigint> {
  const owner = encode(lease.owner)
  if (end === undefined)
    return runPrepared(trx, 'renew', [lease.until, runId, owner], next =>
      trx
        .updateTable('runs')
        .set({ lease_until: next() })
        .where('id', '=', next<string>())
        .where('lease_owner', '=', next<string>()),
    )
  const over = isFinal(end.status) ? { lease_owner: null, lease_until: null } : { lease_until: lease.until }
  return trx
    .updateTable('runs')
    .set({ status: end.status, ended_at: end.endedAt, error: encodeOptional(end.error), ...over })
    .where('id', '=', runId)
    .where('lease_owner', '=', owner)
    .executeTakeFirstOrThrow()
    .then(({ numUpdatedRows }) => numUpdatedRows)
}

export function runChange(db: Kysely<Schema>): Pick<MetadataStore, 'commitRun'> {
  return {
    commitRun: change =>
      inTransaction(db, async trx => {
        // The row lock that this takes keeps a rival's take-over out until the transaction ends.
        if ((await renew(trx, change)) === 0n) return false
        await writeSteps(trx, change.steps ?? [])
        await writeCache(trx, change.cache ?? [])
        await writeEdges(trx, change.edges ?? [])
        await writeBodies(trx, 'decisions', change.decisions ?? [])
        await writeBodies(trx, 'reports', change.reports ?? [])
        for (const { kind, id, revision } of change.remove ?? [])
          await runPrepared(trx, 'remove document', [kind, id, revision], next =>
            trx
              .deleteFrom('documents')
              .where('kind', '=', next<string>())
              .where('id', '=', next<string>())
              .where('revision', '=', next<number>()),
          )
        return true
      }),
  }
}
