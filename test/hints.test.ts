import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-hints-'))

beforeAll(() => {
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, deployment, gbt, model, project, t } from 'millrace'
const a = dataset('a', { source: csv('a.csv'), columns: { at: t.timestamp('UTC'), n: t.int() }, eventTime: 'at' })
const m = model('m', { task: 'binary', from: a, label: c => c.n.gt(1), inputs: c => ({ n: c.n }),
  split: { by: 'time', train: '20d', test: '5d' }, train: gbt({ trees: 2 }) })
export default project('p', { a, m, api: deployment('api', { model: m }) })
`,
  )
  writeFileSync(join(root, 'numbers.csv'), `n\n${'1\n2\n3\n'.repeat(30)}NA\nNA\n`)
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

test.each([
  ['up', ['--port', 'abc']],
  ['deploy', ['--version', 'abc']],
])('a wrong number of %s leads to the help of that command', async (verb, args) => {
  const { code, said } = await millrace(root, [verb, ...args])
  expect(code).toBe(2)
  expect(said).toContain(`See "millrace ${verb} --help"`)
})

test('a version that is not there is told with those that are', async () => {
  const { code, said } = await millrace(root, ['deploy', '--version', '99'])
  expect(code).toBe(2)
  expect(said).toContain('It has: none.')
})

test('doctor --deep counts what it set aside itself', async () => {
  const folder = join(root, '.millrace/artifacts/cas/sha256/00/00')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, '0'.repeat(60)), 'not it')
  const { code, out } = await millrace(root, ['doctor', '--deep'])
  expect(code).toBe(3)
  expect(out).toMatch(/artifacts .*do not match their digest and were set aside/)
  expect(out).not.toMatch(/set aside +nothing/)
  expect(out.indexOf('damaged file')).toBeGreaterThan(out.indexOf('do not match'))
})

test('a number column with words for no value is told what makes them null', async () => {
  const { out } = await millrace(root, ['profile', 'numbers.csv'])
  expect(out).toMatch(/2 cells do not read as int: .*treatAsNull makes "NA" null/)
})
