import { gitlabPipeline } from '../../../stages/ci/gitlab.ts'
import { ciCommand } from '../../ci-command.ts'

export const command = ciCommand({
  summary: 'write a GitLab pipeline that validates and tests',
  details: `Writes .gitlab-ci.yml at the repository's root. It validates on merge requests and pushes that change data or
project, on a pipeline schedule, and on a trigger token.

  millrace ci gitlab --branch main`,
  file: '.gitlab-ci.yml',
  text: gitlabPipeline,
})
