import { jenkinsPipeline } from '../../../stages/ci/jenkins.ts'
import { ciCommand } from '../../ci-command.ts'

export const command = ciCommand({
  summary: 'write a Jenkinsfile that validates',
  details: `Writes a declarative Jenkinsfile at the repository's root. It validates changes of data or project, every day, and
when the job is started through its address. Pushes reach it through a multibranch job.

  millrace ci jenkins --schedule "17 4 * * *"`,
  file: 'Jenkinsfile',
  text: jenkinsPipeline,
})
