import { appendFile } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import type { Report } from '../define/report.ts'
import { fail } from '../errors/index.ts'
import { packageVersion } from '../internal/package-version.ts'
import { publishFile } from '../internal/publish.ts'
import type { ModelFigures } from '../stages/evaluate/figures/index.ts'
import type { Comparison } from '../stages/validate/compare.ts'
import type { ColumnDistribution } from '../stages/validate/distribution.ts'
import type { Invocation, OptionSpec } from './command.ts'
import { azureText } from './reporters/azure.ts'
import { comparisonJson } from './reporters/comparison.ts'
import { isReporter, reporters, type ReporterName } from './reporters/index.ts'
import { unwritable } from './unwritable.ts'

/** What is told beside reports, by their ids. */
export interface Beside {
  /** How the columns of the report's dataset are spread. */
  readonly distributions?: ReadonlyMap<string, readonly ColumnDistribution[]>
  /** What a tested model is drawn by. */
  readonly figures?: ReadonlyMap<string, ModelFigures>
  /** What became of its checks since an earlier one. */
  readonly comparisons?: ReadonlyMap<string, Comparison>
}

/** Options of a verb that makes reports beside its result. */
export const reportFileOptions: readonly OptionSpec[] = [
  { flags: '--junit <file>', description: 'also write JUnit XML' },
  { flags: '--sarif <file>', description: 'also write SARIF' },
  { flags: '--html <file>', description: 'also write a page for people' },
  { flags: '--markdown <file>', description: 'also write a summary table' },
  { flags: '--code-quality <file>', description: "also write GitLab's code quality report" },
]

/** Options of a verb whose result is reports. */
export const reportOptions: readonly OptionSpec[] = [
  {
    flags: '--reporter <name>',
    description: 'pretty, json, junit, sarif, github, azure, code-quality, markdown or html',
    default: 'pretty',
  },
  { flags: '--verbose', description: 'also list what passed' },
  ...reportFileOptions,
]

/** What is written beside what is printed, by the option that names the file. */
const written = {
  junit: 'junit',
  sarif: 'sarif',
  html: 'html',
  markdown: 'markdown',
  codeQuality: 'code-quality',
} as const satisfies Record<string, ReporterName>

/** The project's folder from the root of the repository that it is in; empty for the root itself, and outside of one. */
function folderInRepository(root: string): string {
  for (let at = root; ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return relative(at, root).split(sep).join('/')
    if (dirname(at) === at) return ''
  }
}

/** The page that a CI system shows of a run has the table, too: GitHub's as a file to append to, Azure's as a command. */
async function summarise(
  reporter: ReporterName,
  table: () => Promise<string>,
  file: string | undefined,
): Promise<void> {
  const { GITHUB_STEP_SUMMARY: summary } = process.env
  if (reporter === 'github' && summary)
    await appendFile(summary, await table()).catch(error => {
      throw unwritable(summary, error)
    })
  if (reporter === 'azure' && file !== undefined) process.stdout.write(`##vso[task.uploadsummary]${azureText(file)}\n`)
}

/** The reporter that was asked for. Throws `usageWrong`, before any work is done. */
export function reporterOf({ options }: Invocation, verb: string): ReporterName {
  const reporter = String(options.reporter)
  if (!isReporter(reporter)) throw fail('usageWrong', { reason: `There is no reporter "${reporter}".`, verb })
  return reporter
}

type Render = (name: ReporterName) => Promise<string>

function renderer({ options }: Invocation, reports: readonly Report[], root: string, beside: Beside): Render {
  const settings = {
    root,
    version: packageVersion(),
    folder: folderInRepository(root),
    ...beside,
    color: process.stdout.isTTY === true,
    verbose: options.verbose === true,
  }
  return async name => (await reporters[name]())(reports, settings)
}

/** Writes reports into the files that the options name. */
export async function writeReports(
  invocation: Invocation,
  reports: readonly Report[],
  root: string,
  beside: Beside = {},
): Promise<void> {
  await writeFiles(invocation, renderer(invocation, reports, root, beside))
}

async function writeFiles({ options, cwd }: Invocation, render: Render): Promise<void> {
  for (const [option, name] of Object.entries(written)) {
    const path = options[option]
    if (typeof path !== 'string') continue
    const file = resolve(cwd, path)
    const text = await render(name)
    await publishFile(file, text).catch(error => {
      throw unwritable(path, error)
    })
  }
}

/** Prints reports as the options say. Gives the exit code: 1 when one fails. */
export async function printReports(
  invocation: Invocation,
  reporter: ReporterName,
  reports: readonly Report[],
  root: string,
  beside: Beside = {},
): Promise<number> {
  const { options, cwd, out } = invocation
  const render = renderer(invocation, reports, root, beside)
  await writeFiles(invocation, render)
  out.data(reports.map(report => ({ ...report, ...comparisonJson(beside.comparisons?.get(report.id)) })))
  if (!out.json) {
    const { markdown } = options
    process.stdout.write(`${(await render(reporter)).trimEnd()}\n`)
    await summarise(
      reporter,
      () => render('markdown'),
      typeof markdown === 'string' ? resolve(cwd, markdown) : undefined,
    )
  }
  return reports.some(report => report.status === 'fail' || report.status === 'error') ? 1 : 0
}
