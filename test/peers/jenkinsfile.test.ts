import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { dataset, parquet, project, t } from '../../src/index.ts'
import { jenkinsPipeline } from '../../src/stages/ci/jenkins.ts'
import { validateCommand } from '../../src/stages/ci/plan.ts'
import { ciModel } from './support/ci-model.ts'

const jars = process.env['MILLRACE_TEST_GROOVY']
if (jars === undefined) console.warn('SKIPPED: Groovy; MILLRACE_TEST_GROOVY is not set, see scripts/peers/groovy.sh')

const folder = mkdtempSync(join(tmpdir(), 'millrace-jenkins-'))
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))

const rows = dataset('rows', { source: parquet("data/it's $HOME \\ **/*.parquet"), columns: { a: t.int() } })
const sample = project('flights', { rows, late: ciModel(rows) } as never)

/** Runs a Jenkinsfile in Groovy, by the grammar of declarative pipelines; gives the commands of its steps. */
function judge(text: string): { readonly status: number | null; readonly out: string; readonly said: string } {
  const file = join(folder, 'Jenkinsfile')
  writeFileSync(file, text)
  const args = ['-cp', jars ?? '', 'groovy.ui.GroovyMain', 'test/interop/judge_jenkinsfile.groovy', file]
  const { status, stdout, stderr } = spawnSync('java', args, { encoding: 'utf8' })
  return { status, out: stdout, said: stdout + stderr }
}

describe.skipIf(jars === undefined)('a Jenkinsfile', () => {
  test.each([{}, { folder: "ml/it's late", schedule: '*/30 4-6 * * 1-5', node: '20.11.1' }])(
    'runs as the Groovy that it is, and its commands are those that were meant: %j',
    options => {
      const { status, out, said } = judge(jenkinsPipeline(sample, options))
      expect({ status, said: status === 0 ? '' : said }).toEqual({ status: 0, said: '' })
      expect(
        out
          .trim()
          .split('\n')
          .map(one => Buffer.from(one, 'base64').toString()),
      ).toEqual([
        'npm ci --cache "$WORKSPACE/.npm" --prefer-offline',
        validateCommand('jenkins'),
        'npx millrace train late --junit millrace-report/late.xml --sarif millrace-report/late.sarif --html millrace-report/late.html',
      ])
    },
  )

  test.each([
    ['  agent any\n', '', "'pipeline' lacks agent"],
    ['      steps {\n', '      step {\n', "'step' may not stand in 'stage'"],
    [
      '    disableConcurrentBuilds()\n',
      '    disableConcurentBuilds()\n',
      "'disableConcurentBuilds' may not stand in 'options'",
    ],
    ["    stage('Validate') {", "    stage('Validate {", 'Unexpected character'],
  ])('would say so if it were wrong: %j', (right, wrong, words) => {
    const text = jenkinsPipeline(sample)
    expect(text).toContain(right)
    const { status, said } = judge(text.replace(right, wrong))
    expect([status, said]).toEqual([1, expect.stringContaining(words) as string])
  })
})
