import { extname, resolve } from 'node:path'
import { datasetOf } from '../../../app/dataset-of.ts'
import {
  quarantinedRows,
  quarantineFormats,
  type QuarantineAnswer,
  type QuarantineInput,
} from '../../../app/quarantine.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import type { Dataset } from '../../../define/dataset.ts'
import { isTable } from '../../../define/source.ts'
import { fail } from '../../../errors/index.ts'
import type { Command, Output } from '../../command.ts'
import { endedLines } from '../../ended-repairs.ts'
import { counted } from '../../words.ts'

function fileOf(out: unknown, cwd: string): QuarantineInput['file'] {
  if (typeof out !== 'string') return undefined
  const path = resolve(cwd, out)
  const format = quarantineFormats.find(one => `.${one}` === extname(path).toLowerCase())
  if (!format) throw fail('usageWrong', { reason: '--out takes a .csv or a .parquet file.', verb: 'data quarantine' })
  return { path, format }
}

/** What to do with rows that were written, or how to write them. */
function nextLine({ name: dataset, source }: Dataset, file: string | undefined, option: string): string {
  if (isTable(source)) return `Next:  mend them in the table, then  npx millrace data snapshot ${dataset}`
  return file === undefined
    ? `Next:  npx millrace data quarantine ${dataset}${option} --out repaired.csv`
    : `Next:  mend ${file}, then  npx millrace data readmit ${dataset} ${file}`
}

function print(answer: QuarantineAnswer, dataset: Dataset, shown: string, out: Output): void {
  const written = answer.file === null ? undefined : shown
  if (answer.repaired) {
    out.line(`${counted(answer.rows, 'row')} of ${dataset.name} repaired and let in`)
    for (const line of endedLines(dataset.name, answer.endedRepairs)) out.line(line)
    if (answer.rows === 0) return
    if (written !== undefined) out.line(`Written to ${written}`)
    return out.line(nextLine(dataset, written, ' --repaired'))
  }
  out.line(`${counted(answer.rows, 'row')} of ${dataset.name} in quarantine`)
  out.table(
    ['reason', 'rows'],
    answer.reasons.map(one => [one.reason, one.rows]),
  )
  out.line()
  if (written !== undefined) out.line(`Written to ${written}`)
  out.line(nextLine(dataset, written, ''))
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
  run: ({ args, options, cwd, out }) =>
    withWorkspace(
      cwd,
      async workspace => {
        const dataset = datasetOf(workspace, args[0])
        const answer = await quarantinedRows(workspace, {
          dataset: dataset.name,
          repaired: options.repaired === true,
          file: fileOf(options.out, cwd),
        })
        const { repaired: _repaired, ...printed } = answer
        out.data(printed)
        print(answer, dataset, String(options.out), out)
      },
      { principal: 'operator' },
    ),
}
