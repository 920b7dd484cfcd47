import { basename, resolve } from 'node:path'
import { ingestFile, type IngestAnswer } from '../../../app/ingest.ts'
import { fail } from '../../../errors/index.ts'
import type { Command } from '../../command.ts'
import { ingestedLine } from '../../ingesting.ts'
import { withWorkspace } from '../../../app/with-workspace.ts'

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
    const [dataset = '', ...files] = args
    if (typeof options.name === 'string' && files.length > 1)
      throw fail('usageWrong', { reason: 'A name is for one file.', verb: 'data ingest' })
    return withWorkspace(cwd, async workspace => {
      const results: IngestAnswer[] = []
      for (const file of files) {
        const called = typeof options.name === 'string' ? options.name : basename(resolve(cwd, file))
        const result = await ingestFile(workspace, {
          dataset,
          path: resolve(cwd, file),
          name: called,
          shown: file,
          anew: options.anew === true,
        })
        results.push(result)
        out.line(ingestedLine(called, result, result.again))
      }
      out.data(results)
      return results.some(one => one.verdict === 'refused') ? 1 : 0
    })
  },
}
