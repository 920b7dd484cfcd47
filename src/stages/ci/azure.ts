import type { Project } from '../../define/project.ts'
import { yaml } from '../../internal/yaml.ts'
import { ciPlan, validateCommand, type CiOptions } from './plan.ts'

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
    ],
  })
  return `# Written by "millrace ci azure"; write it again after adding a dataset.
# When data arrives: POST https://dev.azure.com/<organisation>/<project>/_apis/pipelines/<id>/runs?api-version=7.1
${text}`
}
