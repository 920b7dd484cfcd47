import type { Project } from '../../define/project.ts'
import { yamlScalar } from '../../internal/yaml.ts'
import { ciPlan, reportFolder, validateCommand, type CiOptions, type CiPlan } from './plan.ts'

/** Whole commit ids: a tag can be moved to other code, these cannot. */
const actions = {
  restore: 'actions/cache/restore@0057852bfaa89a56745cba8c7296529d2fc39830 # v4.3.0',
  save: 'actions/cache/save@0057852bfaa89a56745cba8c7296529d2fc39830 # v4.3.0',
  checkout: 'actions/checkout@34e114876b0b11c390a56381ad16ebd13914f8d5 # v4.3.1',
  node: 'actions/setup-node@49933ea5288caeca8642d1e84afbd3f7d6820020 # v4.4.0',
  upload: 'actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2',
  sarif: 'github/codeql-action/upload-sarif@9e907b5e64f6b83e7804b09294d44122997950d6 # v4.32.3',
} as const

/** The text of `.github/workflows/millrace.yml`: validates on changes of data or project, and every day. */
export function githubWorkflow(project: Project, options: CiOptions = {}): string {
  const plan = ciPlan(project, '.github/workflows/millrace.yml', options)
  const { sarif, branch, schedule, reports, states } = plan
  const paths = plan.watched.map(path => `      - ${JSON.stringify(path)}`)
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
    '  repository_dispatch:',
    '    types: [millrace-data]',
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
    ...checkedOut(plan, ['          # What a pull request is compared with', '          fetch-depth: 0']),
    '      - name: Measures of files seen before',
    `        uses: ${actions.restore}`,
    '        with:',
    `          path: ${yamlScalar(states)}`,
    '          key: millrace-validation-${{ github.run_id }}-${{ github.run_attempt }}',
    '          restore-keys: millrace-validation-',
    '      - run: npm ci',
    '      - name: Validate',
    `        run: ${validateCommand('github')}`,
    // A validation that fails has measured all the same.
    '      - name: Keep the measures',
    '        if: always()',
    `        uses: ${actions.save}`,
    '        with:',
    `          path: ${yamlScalar(states)}`,
    '          key: millrace-validation-${{ github.run_id }}-${{ github.run_attempt }}',
    '      - name: Keep the reports',
    '        if: always()',
    `        uses: ${actions.upload}`,
    '        with:',
    `          name: ${reportFolder}`,
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
    ...testJob(plan),
    ...featureJobs(plan),
  ]
  return `${lines.join('\n')}\n`
}

/** The head of a job's steps, up to Node.js. */
function checkedOut({ folder, node, lockfile }: CiPlan, history: readonly string[] = []): string[] {
  return [
    ...(folder === '' ? [] : ['    defaults:', '      run:', `        working-directory: ${yamlScalar(folder)}`]),
    '    steps:',
    `      - uses: ${actions.checkout}`,
    '        with:',
    '          persist-credentials: false',
    ...history,
    `      - uses: ${actions.node}`,
    '        with:',
    `          node-version: ${JSON.stringify(node)}`,
    '          cache: npm',
    `          cache-dependency-path: ${yamlScalar(lockfile)}`,
  ]
}

/** Trains the models in a store of the build's own, once the data holds, and runs their tests. */
function testJob(plan: CiPlan): string[] {
  if (plan.tests.length === 0) return []
  return [
    '  test:',
    '    needs: validate',
    '    runs-on: ubuntu-latest',
    '    timeout-minutes: 120',
    ...checkedOut(plan),
    '      - run: npm ci',
    ...plan.tests.flatMap(({ model, command }) => [
      `      - name: ${yamlScalar(`Train and test ${model}`)}`,
      // Another model's red tests hide nothing
      '        if: ${{ !cancelled() }}',
      `        run: ${command}`,
    ]),
    '      - name: Keep the reports',
    '        if: always()',
    `        uses: ${actions.upload}`,
    '        with:',
    `          name: ${reportFolder}-models`,
    `          path: ${yamlScalar(plan.reports)}`,
    '          if-no-files-found: warn',
  ]
}

/** The addresses of stores, from the repository's secrets. */
const secretsOf = ({ features }: CiPlan): string[] =>
  features.secrets.length === 0
    ? []
    : ['    env:', ...features.secrets.map(name => `      ${name}: \${{ secrets.${name} }}`)]

/** What a change of features means and whether they hold, for who reviews it; and on the branch itself, what delivers them. */
function featureJobs(plan: CiPlan): string[] {
  const { check, deliver, comment } = plan.features
  if (check.length === 0) return []
  const isShared = deliver.length > 0
  // Nobody from outside gets at the store that others share
  const own = isShared ? [' && github.event.pull_request.head.repo.full_name == github.repository'] : []
  const runner = isShared ? 'self-hosted' : 'ubuntu-latest'
  const runs = (commands: readonly string[], rest: string): string[] =>
    commands.flatMap(command => [`      - if: ${rest}`, `        run: ${command}`])
  return [
    '  features:',
    '    needs: validate',
    `    if: github.event_name == 'pull_request'${own.join('')}`,
    `    runs-on: ${runner}`,
    '    timeout-minutes: 60',
    ...secretsOf(plan),
    ...checkedOut(plan, ['          # What a pull request is compared with', '          fetch-depth: 0']),
    '      - run: npm ci',
    `      - run: mkdir -p ${reportFolder}`,
    // A change that breaks somebody is told, and is looked at all the same
    ...runs(check, '${{ !cancelled() }}'),
    '      - name: Show what the change means',
    '        if: always()',
    `        run: cat ${reportFolder}/features.md >> "$GITHUB_STEP_SUMMARY"`,
    '      - name: Keep it for a comment',
    '        if: always()',
    `        uses: ${actions.upload}`,
    '        with:',
    `          name: ${reportFolder}-features`,
    `          path: ${yamlScalar(comment)}`,
    '          if-no-files-found: warn',
    ...(isShared
      ? [
          '  deliver-features:',
          '    needs: validate',
          `    if: github.event_name == 'push'`,
          "    # A runner that has the project's .millrace folder, and settings of the environment to deliver to",
          '    runs-on: self-hosted',
          '    timeout-minutes: 240',
          '    concurrency:',
          '      group: millrace-features',
          '      cancel-in-progress: false',
          ...secretsOf(plan),
          ...checkedOut(plan),
          '      - run: npm ci',
          ...deliver.map(command => `      - run: ${command}`),
        ]
      : []),
  ]
}
