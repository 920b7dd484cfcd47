import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-lineage-'))

beforeAll(() => {
  mkdirSync(join(root, 'data'))
  writeFileSync(
    join(root, 'millrace.config.ts'),
    `import { csv, dataset, project, t } from 'millrace'
const a = dataset('a', { source: csv('data/*.csv'), columns: { n: t.int() } })
export default project('p', { a })
`,
  )
  for (const [name, text] of [
    ['data/1.csv', 'n\n1\n'],
    ['data/2.csv', 'n\n2\n'],
    ['other.csv', 'n\n3\n'],
  ] as const)
    writeFileSync(join(root, name), text)
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

test('the lineage of a source file leads to the snapshots that it went into, by path and by digest', async () => {
  const made = await millrace(root, ['data', 'snapshot', 'a'])
  expect(made.code).toBe(0)
  const listed = JSON.stringify(JSON.parse((await millrace(root, ['data', 'list', 'a', '--json'])).out))
  const snapshot = /sha256:[0-9a-f]{64}/.exec(listed)?.[0] as string
  for (const file of ['data/1.csv', 'data/2.csv']) {
    const { code, out } = await millrace(root, ['lineage', file, '--json'])
    expect(code).toBe(0)
    const { node, usedFor } = JSON.parse(out) as { node: string; usedFor: { from: string; to: string }[] }
    expect(usedFor).toContainEqual({ from: node, to: snapshot, relation: 'input:snapshot' })
    expect(await millrace(root, ['lineage', node])).toMatchObject({ code: 0 })
  }
  expect((await millrace(root, ['lineage', 'data/1.csv'])).out).toMatch(/snapshot +[0-9a-f]{12}/)
  const { code, said } = await millrace(root, ['lineage', 'other.csv'])
  expect(code).toBe(2)
  expect(said).toContain('MR1107')
})
