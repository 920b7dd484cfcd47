import type { Workspace } from '../../config/workspace.ts'
import type { Dataset } from '../../define/dataset.ts'
import type { Report } from '../../define/report.ts'
import { fail, isMillraceError, type MillraceError } from '../../errors/index.ts'
import { parseDuration } from '../../internal/time.ts'
import { compareReports, type Comparison } from '../../stages/validate/compare.ts'
import type { ColumnDistribution } from '../../stages/validate/distribution.ts'
import type { Baseline } from '../../app/baseline.ts'
import type { Command, Invocation } from '../command.ts'
import { endedLines } from '../ended-repairs.ts'
import { endSignal } from '../end-signal.ts'
import { datasetOf } from '../../app/dataset-of.ts'
import { failureText } from '../failure.ts'
import { printReports, reporterOf, reportOptions } from '../report-output.ts'
import { renderPlan } from '../reporters/plan.ts'
import { validateDataset } from '../../app/validate-dataset.ts'
import { withWorkspace } from '../../app/with-workspace.ts'
import { counted } from '../words.ts'

/** Judges what arrives in a folder. Exit code 1 when a file was refused. */
async function watch({ args, options, cwd, out }: Invocation, folder: string): Promise<number> {
  const settled = parseDuration(String(options.settle))
  if (settled === undefined)
    throw fail('usageWrong', {
      reason: `"${String(options.settle)}" is no length of time, such as 2s.`,
      verb: 'validate',
    })
  const { watchInbox } = await import('../ingesting.ts')
  return withWorkspace(cwd, async workspace => {
    const dataset = datasetOf(workspace, args[0])
    const results = await watchInbox(workspace, dataset, folder, {
      once: options.once === true,
      settledMs: settled / 1000,
      signal: endSignal(),
      out,
    })
    out.data(results)
    return results.some(one => one.verdict === 'refused') ? 1 : 0
  })
}

/** What to compare with, as the options say; undefined where there is nothing to. */
async function baselineOf(workspace: Workspace, { options, out }: Invocation): Promise<Baseline | undefined> {
  const { compare, only } = options
  if (only !== undefined && only !== 'changed')
    throw fail('usageWrong', { reason: '--only takes "changed".', verb: 'validate' })
  if (compare === undefined && only === undefined) return undefined
  const { inCi, openBaseline, pullRequestBase } = await import('../../app/baseline.ts')
  if (compare !== undefined && compare !== 'pull-request') return openBaseline(workspace, String(compare))
  const base = pullRequestBase(process.env)
  if (base === undefined) {
    if (compare === undefined && !inCi(process.env)) return openBaseline(workspace, 'HEAD')
    if (only) out.note('No pull request, and nothing else to compare with: everything is looked at.')
    return undefined
  }
  try {
    return await openBaseline(workspace, base)
  } catch (error) {
    // a shallow clone: everything is checked, and nothing compared
    if (!isMillraceError(error) || error.code !== 'MR2019') throw error
    out.note(`${error.message} Nothing is compared. ${error.hint}`)
    return undefined
  }
}

/** What is gathered while the datasets are validated one after the other. */
class Results {
  readonly reports: Report[] = []
  readonly plans: string[] = []
  /** Of the datasets that could not be read. */
  readonly errors: MillraceError[] = []
  readonly distributions = new Map<string, readonly ColumnDistribution[]>()
  readonly comparisons = new Map<string, Comparison>()

  async add(
    workspace: Workspace,
    dataset: Dataset,
    wanted: {
      readonly baseline: Baseline | undefined
      readonly onlyChanged: boolean
      readonly spread: boolean
      readonly keepRows: boolean
    },
    out: Invocation['out'],
  ): Promise<void> {
    const { baseline, onlyChanged, spread, keepRows } = wanted
    const expectations = baseline && onlyChanged ? await baseline.changed(dataset) : dataset.expectations
    if (expectations.length === 0) {
      out.note(`${dataset.name}: neither its data nor its expectations changed since ${baseline?.words}`)
      return
    }
    const left = dataset.expectations.length - expectations.length
    if (left > 0) out.note(`${dataset.name}: ${counted(left, 'check')} that cannot have changed left out`)
    out.note(`reading ${dataset.source.path}`)
    const part =
      left > 0
        ? `${expectations.length} of ${counted(dataset.expectations.length, 'check')}, --only changed`
        : undefined
    const asked = { ...dataset, expectations }
    const validated = await validateDataset(workspace, asked, { part, keepRows })
    const { report } = validated
    this.reports.push(report)
    if ('error' in validated) {
      this.errors.push(validated.error)
      return
    }
    const { steps, distributions, release } = validated.validation
    if (spread) this.distributions.set(report.id, await distributions())
    await release()
    for (const line of endedLines(dataset.name, validated.ended)) out.note(line)
    this.plans.push(renderPlan(dataset.name, steps))
    if (baseline) await this.#compare(dataset, report, expectations, baseline, out)
  }

