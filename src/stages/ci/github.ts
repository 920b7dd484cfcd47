import { fail } from '../../errors/index.ts'
import type { Project } from '../../define/project.ts'
import { yamlScalar } from '../../internal/yaml.ts'

/** Whole commit ids: a tag can be moved to other code, these cannot. */
const actions = {
  checkout: 'actions/checkout@34e114876b0b11c390a56381ad16ebd13914f8d5 # v4.3.1',
  node: 'actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020 # v4.4.0',
  upload: 'actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2',
  sarif: 'github/codeql-action/upload-sarif@9e907b5e64f6b83e7804b09294d44122997950d6 # v4.32.3',
} as const

export interface GithubWorkflowOptions {
  /** Folder of the project below the repository's root, with forward slashes; empty for the root itself. */
  readonly folder?: string
  /** Branch whose pushes are checked. Default `main`. */
  readonly branch?: string
  /** Five cron fields, UTC. Default every day at 04:17, off the crowded full hour. */
  readonly schedule?: string
  /** Send findings to code scanning; needs `security-events: write`. Default true. */
  readonly sarif?: boolean
  /** Node.js version. Default `20`. */
  readonly node?: string
}

/** Files whose change can change the verdict: data, project file, dependencies, code beside the project file. */
function watchedPaths(project: Project, folder: string): readonly string[] {
  const below = (path: string): string => (folder === '' ? path : `${folder}/${path}`)
  const data = [...project.datasets.values()]
    .map(dataset => dataset.source.path.replace(/^\.\//, ''))
    // Data outside the repository cannot trigger its workflow; the schedule looks at it.
    .filter(path => !path.startsWith('/') && !path.startsWith('../') && !path.includes('://'))
  const names = ['millrace.config.ts', '**/*.ts', 'millrace.lock', 'package-lock.json']
  return [...new Set([...data, ...names])].map(below).concat('.github/workflows/millrace.yml')
}

function checked(options: GithubWorkflowOptions): Required<GithubWorkflowOptions> {
  const { folder = '', branch = 'main', schedule = '17 4 * * *', sarif = true, node = '20' } = options
  const field = /^[\d*/,A-Za-z-]+$/
  const fields = schedule.trim().split(/\s+/)
  if (fields.length !== 5 || !fields.every(one => field.test(one)))
    throw fail('workflowSetting', { reason: `'${schedule}' is not five cron fields` })
  if (!/^[\w./-]+$/.test(branch)) throw fail('workflowSetting', { reason: `'${branch}' is not a branch name` })
  if (!/^\d+(?:\.\d+){0,2}$/.test(node)) throw fail('workflowSetting', { reason: `'${node}' is not a Node.js version` })
  return { folder, branch, schedule: fields.join(' '), sarif, node }
}

/** The text of `.github/workflows/millrace.yml`: validates on changes of data or project, and every day. */
export function githubWorkflow(project: Project, options: GithubWorkflowOptions = {}): string {
  const { folder, branch, schedule, sarif, node } = checked(options)
  const paths = watchedPaths(project, folder).map(path => `      - ${JSON.stringify(path)}`)
  const lock = folder === '' ? 'package-lock.json' : `${folder}/package-lock.json`
  const reports = folder === '' ? 'millrace-report' : `${folder}/millrace-report`
  // A fork's pull request has a read-only token whatever is asked for here.
  const ownBranch =
    "always() && hashFiles(env.SARIF) != '' && (github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository)"
  const lines = [
    '# Written by "millrace ci github"; write it again after adding a dataset.',
    `name: ${yamlScalar(`millrace ${project.name}`)}`,
    '',
    'on:',
    '  pull_request:',
    '    paths:',
    ...paths,
    '  push:',
    `    branches: [${JSON.stringify(branch)}]`,
    '    paths:',
    ...paths,
    '  schedule:',
    `    - cron: ${JSON.stringify(schedule)}`,
    '  workflow_dispatch:',
    '',
    'permissions:',
    '  contents: read',
    '',
    'concurrency:',
    '  group: millrace-${{ github.workflow }}-${{ github.ref }}',
    "  cancel-in-progress: ${{ github.event_name == 'pull_request' }}",
    '',
    'jobs:',
    '  validate:',
    '    runs-on: ubuntu-latest',
    '    timeout-minutes: 30',
    '    permissions:',
    '      contents: read',
    ...(sarif ? ['      security-events: write'] : []),
    ...(sarif ? ['    env:', `      SARIF: ${yamlScalar(`${reports}/results.sarif`)}`] : []),
    ...(folder === '' ? [] : ['    defaults:', '      run:', `        working-directory: ${yamlScalar(folder)}`]),
    '    steps:',
    `      - uses: ${actions.checkout}`,
    '        with:',
    '          persist-credentials: false',
    `      - uses: ${actions.node}`,
    '        with:',
    `          node-version: ${JSON.stringify(node)}`,
    '          cache: npm',
    `          cache-dependency-path: ${yamlScalar(lock)}`,
    '      - run: npm ci',
    '      - name: Validate',
    '        run: npx millrace validate --reporter github --junit millrace-report/junit.xml --sarif millrace-report/results.sarif --html millrace-report/index.html',
    '      - name: Keep the reports',
    '        if: always()',
    `        uses: ${actions.upload}`,
    '        with:',
    '          name: millrace-report',
    `          path: ${yamlScalar(reports)}`,
    '          if-no-files-found: warn',
    ...(sarif
      ? [
          '      - name: Show findings on the lines',
          `        if: ${ownBranch}`,
          `        uses: ${actions.sarif}`,
          '        with:',
          '          sarif_file: ${{ env.SARIF }}',
          '          category: millrace',
        ]
      : []),
  ]
  return `${lines.join('\n')}\n`
}
