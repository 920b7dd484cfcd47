import { openWorkspace } from '../../config/workspace.ts'
import type { Report } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import type { ColumnDistribution } from '../../stages/validate/distribution.ts'
import type { Command } from '../command.ts'
import { printReports, reporterOf, reportOptions } from '../report-output.ts'
import { renderPlan } from '../reporters/plan.ts'
import { validateDataset } from '../validate-dataset.ts'

export const command: Command = {
  summary: 'check data against its expectations',
  details:
    'Exit code 1 when a critical expectation fails. Every failing row goes, with its reasons, to .millrace/quarantine/<dataset>.parquet.',
  arguments: [{ name: 'dataset', description: 'one dataset (default: all)' }],
  options: [
    ...reportOptions,
    { flags: '--explain', description: 'also print the plan: what was looked at, at what cost, and why' },
    { flags: '--strict', description: 'exit 1 for warnings too' },
  ],
  async run(invocation) {
    const { args, options, cwd, out } = invocation
    const reporter = reporterOf(invocation, 'validate')
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
        if (typeof options.html === 'string' || reporter === 'html') spread.set(report.id, await distributions())
        await release()
        reports.push(report)
        plans.push(renderPlan(dataset.name, steps))
      }
      const code = await printReports(invocation, reporter, reports, workspace.root, spread)
      if (options.explain === true && !out.json) process.stdout.write(`\n${plans.join('\n\n')}\n`)
      return options.strict === true && reports.some(report => report.status === 'warn') ? 1 : code
    } finally {
      await workspace.close()
    }
  },
}
