import { openWorkspace } from '../../config/workspace.ts'
import type { Report } from '../../define/report.ts'
import { fail } from '../../errors/index.ts'
import type { ColumnDistribution } from '../../stages/validate/distribution.ts'
import type { Command, Invocation } from '../command.ts'
import { endSignal } from '../end-signal.ts'
import { datasetOf, watchInbox } from '../ingesting.ts'
import { printReports, reporterOf, reportOptions } from '../report-output.ts'
import { renderPlan } from '../reporters/plan.ts'
import { validateDataset } from '../validate-dataset.ts'
import { withWorkspace } from '../with-workspace.ts'

/** Judges what arrives in a folder. Exit code 1 when a file was refused. */
async function watch({ args, options, cwd, out }: Invocation, folder: string): Promise<number> {
  return withWorkspace(cwd, async workspace => {
    const dataset = datasetOf(workspace, args[0])
    const results = await watchInbox(workspace, dataset, folder, {
      once: options.once === true,
      signal: endSignal(),
      out,
    })
    out.data(results)
    return results.some(one => one.verdict === 'refused') ? 1 : 0
  })
}

export const command: Command = {
  summary: 'check data against its expectations',
  details:
    'Exit code 1 when a critical expectation fails. Every failing row goes, with its reasons, to .millrace/quarantine/<dataset>.parquet.',
  arguments: [{ name: 'dataset', description: 'one dataset (default: all)' }],
  options: [
    ...reportOptions,
    { flags: '--explain', description: 'also print the plan: what was looked at, at what cost, and why' },
    { flags: '--strict', description: 'exit 1 for warnings too' },
    { flags: '--watch <folder>', description: 'take files that arrive there into the dataset, if they hold' },
    { flags: '--once', description: 'with --watch: until the folder is empty' },
  ],
  async run(invocation) {
    const { args, options, cwd, out } = invocation
    if (typeof options.watch === 'string') return watch(invocation, options.watch)
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
