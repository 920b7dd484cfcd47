import { basename, resolve } from 'node:path'
import { ingest, type Ingested } from '../../../stages/ingest/ingest.ts'
import { fail } from '../../../errors/index.ts'
import { whyUnopenable } from '../../../internal/why-unreadable.ts'
import type { Command } from '../../command.ts'
import { datasetOf } from '../../dataset-of.ts'
import { ingestedLine } from '../../ingesting.ts'
import { withWorkspace } from '../../with-workspace.ts'

export const command: Command = {
  summary: 'take files into a dataset if they hold',
  details: `Each file is judged before it is part of the dataset: what rows answer for themselves by the file alone, keys, counts
and distributions with what is there already. One that passes is copied to its place in the dataset's folder; one that is
refused is kept as an artifact and changes nothing. The same content is judged once, under whatever name it comes, also
when a process was killed half way; what was refused is judged anew when the dataset's definition has changed. Exit code 1 when one is refused.`,
  arguments: [
    { name: 'dataset', description: 'which', required: true },
    { name: 'file', description: 'files of its format; they stay where they are', required: true, variadic: true },
  ],
  options: [
    { flags: '--name <name>', description: "instead of the file's own name, where there is one file" },
    { flags: '--anew', description: 'judge what was refused before anew' },
  ],
  async run({ args, options, cwd, out }) {
    const [name, ...files] = args
    if (typeof options.name === 'string' && files.length > 1)
      throw fail('usageWrong', { reason: 'A name is for one file.', verb: 'data ingest' })
    return withWorkspace(cwd, async workspace => {
      const dataset = datasetOf(workspace, name)
      const anew = options.anew === true
      const results: (Ingested & { again: boolean })[] = []
      for (const given of files) {
        const path = resolve(cwd, given)
        const reason = await whyUnopenable(path)
        if (reason !== undefined) throw fail('fileUnreadable', { file: given, reason })
        const called = typeof options.name === 'string' ? options.name : basename(path)
        const { result, again } = await ingest(workspace, dataset, { path, name: called }, { anew })
        results.push({ ...result, again })
        out.line(ingestedLine(called, result, again))
      }
      out.data(results)
      return results.some(one => one.verdict === 'refused') ? 1 : 0
    })
  },
}
