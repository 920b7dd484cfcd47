import type { Project } from '../../define/project.ts'
import { yaml } from '../../internal/yaml.ts'
import { ciPlan, validateCommand, type CiOptions } from './plan.ts'

/** The text of `.gitlab-ci.yml`. Its schedule is made in GitLab itself: a file cannot hold one there. */
export function gitlabPipeline(project: Project, options: CiOptions = {}): string {
  const plan = ciPlan(project, '.gitlab-ci.yml', options)
  const changes = [...plan.watched]
  const text = yaml({
    validate: {
      image: `node:${plan.node}`,
      stage: 'test',
      timeout: '30 minutes',
      interruptible: true,
      // what a merge request is compared with
      variables: { GIT_DEPTH: '0' },
      rules: [
        { if: '$CI_PIPELINE_SOURCE == "merge_request_event"', changes },
        { if: `$CI_PIPELINE_SOURCE == "push" && $CI_COMMIT_BRANCH == "${plan.branch}"`, changes },
        { if: '$CI_PIPELINE_SOURCE =~ /^(schedule|trigger|api|web)$/' },
      ],
      cache: [
        { key: { files: [plan.lockfile], prefix: 'npm' }, paths: ['.npm/'] },
        // A validation that fails has measured all the same.
        { key: 'millrace-validation', paths: [`${plan.states}/`], when: 'always' },
      ],
      script: [
        ...(plan.folder === '' ? [] : [`cd '${plan.folder}'`]),
        'npm ci --cache "$CI_PROJECT_DIR/.npm" --prefer-offline',
        validateCommand('gitlab'),
      ],
      artifacts: {
        when: 'always',
        expire_in: '30 days',
        expose_as: 'Data validation',
        paths: [`${plan.reports}/`],
        reports: { junit: `${plan.reports}/junit.xml`, codequality: `${plan.reports}/code-quality.json` },
      },
    },
  })
  return `# Written by "millrace ci gitlab"; write it again after adding a dataset.
# On a schedule: Build > Pipeline schedules, interval "${plan.schedule}", UTC.
# When data arrives: a pipeline trigger token, POST /projects/<id>/trigger/pipeline.
${text}`
}
