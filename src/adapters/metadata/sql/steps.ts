import type { Kysely } from 'kysely'
import type { MetadataStore, StepRecord, StepStatus } from '../../../ports/metadata-store.ts'
import type { ProcessIdentity } from '../../../ports/executor.ts'
import { chunks, encodeOptional, present, presentJson } from './codec.ts'
import { type NextSlot, runPrepared } from './prepared.ts'
import type { RowReader } from './readable.ts'
import type { NewRow, RowOf, Schema } from './schema.ts'
import { inTransaction } from './transaction.ts'

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

function fromStep(step: StepRecord): unknown[] {
  return [
    step.runId,
    step.step,
    step.status,
    step.attempt,
    step.cacheKey ?? null,
    encodeOptional(step.keyParts),
    step.reason ?? null,
    step.reusedFrom ?? null,
    step.startedAt ?? null,
    step.endedAt ?? null,
    encodeOptional(step.outputs),
    encodeOptional(step.error),
    encodeOptional(step.process),
  ]
}

/** In the order of `fromStep`. */
const stepRow = (next: NextSlot): NewRow<'steps'> => ({
  run_id: next(),
  step: next(),
  status: next(),
  attempt: next(),
  cache_key: next(),
  key_parts: next(),
  reason: next(),
  reused_from: next(),
  started_at: next(),
  ended_at: next(),
  outputs: next(),
  error: next(),
  process: next(),
})

/** The one place that writes steps; `db` may be a transaction. */
export async function writeSteps(db: Kysely<Schema>, steps: readonly StepRecord[]): Promise<void> {
  for (const some of chunks(steps, 50))
    await runPrepared(db, `steps ${some.length}`, some.flatMap(fromStep), next =>
      db
        .insertInto('steps')
        .values(some.map(() => stepRow(next)))
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
        ),
    )
}

type StepMethods = 'putStep' | 'putSteps' | 'listSteps' | 'stepHistory'

export function steps(db: Kysely<Schema>, read: RowReader): Pick<MetadataStore, StepMethods> {
  return {
    putStep: step => writeSteps(db, [step]),
    putSteps: all => inTransaction(db, trx => writeSteps(trx, all)),

    async listSteps(runId) {
      const rows = await db.selectFrom('steps').selectAll().where('run_id', '=', runId).orderBy('seq').execute()
      return read.list('step', rows, row => `${row.step} of run ${row.run_id}`, toStep)
    },

    async stepHistory(step, limit) {
      const rows = await db
        .selectFrom('steps')
        .selectAll()
        .where('step', '=', step)
        .orderBy('seq', 'desc')
        .limit(limit)
        .execute()
      return read.list('step', rows, row => `${row.step} of run ${row.run_id}`, toStep)
    },
  }
}
