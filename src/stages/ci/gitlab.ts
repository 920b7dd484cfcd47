import type { Project } from '../../define/project.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { yaml } from '../../internal/yaml.ts'
import { ciPlan, reportFolder, validateCommand, type CiOptions } from './plan.ts'

/** The text of `.gitlab-ci.yml`. Its schedule is made in GitLab itself: a file cannot hold one there. */
export function gitlabPipeline(project: Project, options: CiOptions = {}): string {
  const plan = ciPlan(project, '.gitlab-ci.yml', options)
  const changes = [...plan.watched]
  const npm = { key: { files: [plan.lockfile], prefix: 'npm' }, paths: ['.npm/'] }
  const common = {
    image: `node:${plan.node}`,
    stage: 'test',
    interruptible: true,
    rules: [
      { if: '$CI_PIPELINE_SOURCE == "merge_request_event"', changes },
      { if: `$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "${plan.branch}"`, changes },
      { if: '$CI_PIPELINE_SOURCE =~ /^(schedule|trigger|api|web)$/' },
    ],
  }
  const install = [
    ...(plan.folder === '' ? [] : [`cd '${plan.folder}'`]),
    'npm ci --cache "$CI_PROJECT_DIR/.npm" --prefer-offline',
  ]
  const tests = plan.tests.map(({ model, command, junit }) => [
    `test ${model}`,
    {
      ...common,
      // Once the data holds; each model by itself
      needs: ['validate'],
      timeout: '2 hours',
      cache: [npm],
      script: [...install, command],
      artifacts: { when: 'always', expire_in: '30 days', paths: [`${plan.reports}/`], reports: { junit } },
    },
  ])
  const { check, deliver, comment } = plan.features
  const features = {
    ...(check.length === 0
      ? {}
      : {
          features: {
            ...common,
            rules: [{ if: '$CI_PIPELINE_SOURCE == "merge_request_event"', changes }],
            needs: ['validate'],
            timeout: '1 hour',
            variables: { GIT_DEPTH: '0' },
            cache: [npm],
            // What is said although a command fails is kept
            script: [...install, `mkdir -p ${reportFolder}`, ...check],
            artifacts: { when: 'always', expire_in: '30 days', expose_as: 'Feature plan', paths: [comment] },
            ...(deliver.length > 0 ? { tags: ['millrace'] } : {}),
          },
        }),
    ...(deliver.length === 0
      ? {}
      : {
          'deliver features': {
            ...common,
            interruptible: false,
            rules: [{ if: `$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "${plan.branch}"`, changes }],
            needs: ['validate'],
            // A runner that has the project's .millrace folder
            tags: ['millrace'],
            resource_group: 'millrace-features',
            timeout: '4 hours',
            cache: [npm],
            script: [...install, ...deliver],
          },
        }),
  }
  const text = yaml({
    validate: {
      ...common,
      timeout: '30 minutes',
      // what a merge request is compared with
      variables: { GIT_DEPTH: '0' },
      // A validation that fails has measured all the same.
      cache: [npm, { key: 'millrace-validation', paths: [`${plan.states}/`], when: 'always' }],
      script: [...install, validateCommand('gitlab')],
      artifacts: {
        when: 'always',
        expire_in: '30 days',
        expose_as: 'Data validation',
        paths: [`${plan.reports}/`],
        reports: { junit: `${plan.reports}/junit.xml`, codequality: `${plan.reports}/code-quality.json` },
      },
    },
    ...(Object.fromEntries(tests) as Record<string, Json>),
    ...(features as Record<string, Json>),
  })
  return `# Written by "millrace ci gitlab"; write it again after adding a dataset.
# On a schedule: Build > Pipeline schedules, interval "${plan.schedule}", UTC.
# When data arrives: a pipeline trigger token, POST /projects/<id>/trigger/pipeline.
${text}`
}
