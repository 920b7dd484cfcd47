import { resolve } from 'node:path'
import { scoreWith } from '../../app/score.ts'
import { withWorkspace } from '../../app/with-workspace.ts'
import { fail } from '../../errors/index.ts'
import { parseTime } from '../../internal/time.ts'
import type { Command } from '../command.ts'
import { listenerOf } from '../listener.ts'

export const command: Command = {
  summary: 'score files of rows with a version',
  details: `Reads Parquet and CSV files with the columns that the model reads, as they are declared, and writes Parquet: the file and
number of each row, what is kept of it, score, label and version, the same to the last bit as the server answers. A model
with features sees of each row what was known at its moment. A call that was cut off goes on where it was when it is made
again; a row that cannot be scored ends it, with its place.

  millrace score lateness@3 data/july/*.parquet --out scores/july.parquet --keep flight`,
  arguments: [
    { name: 'version', description: 'lateness@3; without a number the champion', required: true },
    { name: 'file', description: 'Parquet (.parquet, .pq) or CSV files (.csv)', required: true, variadic: true },
  ],
  options: [
    { flags: '--out <place>', description: 'a .parquet file, or a folder for parts of half a million rows or more' },
    { flags: '--keep <columns>', description: 'columns of the files that go along, with commas' },
    { flags: '--at <time>', description: 'moment of rows whose file has no time of the event (default: now)' },
  ],
  resumable: true,
  async run({ args, options, cwd, out }) {
    const [version = '', ...files] = args
    const usage = (reason: string): Error => fail('usageWrong', { reason, verb: 'score' })
    if (typeof options.out !== 'string') throw usage('Say where the scores go: --out <place>.')
    const at = typeof options.at === 'string' ? parseTime(options.at) : undefined
    if (options.at !== undefined && at === undefined)
      throw usage(`--at takes a time such as 2001-04-01T12:00:00Z, not "${String(options.at)}".`)
    const input = {
      version,
      files: files.map(file => resolve(cwd, file)),
      out: resolve(cwd, options.out),
      shown: options.out,
      keep: typeof options.keep === 'string' ? options.keep.split(',').map(name => name.trim()) : undefined,
      at,
    }
    return withWorkspace(cwd, async workspace => {
      const { listener, end } = listenerOf(out)
      const begun = performance.now()
      const scored = await scoreWith(workspace, input, listener).finally(end)
      const seconds = (performance.now() - begun) / 1000
      out.data({ ...scored, seconds })
      const reused = scored.reused === 0 ? '' : `, ${scored.reused} of them were there already`
      out.line(`${scored.rows} rows scored with ${scored.version} in ${seconds.toFixed(1)} s${reused}`)
      const [first, ...others] = scored.files
      if (first) out.line(`${input.shown}${others.length === 0 ? '' : `: ${scored.files.length} parts`}`)
      out.line(`run ${scored.run}`)
    })
  },
}
