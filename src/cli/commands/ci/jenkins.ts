import { jenkinsPipeline } from '../../../stages/ci/jenkins.ts'
import { ciCommand } from '../../ci-command.ts'

export const command = ciCommand({
  summary: 'write a Jenkinsfile that validates and tests',
  details: `Writes a declarative Jenkinsfile at the repository's root. It validates changes of data or project, every day, and
when the job is started through its address. Pushes reach it through a multibranch job.

  millrace ci jenkins --schedule "17 4 * * *"`,
  file: 'Jenkinsfile',
  // which branches it runs for is said in the multibranch job
  namesBranch: false,
  options: [{ flags: '--no-sarif', description: 'no findings on the lines: they take the plugin Warnings' }],
  text: (project, plan, options) => jenkinsPipeline(project, { ...plan, sarif: options.sarif !== false }),
})
