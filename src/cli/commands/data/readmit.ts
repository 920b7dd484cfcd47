import { resolve } from 'node:path'
import { readmitFile } from '../../../app/readmit.ts'
import type { ReadmitResult } from '../../../stages/readmit/readmit.ts'
import type { Command } from '../../command.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { counted } from '../../words.ts'

/** What came of it: what was repaired for the first time is told from what replaces another repair, and from what changes nothing. */
function effectLines({ dataset, rows, corrected, unchanged, remaining, digest }: ReadmitResult): string[] {
  const still = `${counted(remaining, 'row')} still in quarantine`
  if (digest === null) return [`Nothing changed: ${counted(unchanged, 'row')} of ${dataset} as let in before, ${still}`]
  const lines = [`${counted(rows, 'row')} of ${dataset} let in again, ${still}`]
  if (corrected > 0)
    lines.push(
      `  ${corrected.toLocaleString('en-US')} of them repaired otherwise before: npx millrace lineage ${digest} has the former`,
    )
  if (unchanged > 0) lines.push(`  ${counted(unchanged, 'row')} of the file as let in before: no effect`)
  return lines
}

export const command: Command = {
  summary: 'let repaired rows in again',
  details: `Takes a file that "data quarantine --out" wrote and somebody mended. Each row takes the place of the one that it repairs,
in every validation and snapshot from now on, for as long as the file that it came from is a source of the dataset; the
source itself is not touched. A row that was let in before is corrected so: the newer repair counts from then on, and what
snapshots before hold stays. The dataset is validated with them first: all are let in, or none.`,
  arguments: [
    { name: 'dataset', description: 'which', required: true },
    { name: 'file', description: 'CSV, JSON lines or Parquet', required: true },
  ],
  run: ({ args, cwd, out }) =>
    withWorkspace(
      cwd,
      async workspace => {
        const [dataset = '', file = ''] = args
        const result = await readmitFile(workspace, { dataset, path: resolve(cwd, file), shown: file })
        out.data(result)
        for (const line of effectLines(result)) out.line(line)
        if (result.digest !== null) out.line(`Next:  npx millrace data snapshot ${result.dataset}`)
      },
      { principal: 'operator' },
    ),
}
