import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-unreadable-'))

const config = `import { csv, dataset, parquet, project, sqlite, t } from 'millrace'
const columns = { id: t.int() }
const gone = dataset('gone', { source: csv('gone.csv'), columns })
const torn = dataset('torn', { source: parquet('torn.parquet'), columns })
const other = dataset('other', { source: sqlite('torn.parquet', 'orders'), columns })
const bad = dataset('bad', { source: csv('bad.csv'), columns, expect: c => [c.id.between(0, 1)] })
export default project('p', { gone, bad, torn, other })
`

beforeAll(() => {
  writeFileSync(join(root, 'millrace.config.ts'), config)
  writeFileSync(join(root, 'torn.parquet'), 'PAR1 and nothing')
  writeFileSync(join(root, 'bad.csv'), 'id\n1\n2\n')
  const git = ['-c', 'user.name=T', '-c', 'user.email=t@example.org', '-c', 'commit.gpgsign=false']
  execFileSync('git', ['init', '-q'], { cwd: root })
  execFileSync('git', ['add', '.'], { cwd: root })
  execFileSync('git', [...git, 'commit', '-qm', 'first'], { cwd: root })
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

interface Told {
  readonly subject: string
  readonly status: string
  readonly checks: readonly { readonly id: string; readonly status: string; readonly message: string }[]
}

const files = { junit: 'j.xml', sarif: 's.json', html: 'h.html', markdown: 'm.md', 'code-quality': 'q.json' }

test('datasets that cannot be read stand in every report as errors, beside those that can', async () => {
  const options = Object.entries(files).flatMap(([name, file]) => [`--${name}`, `out/${file}`])
  const { code, out } = await millrace(root, ['validate', '--json', '--compare', 'HEAD', '--explain', ...options])
  expect(code).toBe(3)
  const reports = JSON.parse(out) as Told[]
  expect(reports.map(({ subject, status }) => [subject, status])).toEqual([
    ['gone', 'error'],
    ['bad', 'fail'],
    ['torn', 'error'],
    ['other', 'error'],
  ])
  expect(reports[0]?.checks).toMatchObject([
    {
      id: 'source',
      status: 'error',
      message: expect.stringMatching(/gone\.csv .*does not exist.* Check that .*MR2002/),
    },
  ])
  for (const file of Object.values(files)) {
    const text = readFileSync(join(root, 'out', file), 'utf8')
    for (const one of ['gone', 'bad', 'torn', 'other']) expect(text).toContain(`validation of ${one}`)
    // neither is the machine's folder anybody's business
    expect(text).not.toContain(`${root}/torn`)
  }
})

test('one that is asked by name says it on stderr, too', async () => {
  const { code, out, said } = await millrace(root, ['validate', 'gone', '--explain'])
  expect(code).toBe(3)
  expect(out).toContain('✗ source  gone.csv cannot be read')
  expect(said.slice(out.length)).toContain('MR2002: "millrace explain-error MR2002"')
  const { code: known } = await millrace(root, ['validate', 'bad', '--strict'])
  expect(known).toBe(1)
})
