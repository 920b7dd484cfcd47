import type { Project } from '../../define/project.ts'
import { yaml } from '../../internal/yaml.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { ciPlan, reportFolder, validateCommand, type CiOptions, type CiPlan } from './plan.ts'

/** The text of `azure-pipelines.yml`, where every scalar is text: its schema knows neither numbers nor booleans. */
export function azurePipeline(project: Project, options: CiOptions = {}): string {
  const plan = ciPlan(project, 'azure-pipelines.yml', options)
  const branches = { include: [plan.branch] }
  const paths = { include: [...plan.watched] }
  const inFolder = plan.folder === '' ? {} : { workingDirectory: plan.folder }
  const npmCache = '$(Pipeline.Workspace)/.npm'
  const node = [
    { task: 'NodeTool@0', inputs: { versionSpec: `${plan.node}.x`.replace(/^(\d+\.\d+\.\d+)\.x$/, '$1') } },
    {
      task: 'Cache@2',
      displayName: 'npm cache',
      inputs: { key: `npm | "$(Agent.OS)" | ${plan.lockfile}`, path: npmCache },
    },
  ]
  const install = { script: 'npm ci', displayName: 'Install', ...inFolder }
  const text = yaml({
    trigger: { branches, paths },
    pr: { branches, paths },
    schedules: [{ cron: plan.schedule, displayName: 'Also without a change', branches, always: 'true' }],
    pool: { vmImage: 'ubuntu-latest' },
    jobs: [
      {
        job: 'validate',
        timeoutInMinutes: '30',
        variables: { npm_config_cache: npmCache },
        steps: [
          { checkout: 'self', persistCredentials: 'false', fetchDepth: '0' },
          ...node,
          {
            task: 'Cache@2',
            displayName: 'Measures of files seen before',
            inputs: {
              key: 'millrace | "$(Build.BuildId)"',
              restoreKeys: 'millrace',
              path: `$(Build.SourcesDirectory)/${plan.states}`,
            },
          },
          install,
          { script: validateCommand('azure'), displayName: 'Validate', ...inFolder },
          {
            task: 'PublishTestResults@2',
            condition: 'always()',
            inputs: { testResultsFormat: 'JUnit', testResultsFiles: `${plan.reports}/junit.xml` },
          },
          { publish: plan.reports, artifact: 'millrace-report', condition: 'always()' },
        ],
      },
      ...(plan.tests.length === 0
        ? []
        : [
            {
              job: 'test',
              // Once the data holds
              dependsOn: 'validate',
              timeoutInMinutes: '120',
              variables: { npm_config_cache: npmCache },
              steps: [
                { checkout: 'self', persistCredentials: 'false' },
                ...node,
                install,
                // Another model's red tests hide nothing
                ...plan.tests.map(({ model, command }) => ({
                  script: command,
                  displayName: `Train and test ${model}`,
                  condition: 'succeededOrFailed()',
                  ...inFolder,
                })),
                ...plan.tests.map(({ junit }) => ({
                  task: 'PublishTestResults@2',
                  condition: 'always()',
                  inputs: { testResultsFormat: 'JUnit', testResultsFiles: junit },
                })),
                { publish: plan.reports, artifact: 'millrace-report-models', condition: 'always()' },
              ],
            },
          ]),
      ...featureJobs(plan, npmCache, [...node, install], inFolder),
    ],
  })
  return `# Written by "millrace ci azure"; write it again after adding a dataset.
# When data arrives: POST https://dev.azure.com/<organisation>/<project>/_apis/pipelines/<id>/runs?api-version=7.1
${text}`
}

/** What a change of features means and whether they hold; on the branch itself, what delivers them. */
function featureJobs(
  { features, branch }: CiPlan,
  npmCache: string,
  prepare: readonly Json[],
  inFolder: Record<string, string>,
): Json[] {
  const { check, deliver, secrets, comment } = features
  if (check.length === 0) return []
  const env = secrets.length === 0 ? {} : { env: Object.fromEntries(secrets.map(name => [name, `$(${name})`])) }
  const script = (command: string): Json => ({ script: command, ...env, ...inFolder })
  const base = { dependsOn: 'validate', variables: { npm_config_cache: npmCache } }
  // A machine that has the project's .millrace folder
  const pool = deliver.length > 0 ? { pool: { name: 'millrace' } } : {}
  return [
    {
      job: 'features',
      ...base,
      ...pool,
      condition: "and(succeeded(), eq(variables['Build.Reason'], 'PullRequest'))",
      timeoutInMinutes: '60',
      steps: [
        { checkout: 'self', persistCredentials: 'false', fetchDepth: '0' },
        ...prepare,
        { script: `mkdir -p ${reportFolder}`, ...inFolder },
        // A change that breaks somebody is told, and is looked at all the same
        ...check.map(command => ({ ...(script(command) as object), condition: 'succeededOrFailed()' })),
        {
          script: `echo "##vso[task.uploadsummary]$(Build.SourcesDirectory)/${comment}"`,
          displayName: 'Show what the change means',
          condition: 'always()',
        },
        { publish: comment, artifact: `${reportFolder}-features`, condition: 'always()' },
      ],
    },
    ...(deliver.length === 0
      ? []
      : [
          {
            job: 'deliver_features',
            ...base,
            ...pool,
            condition: `and(succeeded(), eq(variables['Build.SourceBranch'], 'refs/heads/${branch}'), ne(variables['Build.Reason'], 'PullRequest'))`,
            timeoutInMinutes: '240',
            steps: [{ checkout: 'self', persistCredentials: 'false' }, ...prepare, ...deliver.map(script)],
          },
        ]),
  ]
}
