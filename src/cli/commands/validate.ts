import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { openWorkspace } from '../../config/workspace.ts'
import type { Report } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import { publishFile } from '../../internal/publish.ts'
import type { ColumnDistribution } from '../../stages/validate/distribution.ts'
import type { Command } from '../command.ts'
import { renderPlan } from '../reporters/plan.ts'
import { validateDataset } from '../validate-dataset.ts'
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
    {
      flags: '--reporter <name>',
      description: 'pretty, json, junit, sarif, github, markdown or html',
      default: 'pretty',
    },
    { flags: '--junit <file>', description: 'also write JUnit XML' },
    { flags: '--sarif <file>', description: 'also write SARIF' },
    { flags: '--html <file>', description: 'also write a page with distributions, for people' },
    { flags: '--explain', description: 'also print the plan: what was looked at, at what cost, and why' },
    { flags: '--strict', description: 'exit 1 for warnings too' },
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
      const plans: string[] = []
      const spread = new Map<string, readonly ColumnDistribution[]>()
      for (const dataset of chosen) {
        if (!dataset)
          throw fail('notDefined', { kind: 'dataset', name: only ?? '', known: [...datasets.keys()].join(', ') })
        out.note(`reading ${dataset.source.path}`)
        const { report, steps, distributions, release } = await validateDataset(workspace, dataset)
        if (typeof options.html === 'string') spread.set(report.id, await distributions())
        await release()
        reports.push(report)
        plans.push(renderPlan(dataset.name, steps))
      }
      const settings = { root: workspace.root, color: process.stdout.isTTY === true }
      const render = async (name: ReporterName): Promise<string> => (await reporters[name]())(reports, settings)
      if (typeof options.junit === 'string') await write(cwd, options.junit, await render('junit'))
      if (typeof options.sarif === 'string') await write(cwd, options.sarif, await render('sarif'))
      if (typeof options.html === 'string') {
        const { render: renderHtml } = await import('../reporters/html/render.ts')
        await write(cwd, options.html, renderHtml(reports, { ...settings, distributions: spread }))
      }
      if (reporter === 'github' && process.env.GITHUB_STEP_SUMMARY)
        await appendFile(process.env.GITHUB_STEP_SUMMARY, await render('markdown'))
      out.data(reports)
      if (!out.json) process.stdout.write(`${(await render(reporter)).trimEnd()}\n`)
      if (options.explain === true && !out.json) process.stdout.write(`\n${plans.join('\n\n')}\n`)
      const worst = options.strict === true ? ['fail', 'error', 'warn'] : ['fail', 'error']
      return reports.some(report => worst.includes(report.status)) ? 1 : 0
    } finally {
      await workspace.close()
    }
  },
}
