import { extname, resolve } from 'node:path'
import { fail } from '../../../errors/index.ts'
import { newestQuarantine, reasonsOf } from '../../../stages/readmit/quarantine.ts'
import type { Command } from '../../command.ts'
import { datasetOf } from '../../dataset-of.ts'
import { withWorkspace } from '../../with-workspace.ts'
import { counted } from '../../words.ts'
import { writeCsv } from '../../write-csv.ts'

export const command: Command = {
  summary: 'rows that the newest snapshot set aside, to look at and to repair',
  details: `With --out, all of them with the checks that they break, why, and which row of which file each is (millrace_content,
millrace_row). Mend the cells, delete the rows that cannot be mended, and let the rest in with "data readmit". Rows of a
dataset with personal data are sealed: a grant is needed, and the file that is written is in clear, for its owner only.`,
  arguments: [{ name: 'dataset', description: 'which (default: the only one)' }],
  options: [{ flags: '--out <file>', description: 'write the rows: .csv or .parquet' }],
  run: ({ args, options, cwd, out }) =>
    withWorkspace(
      cwd,
      async workspace => {
        const dataset = datasetOf(workspace, args[0])
        const { ref, made, rows } = await newestQuarantine(workspace, dataset)
        const engine = await workspace.engine()
        const refused = `(SELECT * FROM ${rows.sql} WHERE NOT millrace_accepted)`
        const reasons = await reasonsOf(workspace, refused)
        const [found] = await engine.rows(`SELECT count(*) AS n FROM ${refused}`)
        const count = Number(found?.n)
        let written: string | null = null
        if (typeof options.out === 'string') {
          written = resolve(cwd, options.out)
          const kind = extname(written).toLowerCase()
          if (kind === '.parquet') await engine.writeParquet(`SELECT * FROM ${refused}`, written)
          else if (kind === '.csv') await writeCsv(engine, refused, written)
          else throw fail('usageWrong', { reason: '--out takes a .csv or a .parquet file.', verb: 'data quarantine' })
        }
        out.data({
          dataset: dataset.name,
          quarantine: ref.digest,
          run: made.runId,
          rows: count,
          reasons,
          file: written,
        })
        out.line(`${counted(count, 'row')} of ${dataset.name} in quarantine`)
        out.table(
          ['reason', 'rows'],
          reasons.map(one => [one.reason, one.rows]),
        )
        out.line()
        if (written === null) out.line(`Next:  npx millrace data quarantine ${dataset.name} --out repaired.csv`)
        else
          out.line(
            `Next:  mend ${String(options.out)}, then  npx millrace data readmit ${dataset.name} ${String(options.out)}`,
          )
      },
      { principal: 'operator' },
    ),
}
