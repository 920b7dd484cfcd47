import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { openWorkspace } from '../../config/workspace.ts'
import type { Report } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import { publishFile } from '../../internal/publish.ts'
import { validate } from '../../stages/validate/validate.ts'
import type { Command } from '../command.ts'
import { isReporter, reporters, type ReporterName } from '../reporters/index.ts'

async function write(cwd: string, path: string, text: string): Promise<void> {
  const file = resolve(cwd, path)
  await mkdir(dirname(file), { recursive: true })
  await publishFile(file, text)
}

export const command: Command = {
  summary: 'check data against its expectations',
  details:
    'Exit code 1 when a critical expectation fails. Every failing row goes, with its reasons, to .millrace/quarantine/<dataset>.parquet.',
  arguments: [{ name: 'dataset', description: 'one dataset (default: all)' }],
  options: [
    { flags: '--reporter <name>', description: 'pretty, json, junit, sarif, github or markdown', default: 'pretty' },
    { flags: '--junit <file>', description: 'also write JUnit XML' },
    { flags: '--sarif <file>', description: 'also write SARIF' },
  ],
  async run({ args, options, cwd, out }) {
    const reporter = String(options.reporter)
    if (!isReporter(reporter))
      throw fail('usageWrong', { reason: `There is no reporter "${reporter}".`, verb: 'validate' })
    const workspace = await openWorkspace(cwd)
    try {
      const { datasets } = workspace.project
      const [only] = args
      const chosen = only === undefined ? [...datasets.values()] : [datasets.get(only)]
      const reports: Report[] = []
      for (const dataset of chosen) {
        if (!dataset)
          throw fail('notDefined', { kind: 'dataset', name: only ?? '', known: [...datasets.keys()].join(', ') })
        const engine = await workspace.engine()
        out.note(`reading ${dataset.source.path}`)
        const result = await validate({ engine, root: workspace.root, clock: workspace.clock }, dataset)
        try {
          let { report } = result
          if (result.split.bad && dataset.encryptWith === undefined) {
            const path = resolve(workspace.folder, 'quarantine', `${dataset.name}.parquet`)
            const rows = await engine.writeParquet(result.split.bad, path)
            report = { ...report, evidence: { ...report.evidence, quarantineFile: path, quarantined: rows } }
          }
          await workspace.store.addReport(report)
          reports.push(report)
        } finally {
          await result.release()
        }
      }
      const settings = { root: workspace.root, color: process.stdout.isTTY === true }
      const render = async (name: ReporterName): Promise<string> => (await reporters[name]())(reports, settings)
      if (typeof options.junit === 'string') await write(cwd, options.junit, await render('junit'))
      if (typeof options.sarif === 'string') await write(cwd, options.sarif, await render('sarif'))
      if (reporter === 'github' && process.env.GITHUB_STEP_SUMMARY)
        await appendFile(process.env.GITHUB_STEP_SUMMARY, await render('markdown'))
      out.data(reports)
      if (!out.json) process.stdout.write(`${(await render(reporter)).trimEnd()}\n`)
      return reports.some(report => report.status === 'fail' || report.status === 'error') ? 1 : 0
    } finally {
      await workspace.close()
    }
  },
}
