import { appendFile, mkdir } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Report } from '../define/report.ts'
import { fail } from '../errors/index.ts'
import { publishFile } from '../internal/publish.ts'
import type { Comparison } from '../stages/validate/compare.ts'
import type { ColumnDistribution } from '../stages/validate/distribution.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { comparisonJson } from './reporters/comparison.ts'
import { isReporter, reporters, type ReporterName } from './reporters/index.ts'

/** What is told beside reports, by their ids. */
export interface Beside {
  /** How the columns of the report's dataset are spread. */
  readonly distributions?: ReadonlyMap<string, readonly ColumnDistribution[]>
  /** What became of its checks since an earlier one. */
  readonly comparisons?: ReadonlyMap<string, Comparison>
}

/** Options of a verb whose result is reports. */
export const reportOptions: readonly OptionSpec[] = [
  {
    flags: '--reporter <name>',
    description: 'pretty, json, junit, sarif, github, markdown or html',
    default: 'pretty',
  },
  { flags: '--verbose', description: 'also list what passed' },
  { flags: '--junit <file>', description: 'also write JUnit XML' },
  { flags: '--sarif <file>', description: 'also write SARIF' },
  { flags: '--html <file>', description: 'also write a page for people' },
]

/** The reporter that was asked for. Throws `usageWrong`, before any work is done. */
export function reporterOf({ options }: Invocation, verb: string): ReporterName {
  const reporter = String(options.reporter)
  if (!isReporter(reporter)) throw fail('usageWrong', { reason: `There is no reporter "${reporter}".`, verb })
  return reporter
}

/** Prints reports as the options say. Gives the exit code: 1 when one fails. */
export async function printReports(
  { options, cwd, out }: Invocation,
  reporter: ReporterName,
  reports: readonly Report[],
  root: string,
  beside: Beside = {},
): Promise<number> {
  const settings = { root, ...beside, color: process.stdout.isTTY === true, verbose: options.verbose === true }
  const render = async (name: ReporterName): Promise<string> => (await reporters[name]())(reports, settings)
  for (const name of ['junit', 'sarif', 'html'] as const) {
    const path = options[name]
    if (typeof path !== 'string') continue
    const file = resolve(cwd, path)
    await mkdir(dirname(file), { recursive: true })
    await publishFile(file, await render(name))
  }
  if (reporter === 'github' && process.env.GITHUB_STEP_SUMMARY)
    await appendFile(process.env.GITHUB_STEP_SUMMARY, await render('markdown'))
  out.data(reports.map(report => ({ ...report, ...comparisonJson(beside.comparisons?.get(report.id)) })))
  if (!out.json) process.stdout.write(`${(await render(reporter)).trimEnd()}\n`)
  return reports.some(report => report.status === 'fail' || report.status === 'error') ? 1 : 0
}
