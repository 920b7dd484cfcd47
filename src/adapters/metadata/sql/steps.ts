import type { Kysely } from 'kysely'
import type { MetadataStore, StepRecord, StepStatus } from '../../../ports/metadata-store.ts'
import type { ProcessIdentity } from '../../../ports/executor.ts'
import { chunks, encodeOptional, present, presentJson } from './codec.ts'
import type { NewRow, RowOf, Schema } from './schema.ts'

function toStep(row: RowOf<'steps'>): StepRecord {
  return {
    runId: row.run_id,
    step: row.step,
    status: row.status as StepStatus,
    attempt: row.attempt,
    ...(row.cache_key === null ? {} : { cacheKey: row.cache_key as NonNullable<StepRecord['cacheKey']> }),
    ...presentJson<'keyParts', NonNullable<StepRecord['keyParts']>>('keyParts', row.key_parts),
    ...present('reason', row.reason),
    ...present('reusedFrom', row.reused_from),
    ...present('startedAt', row.started_at),
    ...present('endedAt', row.ended_at),
    ...presentJson<'outputs', NonNullable<StepRecord['outputs']>>('outputs', row.outputs),
    ...presentJson<'error', NonNullable<StepRecord['error']>>('error', row.error),
    ...presentJson<'process', ProcessIdentity>('process', row.process),
  }
}

function fromStep(step: StepRecord): NewRow<'steps'> {
  return {
    run_id: step.runId,
    step: step.step,
    status: step.status,
    attempt: step.attempt,
    cache_key: step.cacheKey ?? null,
    key_parts: encodeOptional(step.keyParts),
    reason: step.reason ?? null,
    reused_from: step.reusedFrom ?? null,
    started_at: step.startedAt ?? null,
    ended_at: step.endedAt ?? null,
    outputs: encodeOptional(step.outputs),
    error: encodeOptional(step.error),
    process: encodeOptional(step.process),
  }
}

/** The one place that writes steps; `db` may be a transaction. */
export async function writeSteps(db: Kysely<Schema>, steps: readonly StepRecord[]): Promise<void> {
  for (const some of chunks(steps, 50)) {
    await db
      .insertInto('steps')
      .values(some.map(fromStep))
      .onConflict(conflict =>
        conflict.columns(['run_id', 'step']).doUpdateSet(set => ({
          status: set.ref('excluded.status'),
          attempt: set.ref('excluded.attempt'),
          cache_key: set.ref('excluded.cache_key'),
          key_parts: set.ref('excluded.key_parts'),
          reason: set.ref('excluded.reason'),
          reused_from: set.ref('excluded.reused_from'),
          started_at: set.ref('excluded.started_at'),
          ended_at: set.ref('excluded.ended_at'),
          outputs: set.ref('excluded.outputs'),
          error: set.ref('excluded.error'),
          process: set.ref('excluded.process'),
        })),
      )
      .execute()
  }
}

type StepMethods = 'putStep' | 'putSteps' | 'listSteps' | 'stepHistory'

export function steps(db: Kysely<Schema>): Pick<MetadataStore, StepMethods> {
  return {
    putStep: step => writeSteps(db, [step]),
    putSteps: all => db.transaction().execute(trx => writeSteps(trx, all)),

    async listSteps(runId) {
      const rows = await db.selectFrom('steps').selectAll().where('run_id', '=', runId).orderBy('seq').execute()
      return rows.map(toStep)
    },

    async stepHistory(step, limit) {
      const rows = await db
        .selectFrom('steps')
        .selectAll()
        .where('step', '=', step)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return rows.map(toStep)
    },
  }
}
