import { extname, resolve } from 'node:path'
import type { Dataset } from '../../../define/dataset.ts'
import { isTable } from '../../../define/source.ts'
import { fail } from '../../../errors/index.ts'
import type { DataEngine } from '../../../ports/data-engine.ts'
import { endedRepairs, type EndedRepairs } from '../../../stages/readmit/ended.ts'
import { readmissionsOf } from '../../../stages/readmit/record.ts'
import { repairedRows } from '../../../stages/readmit/repaired-rows.ts'
import { presentFiles } from '../../../stages/validate/files.ts'
import { contentColumn } from '../../../stages/validate/repairs.ts'
import { newestQuarantine, reasonsOf } from '../../../stages/readmit/quarantine.ts'
import type { Workspace } from '../../../config/workspace.ts'
import type { Command, Invocation } from '../../command.ts'
import { datasetOf } from '../../dataset-of.ts'
import { endedLines } from '../../ended-repairs.ts'
import { withWorkspace } from '../../with-workspace.ts'
import { counted } from '../../words.ts'
import { writeCsv } from '../../write-csv.ts'

async function countOf(engine: DataEngine, rows: string): Promise<number> {
  const [found] = await engine.rows(`SELECT count(*) AS n FROM ${rows}`)
  return Number(found?.n)
}

/** Writes rows where `--out` says. Gives the path; null without it. */
async function writeRows(engine: DataEngine, rows: string, out: unknown, cwd: string): Promise<string | null> {
  if (typeof out !== 'string') return null
  const path = resolve(cwd, out)
  const kind = extname(path).toLowerCase()
  if (kind === '.parquet') await engine.writeParquet(`SELECT * FROM ${rows}`, path)
  else if (kind === '.csv') await writeCsv(engine, rows, path)
  else throw fail('usageWrong', { reason: '--out takes a .csv or a .parquet file.', verb: 'data quarantine' })
  return path
}

/** What to do with rows that were written, or how to write them. */
function nextLine({ name: dataset, source }: Dataset, file: string | undefined, option: string): string {
  if (isTable(source)) return `Next:  mend them in the table, then  npx millrace data snapshot ${dataset}`
  return file === undefined
    ? `Next:  npx millrace data quarantine ${dataset}${option} --out repaired.csv`
    : `Next:  mend ${file}, then  npx millrace data readmit ${dataset} ${file}`
}

/** No repair is in effect: there is nothing to write, or to correct. */
function tellEnded(dataset: Dataset, ended: readonly EndedRepairs[], out: Invocation['out']): void {
  out.data({ dataset: dataset.name, rows: 0, file: null, endedRepairs: ended })
  out.line(`0 rows of ${dataset.name} repaired and let in`)
  for (const line of endedLines(dataset.name, ended)) out.line(line)
}

/** Rows that were repaired and let in and are in effect, as they are now. */
async function tellRepaired(workspace: Workspace, dataset: Dataset, { options, cwd, out }: Invocation): Promise<void> {
  const engine = await workspace.engine()
  const found = await repairedRows(workspace, await readmissionsOf(workspace.store, dataset))
  const ended = await endedRepairs(workspace, dataset)
  if (found === undefined && ended.length === 0)
    throw fail('nothingQuarantined', { dataset: dataset.name, reason: 'and none was let in again' })
  const present = (await presentFiles(dataset, workspace.root)).map(one => engine.dialect.literal(one.digest, 'text'))
  if (found === undefined || present.length === 0) return tellEnded(dataset, ended, out)
  const content = engine.dialect.identifier(contentColumn)
  const rows = `(SELECT * EXCLUDE (millrace_turn) FROM ${found} WHERE ${content} IN (${present.join(', ')}))`
  if ((await countOf(engine, rows)) === 0) return tellEnded(dataset, ended, out)
  const written = await writeRows(engine, rows, options.out, cwd)
  const count = await countOf(engine, rows)
  out.data({ dataset: dataset.name, rows: count, file: written, endedRepairs: ended })
  out.line(`${counted(count, 'row')} of ${dataset.name} repaired and let in`)
  for (const line of endedLines(dataset.name, ended)) out.line(line)
  if (written !== null) out.line(`Written to ${String(options.out)}`)
  out.line(nextLine(dataset, written === null ? undefined : String(options.out), ' --repaired'))
}

/** Rows that the newest snapshot set aside, with the reasons. */
async function tellRefused(workspace: Workspace, dataset: Dataset, { options, cwd, out }: Invocation): Promise<void> {
  const engine = await workspace.engine()
  const { ref, made, rows } = await newestQuarantine(workspace, dataset)
  const refused = `(SELECT * FROM ${rows.sql} WHERE NOT millrace_accepted)`
  const reasons = await reasonsOf(workspace, refused)
  const count = await countOf(engine, refused)
  const written = await writeRows(engine, refused, options.out, cwd)
  out.data({ dataset: dataset.name, quarantine: ref.digest, run: made.runId, rows: count, reasons, file: written })
  out.line(`${counted(count, 'row')} of ${dataset.name} in quarantine`)
  out.table(
    ['reason', 'rows'],
    reasons.map(one => [one.reason, one.rows]),
  )
  out.line()
  if (written !== null) out.line(`Written to ${String(options.out)}`)
  out.line(nextLine(dataset, written === null ? undefined : String(options.out), ''))
}

export const command: Command = {
  summary: 'rows that the newest snapshot set aside, to look at and to repair',
  details: `With --out, all of them with the checks that they break, why, and which row of which file each is (millrace_content,
millrace_row). Mend the cells, delete the rows that cannot be mended, and let the rest in with "data readmit". Rows of a
dataset with personal data are sealed: a grant is needed, and the file that is written is in clear, for its owner only.`,
  arguments: [{ name: 'dataset', description: 'which (default: the only one)' }],
  options: [
    { flags: '--out <file>', description: 'write the rows: .csv or .parquet' },
    { flags: '--repaired', description: 'the rows that were repaired and let in, as they are now, to correct them' },
  ],
  run: invocation =>
    withWorkspace(
      invocation.cwd,
      workspace => {
        const tell = invocation.options.repaired === true ? tellRepaired : tellRefused
        return tell(workspace, datasetOf(workspace, invocation.args[0]), invocation)
      },
      { principal: 'operator' },
    ),
}
