import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'

export interface CiOptions {
  /** Folder of the project below the repository's root, with forward slashes; empty for the root itself. */
  readonly folder?: string
  /** Branch whose pushes are checked. Default `main`. */
  readonly branch?: string
  /** Five cron fields, UTC. Default every day at 04:17, off the crowded full hour. */
  readonly schedule?: string
  /** Node.js version. Default `20`. */
  readonly node?: string
}

/** What every CI system is told, in no system's words. */
export interface CiPlan {
  readonly project: string
  /** Empty where the project is the repository's root. */
  readonly folder: string
  readonly branch: string
  readonly schedule: string
  readonly node: string
  /** Patterns of files whose change can change the verdict, from the repository's root. */
  readonly watched: readonly string[]
  /** Files and folders from the repository's root. */
  readonly lockfile: string
  readonly reports: string
  /** Measures by file content: what is in it needs no second look. */
  readonly states: string
}

/** Places from the project's folder, where the commands run. */
export const reportFolder = 'millrace-report'

/** The command that validates, with every report that a CI system can keep, and for a pull request what got worse by it. */
export function validateCommand(reporter: 'pretty' | 'github'): string {
  const files = [`--junit ${reportFolder}/junit.xml`, `--sarif ${reportFolder}/results.sarif`]
  const compare = '--compare pull-request'
  return ['npx millrace validate --reporter', reporter, ...files, `--html ${reportFolder}/index.html`, compare].join(
    ' ',
  )
}

function checked(options: CiOptions): Required<CiOptions> {
  const { folder = '', branch = 'main', schedule = '17 4 * * *', node = '20' } = options
  const field = /^[\d*/,A-Za-z-]+$/
  const fields = schedule.trim().split(/\s+/)
  if (fields.length !== 5 || !fields.every(one => field.test(one)))
    throw fail('workflowSetting', { reason: `'${schedule}' is not five cron fields` })
  if (!/^[\w./-]+$/.test(branch)) throw fail('workflowSetting', { reason: `'${branch}' is not a branch name` })
  if (!/^\d+(?:\.\d+){0,2}$/.test(node)) throw fail('workflowSetting', { reason: `'${node}' is not a Node.js version` })
  return { folder, branch, schedule: fields.join(' '), node }
}

/** Plans the validation of a project in CI. `file` is the CI file itself. Throws `workflowSetting`. */
export function ciPlan(project: Project, file: string, options: CiOptions = {}): CiPlan {
  const { folder, branch, schedule, node } = checked(options)
  const below = (path: string): string => (folder === '' ? path : `${folder}/${path}`)
  const data = [...project.datasets.values()]
    .map(dataset => dataset.source.path.replace(/^\.\//, ''))
    // Data outside the repository cannot trigger its workflow; the schedule looks at it.
    .filter(path => !path.startsWith('/') && !path.startsWith('../') && !path.includes('://'))
  const names = ['millrace.config.ts', '**/*.ts', 'millrace.lock', 'package-lock.json']
  return {
    project: project.name,
    folder,
    branch,
    schedule,
    node,
    watched: [...new Set([...data, ...names])].map(below).concat(file),
    lockfile: below('package-lock.json'),
    reports: below(reportFolder),
    states: below('.millrace/validation'),
  }
}
