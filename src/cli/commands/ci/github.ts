import { githubWorkflow } from '../../../stages/ci/github.ts'
import { ciCommand } from '../../ci-command.ts'

export const command = ciCommand({
  summary: 'write a GitHub workflow that validates and tests',
  details: `Writes .github/workflows/millrace.yml at the repository's root. It validates on pull requests and pushes that
change data or project, every day, and on a repository_dispatch "millrace-data"; findings stand on the lines of the
project file.

  millrace ci github --branch main --schedule "17 4 * * *"`,
  file: '.github/workflows/millrace.yml',
  options: [{ flags: '--no-sarif', description: 'no code scanning, so no write permission at all' }],
  text: (project, plan, options) => githubWorkflow(project, { ...plan, sarif: options.sarif !== false }),
})
