import { expect, test } from 'vitest'
import { parquet, project, dataset, t } from '../../index.ts'
import { githubWorkflow } from './github.ts'

const rows = dataset('rows', { source: parquet('./data/*.parquet'), columns: { a: t.int() } })
const away = dataset('away', { source: parquet('/mnt/lake/*.parquet'), columns: { a: t.int() } })
const sample = project('flights', { rows, away })

test('watches the data and the project, asks for no more than it needs, pins every action', () => {
  const text = githubWorkflow(sample)
  expect(text).toContain('      - "data/*.parquet"\n')
  expect(text).not.toContain('/mnt/lake')
  for (const line of text.split('\n').filter(one => one.includes('uses:')))
    expect(line).toMatch(/@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  expect(text.match(/write/g)).toHaveLength(2)
  expect(githubWorkflow(sample, { sarif: false })).not.toContain('security-events')
})

test('a project in a subfolder keeps its paths below it', () => {
  const text = githubWorkflow(sample, { folder: 'ml/late' })
  expect(text).toContain('      - "ml/late/data/*.parquet"\n')
  expect(text).toContain('working-directory: ml/late\n')
  expect(text).toContain('cache-dependency-path: ml/late/package-lock.json\n')
  expect(text).toContain('path: ml/late/millrace-report\n')
})

test('refuses what would write another workflow than was meant', () => {
  for (const options of [{ schedule: 'daily' }, { schedule: '* * * *' }, { branch: 'main]\n' }, { node: 'latest; rm' }])
    expect(() => githubWorkflow(sample, options)).toThrow(expect.objectContaining({ code: 'MR3301' }))
})
