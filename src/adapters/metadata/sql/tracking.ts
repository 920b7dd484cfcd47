import type { Kysely } from 'kysely'
import { fail } from '../../../errors/catalogue.ts'
import type { MetadataStore, MetricPoint } from '../../../ports/metadata-store.ts'
import { chunks } from './codec.ts'
import { sql } from './kysely.ts'
import type { NewRow, RowOf, Schema } from './schema.ts'
import { inTransaction } from './transaction.ts'

function toPoint(row: RowOf<'metrics'>): MetricPoint {
  return { key: row.key, value: row.is_nan ? Number.NaN : row.value, timestamp: row.timestamp, step: row.step }
}

function fromPoint(runId: string, point: MetricPoint): NewRow<'metrics'> {
  const nan = Number.isNaN(point.value)
  return {
    run_id: runId,
    key: point.key,
    timestamp: point.timestamp,
    step: point.step,
    value: nan ? 0 : point.value,
    is_nan: nan ? 1 : 0,
  }
}

async function writeParams(db: Kysely<Schema>, runId: string, params: Readonly<Record<string, string>>): Promise<void> {
  const rows = Object.entries(params).map(([key, value]) => ({ run_id: runId, key, value }))
  for (const some of chunks(rows, 200)) {
    await db
      .insertInto('run_params')
      .values(some)
      .onConflict(conflict => conflict.doNothing())
      .execute()
    const keys = some.map(row => row.key)
    const stored = await db
      .selectFrom('run_params')
      .select(['key', 'value'])
      .where('run_id', '=', runId)
      .where('key', 'in', keys)
      .execute()
    for (const { key, value } of stored)
      if (params[key] !== value)
        throw fail('paramImmutable', { run: runId, key, stored: value, value: params[key] ?? '' })
  }
}

async function writeMetrics(db: Kysely<Schema>, runId: string, points: readonly MetricPoint[]): Promise<void> {
  for (const some of chunks(points, 200)) {
    await db
      .insertInto('metrics')
      .values(some.map(point => fromPoint(runId, point)))
      .onConflict(conflict => conflict.doNothing())
      .execute()
  }
  const latest = new Map<string, MetricPoint>()
  for (const point of points) {
    const other = latest.get(point.key)
    if (other === undefined || isLater(point, other)) latest.set(point.key, point)
  }
  for (const point of latest.values()) {
    await db
      .insertInto('latest_metrics')
      .values(fromPoint(runId, point))
      .onConflict(conflict =>
        conflict
          .columns(['run_id', 'key'])
          .doUpdateSet(set => ({
            timestamp: set.ref('excluded.timestamp'),
            step: set.ref('excluded.step'),
            value: set.ref('excluded.value'),
            is_nan: set.ref('excluded.is_nan'),
          }))
          .where(
            sql<boolean>`(excluded.step, excluded.timestamp, 1 - excluded.is_nan, excluded.value) > (latest_metrics.step, latest_metrics.timestamp, 1 - latest_metrics.is_nan, latest_metrics.value)`,
          ),
      )
      .execute()
  }
}

/** Order by (step, timestamp, value) with NaN below every number, as the statement above. */
function isLater(a: MetricPoint, b: MetricPoint): boolean {
  if (a.step !== b.step) return a.step > b.step
  if (a.timestamp !== b.timestamp) return a.timestamp > b.timestamp
  return Number.isNaN(b.value) ? !Number.isNaN(a.value) : a.value > b.value
}

export async function writeTags(
  db: Kysely<Schema>,
  runId: string,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const rows = Object.entries(tags).map(([key, value]) => ({ run_id: runId, key, value }))
  for (const some of chunks(rows, 200)) {
    await db
      .insertInto('run_tags')
      .values(some)
      .onConflict(conflict =>
        conflict.columns(['run_id', 'key']).doUpdateSet(set => ({ value: set.ref('excluded.value') })),
      )
      .execute()
  }
}

type Methods = 'logBatch' | 'deleteTag' | 'runParams' | 'runTags' | 'latestMetrics' | 'metricHistory'

export function tracking(db: Kysely<Schema>): Pick<MetadataStore, Methods> {
  const keyValues = async (table: 'run_params' | 'run_tags', runId: string): Promise<Record<string, string>> => {
    const rows = await db.selectFrom(table).select(['key', 'value']).where('run_id', '=', runId).execute()
    return Object.fromEntries(rows.map(row => [row.key, row.value]))
  }
  return {
    logBatch: (runId, batch) =>
      inTransaction(db, async trx => {
        const run = await trx.selectFrom('runs').select('id').where('id', '=', runId).executeTakeFirst()
        if (run === undefined) throw fail('runUnknown', { run: runId })
        await writeParams(trx, runId, batch.params ?? {})
        await writeMetrics(trx, runId, batch.metrics ?? [])
        await writeTags(trx, runId, batch.tags ?? {})
      }),

    async deleteTag(runId, key) {
      const gone = await db
        .deleteFrom('run_tags')
        .where('run_id', '=', runId)
        .where('key', '=', key)
        .executeTakeFirstOrThrow()
      return gone.numDeletedRows > 0n
    },

    runParams: runId => keyValues('run_params', runId),
    runTags: runId => keyValues('run_tags', runId),

    async latestMetrics(runId) {
      const rows = await db
        .selectFrom('latest_metrics')
        .selectAll()
        .where('run_id', '=', runId)
        .orderBy('key')
        .execute()
      return rows.map(toPoint)
    },

    async metricHistory(runId, key, offset, limit) {
      const rows = await db
        .selectFrom('metrics')
        .selectAll()
        .where('run_id', '=', runId)
        .where('key', '=', key)
        .orderBy('timestamp')
        .orderBy('step')
        .orderBy('is_nan', 'desc')
        .orderBy('value')
        .limit(limit)
        .offset(offset)
        .execute()
      return rows.map(toPoint)
    },
  }
}
