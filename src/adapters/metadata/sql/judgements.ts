import type { Kysely } from 'kysely'
import type { Decision } from '../../../define/decision.ts'
import type { Report } from '../../../define/report.ts'
import { fail } from '../../../errors/catalogue.ts'
import type { MetadataStore } from '../../../ports/metadata-store.ts'
import { decode, encode } from './codec.ts'
import type { RowReader } from './readable.ts'
import type { Schema } from './schema.ts'

type Table = 'decisions' | 'reports'
type Body = Decision | Report

const runOf = (body: Body): { run_id?: string } => ('runId' in body && body.runId ? { run_id: body.runId } : {})

/** Decisions and reports are kept whole; only what lists are asked for by has a column of its own. */
export async function writeBodies(db: Kysely<Schema>, table: Table, bodies: readonly Body[]): Promise<void> {
  for (const body of bodies) {
    const { numInsertedOrUpdatedRows } = await db
      .insertInto(table)
      .values({ id: body.id, kind: body.kind, subject: body.subject, at: body.at, body: encode(body), ...runOf(body) })
      .onConflict(conflict => conflict.column('id').doNothing())
      .executeTakeFirstOrThrow()
    if (numInsertedOrUpdatedRows === 0n) throw fail('recordExists', { reason: `${table} ${body.id}` })
  }
}

type Methods = 'addDecision' | 'listDecisions' | 'getDecision' | 'addReport' | 'listReports' | 'getReport'

export function judgements(db: Kysely<Schema>, read: RowReader): Pick<MetadataStore, Methods> {
  const list = async <T>(
    table: Table,
    filter: { readonly kind?: string; readonly subject?: string; readonly limit?: number } = {},
  ): Promise<T[]> => {
    let query = db.selectFrom(table).select(['id', 'body']).orderBy('seq', 'desc')
    if (filter.kind !== undefined) query = query.where('kind', '=', filter.kind)
    if (filter.subject !== undefined) query = query.where('subject', '=', filter.subject)
    if (filter.limit !== undefined) query = query.limit(filter.limit)
    return read.list(
      table,
      await query.execute(),
      row => row.id,
      row => decode<T>(row.body),
    )
  }
  const get = async <T>(table: Table, id: string): Promise<T | undefined> => {
    const row = await db.selectFrom(table).select(['id', 'body']).where('id', '=', id).executeTakeFirst()
    return row && read.one(table, id, row, one => decode<T>(one.body))
  }
  return {
    addDecision: decision => writeBodies(db, 'decisions', [decision]),
    listDecisions: filter => list('decisions', filter),
    getDecision: id => get('decisions', id),
    addReport: report => writeBodies(db, 'reports', [report]),
    async listReports({ runId, ...filter } = {}) {
      if (runId === undefined) return list('reports', filter)
      const rows = await db
        .selectFrom('reports')
        .select(['id', 'body'])
        .where('run_id', '=', runId)
        .orderBy('seq', 'desc')
        .execute()
      return read
        .list(
          'reports',
          rows,
          row => row.id,
          row => decode<Report>(row.body),
        )
        .filter(one => (filter.kind ?? one.kind) === one.kind && (filter.subject ?? one.subject) === one.subject)
        .slice(0, filter.limit)
    },
    getReport: id => get('reports', id),
  }
}
