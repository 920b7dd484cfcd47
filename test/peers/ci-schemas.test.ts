import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { dataset, parquet, project, t } from '../../src/index.ts'
import { azurePipeline } from '../../src/stages/ci/azure.ts'
import { gitlabPipeline } from '../../src/stages/ci/gitlab.ts'
import { ciModel } from './support/ci-model.ts'

const program = process.env['MILLRACE_TEST_CI_SCHEMAS']
if (program === undefined)
  console.warn('SKIPPED: CI schemas; MILLRACE_TEST_CI_SCHEMAS is not set, see scripts/peers/ci-schemas.sh')

const folder = mkdtempSync(join(tmpdir(), 'millrace-ci-schemas-'))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

const rows = dataset('rows', { source: parquet('data/**/*.parquet'), columns: { a: t.int() } })
const sample = project('flights', { rows, late: ciModel(rows) } as never)

function judge(schema: string, text: string): { readonly status: number | null; readonly said: string } {
  const file = join(folder, 'pipeline.yml')
  writeFileSync(file, text)
  const transform = schema === 'vendor.gitlab-ci' ? 'gitlab-ci' : 'azure-pipelines'
  // One pattern of Azure's schema escapes more than Unicode mode allows.
  const args = ['--builtin-schema', schema, '--data-transform', transform, '--regex-variant', 'nonunicode', file]
  const { status, stdout, stderr } = spawnSync(program ?? '', args, { encoding: 'utf8' })
  return { status, said: stdout + stderr }
}

const systems = [
  { schema: 'vendor.gitlab-ci', write: gitlabPipeline, right: 'interruptible: true', wrong: 'interruptible: 7' },
  { schema: 'vendor.azure-pipelines', write: azurePipeline, right: '- job: validate', wrong: '- jog: validate' },
]

describe.skipIf(program === undefined).each(systems)('$schema', ({ schema, write, right, wrong }) => {
  test.each([{}, { folder: 'ml/late', branch: 'release/1.x', schedule: '*/30 4-6 * * 1-5', node: '20.11.1' }])(
    'accepts the pipeline of %j',
    options => expect(judge(schema, write(sample, options))).toMatchObject({ status: 0 }),
  )

  test('would say so if it were wrong', () => {
    const text = write(sample)
    expect(text).toContain(right)
    expect(judge(schema, text.replace(right, wrong))).toMatchObject({
      status: 1,
      said: expect.stringContaining('Schema validation errors were encountered'),
    })
  })
})
