import { expect, test } from 'vitest'
import { parquet, project, dataset, t } from '../../index.ts'
import { azurePipeline } from './azure.ts'
import { githubWorkflow } from './github.ts'
import { gitlabPipeline } from './gitlab.ts'
import { jenkinsPipeline } from './jenkins.ts'

const rows = dataset('rows', { source: parquet("./data/it's/*.parquet"), columns: { a: t.int() } })
const sample = project('flights', { rows })
const systems = { azurePipeline, githubWorkflow, gitlabPipeline, jenkinsPipeline }

test.each(Object.entries(systems))('%s validates, keeps every report, and watches the data', (_, write) => {
  const text = write(sample, { folder: 'ml/late' })
  expect(text).toContain('npx millrace validate')
  for (const option of ['--junit', '--sarif', '--html']) expect(text).toContain(option)
  expect(text).toMatch(/ml\/late\/data\/it\\?'s\/\*\.parquet/)
  expect(text).toContain('ml/late/millrace-report')
})

test.each(Object.entries(systems))('%s refuses what would write another pipeline than was meant', (_, write) => {
  for (const options of [{ schedule: 'daily' }, { branch: 'main"\n' }, { node: 'latest; rm' }])
    expect(() => write(sample, options)).toThrow(expect.objectContaining({ code: 'MR3301' }))
})

test('a path cannot end the Groovy string that it stands in', () => {
  expect(jenkinsPipeline(sample)).toContain("changeset 'data/it\\'s/*.parquet'")
})
