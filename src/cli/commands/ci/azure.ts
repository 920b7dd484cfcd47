import { azurePipeline } from '../../../stages/ci/azure.ts'
import { ciCommand } from '../../ci-command.ts'

export const command = ciCommand({
  summary: 'write an Azure pipeline that validates and tests',
  details: `Writes azure-pipelines.yml at the repository's root. It validates on pull requests and pushes that change data or
project, every day, and when the pipeline is run through its address.

  millrace ci azure --branch main`,
  file: 'azure-pipelines.yml',
  text: azurePipeline,
})
