import { mkdtemp, rm } from 'node:fs/promises'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { exportFeatures } from '../../../app/export-features.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'
import { fail } from '../../../errors/index.ts'
import { labelKindOf } from '../../../stages/features/labels.ts'
import type { Command } from '../../command.ts'
import { listenerOf } from '../../listener.ts'
import { counted } from '../../words.ts'

const usage = (reason: string): Error => fail('usageWrong', { reason, verb: 'features export' })

export const command: Command = {
  summary: 'features of views, or of a model, for a table of labels',
  details: `Each row gets what was known of its entities at its moment, as a training set that is made now has it, from the newest
snapshots and what was pushed. The table has the key columns of the views and a column with the moments; all its rows and
columns are kept, in order, and a column a feature follows, called view.feature. Without --out it is CSV on the output.

  millrace features export lateness --labels labels.parquet --out frame.parquet`,
  arguments: [
    { name: 'of', description: 'views, and models for the views that they read', required: true, variadic: true },
  ],
  options: [
    { flags: '--labels <file>', description: 'the table: .csv, .parquet or .pq' },
    { flags: '--time <column>', description: "its column with the moments (default: the datasets' event time)" },
    { flags: '--out <file>', description: 'where it goes: .csv, .parquet or .pq (default: CSV, printed)' },
  ],
  async run({ args, options, cwd, out }) {
    if (typeof options.labels !== 'string') throw usage('Say which rows features are asked for: --labels <file>.')
    const kind = labelKindOf(options.labels)
    if (!kind) throw usage(`--labels takes a .csv, .parquet or .pq file, not "${options.labels}".`)
    const shown = typeof options.out === 'string' ? options.out : undefined
    const outKind = shown === undefined ? 'csv' : labelKindOf(shown)
    if (!outKind) throw usage(`--out takes a .csv, .parquet or .pq file, not "${shown}".`)
    if (shown === undefined && out.json) throw usage('--json tells what was written: name the file with --out.')
    const folder = shown === undefined ? await mkdtemp(join(tmpdir(), 'millrace-export-')) : undefined
    const path = folder === undefined ? resolve(cwd, shown ?? '') : join(folder, 'features.csv')
    const labels = {
      path: resolve(cwd, options.labels),
      kind,
      shown: options.labels,
      time: typeof options.time === 'string' ? options.time : undefined,
    }
    try {
      const made = await withWorkspace(
        cwd,
        async workspace => {
          const { listener, end } = listenerOf(out)
          return exportFeatures(workspace, { of: args, labels, out: { path, kind: outKind } }, listener).finally(end)
        },
        { principal: 'operator' },
      )
      out.data({ ...made, file: shown ?? null })
      if (folder !== undefined) {
        for await (const text of createReadStream(path, { encoding: 'utf8' }))
          if (!process.stdout.write(text as string)) await once(process.stdout, 'drain')
      } else out.line(`${shown}: ${counted(made.rows, 'row')} with ${counted(made.features.length, 'feature')}`)
    } finally {
      if (folder !== undefined) await rm(folder, { recursive: true, force: true })
    }
  },
}