  async #compare(
    dataset: Dataset,
    report: Report,
    expectations: Dataset['expectations'],
    baseline: Baseline,
    out: Invocation['out'],
  ): Promise<void> {
    const before = await baseline.reportOf(dataset).catch((error: unknown) => {
      if (!isMillraceError(error)) throw error
      out.note(`${dataset.name}: nothing to compare with at ${baseline.words}. ${error.message}`)
    })
    if (!before) return
    const ids = new Set(expectations.map(one => one.id))
    const unasked = new Set(dataset.expectations.flatMap(one => (ids.has(one.id) ? [] : [one.id])))
    const checks = before.checks.filter(check => !unasked.has(check.id))
    this.comparisons.set(report.id, compareReports({ ...before, checks }, report, baseline.words))
  }
}

export const command: Command = {
  summary: 'check data against its expectations',
  details: `Exit code 1 when a critical expectation fails, 3 when a source cannot be read; the other datasets
are judged all the same. Every failing row goes, with its reasons, to
.millrace/quarantine/<dataset>.parquet.

--compare tells what got worse since a commit, branch or tag (its expectations on its data, where git has the data) or
since a snapshot; "pull-request" is the base of the pull request that CI runs for, and nothing outside of one.
--only changed leaves out what cannot have changed since then (by default since the last commit; in CI since the base of
the pull request, and everything is looked at outside of one).`,
  arguments: [{ name: 'dataset', description: 'one dataset (default: all)' }],
  options: [
    ...[
      ...reportOptions,
      { flags: '--explain', description: 'also print the plan: what was looked at, at what cost, and why' },
      { flags: '--no-rows', description: 'failing rows are counted and some are shown, but none are kept' },
      { flags: '--strict', description: 'exit 1 for warnings too' },
      { flags: '--compare <what>', description: 'a git ref, a snapshot, or pull-request' },
      { flags: '--only <what>', description: 'changed: data or expectations that are not as they were then' },
    ].map(one => ({ ...one, notWith: '--watch' })),
    { flags: '--watch <folder>', description: 'take files that arrive there into the dataset, if they hold' },
    { flags: '--once', description: 'with --watch: until the folder is empty', onlyWith: '--watch' },
    {
      flags: '--settle <length>',
      description: 'with --watch: how long a file stands unchanged before it is taken',
      default: '2s',
      onlyWith: '--watch',
    },
  ],
  async run(invocation) {
    const { args, options, cwd, out } = invocation
    if (typeof options.watch === 'string') return watch(invocation, options.watch)
    const reporter = reporterOf(invocation, 'validate')
    return withWorkspace(cwd, async workspace => {
      const chosen = args[0] === undefined ? [...workspace.project.datasets.values()] : [datasetOf(workspace, args[0])]
      const baseline = await baselineOf(workspace, invocation)
      try {
        const results = new Results()
        const spread = typeof options.html === 'string' || reporter === 'html'
        const wanted = { baseline, onlyChanged: options.only === 'changed', spread, keepRows: options.rows !== false }
        for (const dataset of chosen) await results.add(workspace, dataset, wanted, out)
        const { reports, plans, errors } = results
        const verdict = await printReports(invocation, reporter, reports, workspace.root, results)
        if (options.explain === true && !out.json && plans.length > 0) process.stdout.write(`\n${plans.join('\n\n')}\n`)
        for (const error of errors) out.note(`\n${failureText(error)}`.trimEnd())
        const warned = options.strict === true && reports.some(report => report.status === 'warn')
        return Math.max(verdict, warned ? 1 : 0, ...errors.map(error => error.exit))
      } finally {
        await baseline?.close()
      }
    })
  },
}
