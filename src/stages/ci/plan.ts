import type { Project } from '../../define/project.ts'
import { fail } from '../../errors/index.ts'

export interface CiOptions {
  /** Show findings on the lines from the SARIF report, where that takes a permission or a plugin. Default true. */
  readonly sarif?: boolean
  /** Folder of the project below the repository's root, with forward slashes; empty for the root itself. */
  readonly folder?: string
  /** Branch whose pushes are checked. Default `main`. */
  readonly branch?: string
  /** Five cron fields, UTC. Default every day at 04:17, off the crowded full hour. */
  readonly schedule?: string
  /** Node.js version. Default `20`. */
  readonly node?: string
  /** Train each model and run its tests, where the metadata store is the embedded one. Default true. */
  readonly tests?: boolean
}

/** One model that is trained in the build's own store and tested. */
export interface CiTest {
  readonly model: string
  readonly command: string
  /** JUnit report, from the repository's root. */
  readonly junit: string
}

/** What is done with features; no commands where the project keeps none online. */
export interface CiFeatures {
  /** For a change that is proposed: what it means, and that online values equal offline ones on a sample. */
  readonly check: readonly string[]
  /**
   * For one that was merged, where a store that others share has what is served: it is applied, written and proven. From a machine
   * that has the project's `.millrace` folder.
   */
  readonly deliver: readonly string[]
  /** Environment variables with the addresses of stores. */
  readonly secrets: readonly string[]
  /** What the change means, for the comment of a pull request, from the repository's root. */
  readonly comment: string
}

/** What every CI system is told, in no system's words. */
export interface CiPlan {
  readonly project: string
  readonly sarif: boolean
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
  /** Empty where nothing is trained: no models, or versions in a store that others share, which a build must not fill. */
  readonly tests: readonly CiTest[]
  readonly features: CiFeatures
  /** Measures by file content: what is in it needs no second look. */
  readonly states: string
}

/** Places from the project's folder, where the commands run. */
export const reportFolder = 'millrace-report'

/** Moments a view by which online values are compared with offline ones. */
const ciSample = 500

/** What each system shows of a run: how findings are printed, and the reports that it reads beside the common ones. */
const shows = {
  github: { reporter: 'github', files: '' },
  gitlab: { reporter: 'pretty', files: ` --code-quality ${reportFolder}/code-quality.json` },
  azure: { reporter: 'azure', files: ` --markdown ${reportFolder}/summary.md` },
  jenkins: { reporter: 'pretty', files: '' },
} as const

/** The command that validates, with every report that a CI system can keep, and for a pull request what got worse by it. */
export function validateCommand(system: keyof typeof shows): string {
  const { reporter, files } = shows[system]
  const common = `--junit ${reportFolder}/junit.xml --sarif ${reportFolder}/results.sarif --html ${reportFolder}/index.html`
  return `npx millrace validate --reporter ${reporter} ${common}${files} --compare pull-request`
}

/** Trains a model and runs its tests; what it finds is written whether they pass or not. */
function testsOf(project: Project, below: (path: string) => string): CiTest[] {
  if ((project.settings.metadata?.kind ?? 'sqlite') !== 'sqlite') return []
  return [...project.models.keys()].map(model => {
    const base = `${reportFolder}/${model}`
    return {
      model,
      command: `npx millrace train ${model} --junit ${base}.xml --sarif ${base}.sarif --html ${base}.html`,
      junit: below(`${base}.xml`),
    }
  })
}

/** Where metadata are the build's own everything is made anew from the data; else the shared store says what is served. */
function featuresOf({ views, settings }: Project, below: (path: string) => string): CiFeatures {
  const kept = [...views.values()].filter(view => view.online)
  const plan = (compare: string): string =>
    `npx millrace features plan${compare} --markdown ${reportFolder}/features.md`
  const verify = `npx millrace features verify --sample ${ciSample}`
  const snapshots = [...new Set(kept.map(view => view.from.name))].map(name => `npx millrace data snapshot ${name}`)
  const isShared = (settings.metadata?.kind ?? 'sqlite') !== 'sqlite'
  const urls = [settings.metadata, settings.online].flatMap(one => (one && 'urlFrom' in one ? [one.urlFrom] : []))
  const comment = below(`${reportFolder}/features.md`)
  if (kept.length === 0) return { check: [], deliver: [], secrets: [], comment }
  const unitTests = 'npm test --if-present'
  return isShared
    ? {
        check: [unitTests, plan(''), verify],
        deliver: [...snapshots, 'npx millrace features apply', 'npx millrace features materialise', verify],
        secrets: [...new Set(urls)],
        comment,
      }
    : {
        check: [unitTests, ...snapshots, plan(' --compare pull-request'), 'npx millrace features materialise', verify],
        deliver: [],
        secrets: [...new Set(urls)],
        comment,
      }
}

function checked(options: CiOptions): Required<CiOptions> {
  const { sarif = true, tests = true, folder = '', branch = 'main', schedule = '17 4 * * *', node = '20' } = options
  const field = /^[\d*/,A-Za-z-]+$/
  const fields = schedule.trim().split(/\s+/)
  if (fields.length !== 5 || !fields.every(one => field.test(one)))
    throw fail('workflowSetting', { reason: `'${schedule}' is not five cron fields` })
  if (!/^[\w./-]+$/.test(branch)) throw fail('workflowSetting', { reason: `'${branch}' is not a branch name` })
  if (!/^\d+(?:\.\d+){0,2}$/.test(node)) throw fail('workflowSetting', { reason: `'${node}' is not a Node.js version` })
  return { sarif, tests, folder, branch, schedule: fields.join(' '), node }
}

/** Plans the validation of a project in CI. `file` is the CI file itself. Throws `workflowSetting`. */
export function ciPlan(project: Project, file: string, options: CiOptions = {}): CiPlan {
  const { sarif, tests, folder, branch, schedule, node } = checked(options)
  const below = (path: string): string => (folder === '' ? path : `${folder}/${path}`)
  const data = [...project.datasets.values()]
    .map(dataset => dataset.source.path.replace(/^\.\//, ''))
    // Data outside the repository cannot trigger its workflow; the schedule looks at it.
    .filter(path => !path.startsWith('/') && !path.startsWith('../') && !path.includes('://'))
  const names = ['millrace.config.ts', '**/*.ts', 'millrace.lock', 'package-lock.json']
  return {
    project: project.name,
    sarif,
    folder,
    branch,
    schedule,
    node,
    watched: [...new Set([...data, ...names])].map(below).concat(file),
    lockfile: below('package-lock.json'),
    reports: below(reportFolder),
    tests: tests ? testsOf(project, below) : [],
    features: featuresOf(project, below),
    states: below('.millrace/validation'),
  }
}
