import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { dataset, parquet, project, t } from '../../src/index.ts'
import { githubWorkflow } from '../../src/stages/ci/github.ts'
import { ciModel } from './support/ci-model.ts'

const program = process.env['MILLRACE_TEST_ACTIONLINT']
if (program === undefined)
  console.warn('SKIPPED: actionlint; MILLRACE_TEST_ACTIONLINT is not set, see scripts/peers/actionlint.sh')

const folder = mkdtempSync(join(tmpdir(), 'millrace-actionlint-'))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

const rows = dataset('rows', { source: parquet('data/**/*.parquet'), columns: { a: t.int() } })
const sample = project('flights', { rows, late: ciModel(rows) } as never)

function judge(text: string): { readonly status: number | null; readonly said: string } {
  const file = join(folder, 'millrace.yml')
  writeFileSync(file, text)
  const { status, stdout, stderr } = spawnSync(program ?? '', ['-no-color', '-shellcheck=', '-pyflakes=', file], {
    encoding: 'utf8',
  })
  return { status, said: stdout + stderr }
}

describe.skipIf(program === undefined)('actionlint', () => {
  test.each([{}, { sarif: false }, { folder: 'ml/late', branch: 'release/1.x', schedule: '*/30 4-6 * * 1-5' }])(
    'accepts the workflow of %j',
    options => expect(judge(githubWorkflow(sample, options))).toEqual({ status: 0, said: '' }),
  )

  test('would say so if it were wrong', () => {
    const wrong = githubWorkflow(sample).replace('runs-on: ubuntu-latest', 'runs-on: ubuntu-latest\n    colour: red')
    expect(judge(wrong)).toMatchObject({ status: 1, said: expect.stringContaining('colour') })
  })
})
