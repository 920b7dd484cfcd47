import type { Workspace } from '../config/workspace.ts'
import type { Dataset } from '../define/dataset.ts'
import { fail } from '../errors/index.ts'
import type { Digest } from '../internal/digest.ts'
import type { DataEngine } from '../ports/data-engine.ts'
import { endedRepairs, type EndedRepairs } from '../stages/readmit/ended.ts'
import { newestQuarantine, reasonsOf } from '../stages/readmit/quarantine.ts'
import { readmissionsOf } from '../stages/validate/readmissions.ts'
import { repairedRows } from '../stages/readmit/repaired-rows.ts'
import { presentFiles } from '../stages/validate/files.ts'
import { contentColumn } from '../stages/validate/repairs.ts'
import { datasetOf } from './dataset-of.ts'
import { writeCsv } from './write-csv.ts'

export const quarantineFormats = ['csv', 'parquet'] as const

export interface QuarantineInput {
  /** Default: the only one. */
  readonly dataset?: string | undefined
  /** The rows that were repaired and let in, as they are now, instead of those that are set aside. */
  readonly repaired?: boolean | undefined
  /** Where all of them are written (default: nowhere); an absolute path. */
  readonly file?: { readonly path: string; readonly format: (typeof quarantineFormats)[number] } | undefined
}

export type QuarantineAnswer =
  | {
      readonly dataset: string
      readonly repaired: false
      readonly quarantine: Digest
      readonly run: string
      readonly rows: number
      readonly reasons: Awaited<ReturnType<typeof reasonsOf>>
      readonly file: string | null
    }
  | {
      readonly dataset: string
      readonly repaired: true
      readonly rows: number
      readonly file: string | null
      readonly endedRepairs: readonly EndedRepairs[]
    }

async function countOf(engine: DataEngine, rows: string): Promise<number> {
  const [found] = await engine.rows(`SELECT count(*) AS n FROM ${rows}`)
  return Number(found?.n)
}

async function write(engine: DataEngine, rows: string, file: QuarantineInput['file']): Promise<string | null> {
  if (!file) return null
  if (file.format === 'parquet') await engine.writeParquet(`SELECT * FROM ${rows}`, file.path)
  else await writeCsv(engine, rows, file.path)
  return file.path
}

async function repaired(
  workspace: Workspace,
  dataset: Dataset,
  file: QuarantineInput['file'],
): Promise<QuarantineAnswer> {
  const engine = await workspace.engine()
  const found = await repairedRows(workspace, await readmissionsOf(workspace.store, dataset))
  const ended = await endedRepairs(workspace, dataset)
  if (found === undefined && ended.length === 0)
    throw fail('nothingQuarantined', { dataset: dataset.name, reason: 'and none was let in again' })
  const none = { dataset: dataset.name, repaired: true, rows: 0, file: null, endedRepairs: ended } as const
  const present = (await presentFiles(dataset, workspace.root)).map(one => engine.dialect.literal(one.digest, 'text'))
  if (found === undefined || present.length === 0) return none
  const content = engine.dialect.identifier(contentColumn)
  const rows = `(SELECT * EXCLUDE (millrace_turn) FROM ${found} WHERE ${content} IN (${present.join(', ')}))`
  const count = await countOf(engine, rows)
  return count === 0 ? none : { ...none, rows: count, file: await write(engine, rows, file) }
}

/**
 * Rows that the newest snapshot set aside, with the reasons; or those that were repaired and let in and are in effect.
 * Throws `nothingQuarantined`.
 */
export async function quarantinedRows(workspace: Workspace, input: QuarantineInput): Promise<QuarantineAnswer> {
  const dataset = datasetOf(workspace, input.dataset)
  if (input.repaired === true) return repaired(workspace, dataset, input.file)
  const engine = await workspace.engine()
  const { ref, made, rows } = await newestQuarantine(workspace, dataset)
  const refused = `(SELECT * FROM ${rows.sql} WHERE NOT millrace_accepted)`
  return {
    dataset: dataset.name,
    repaired: false,
    quarantine: ref.digest,
    run: made.runId,
    rows: await countOf(engine, refused),
    reasons: await reasonsOf(workspace, refused),
    file: await write(engine, refused, input.file),
  }
}
