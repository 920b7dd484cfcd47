import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from '@photostructure/sqlite'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { inside as millrace } from './support/inside.ts'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'millrace-table-'))
  const database = new DatabaseSync(join(folder, 'shop.sqlite'))
  database.exec('CREATE TABLE sales (id INTEGER, at TEXT, amount REAL, large INTEGER)')
  const insert = database.prepare('INSERT INTO sales VALUES (?, ?, ?, ?)')
  for (let i = 0; i < 2000; i++) {
    const amount = (i * 37) % 100
    const at = new Date(Date.UTC(2026, 0, 1) + i * 3600_000).toISOString()
    insert.run(i, at, i === 17 ? -1e6 : amount, amount + ((i * 7) % 20) > 60 ? 1 : 0)
  }
  database.close()
  writeFileSync(
    join(folder, 'millrace.config.ts'),
    `import { dataset, gbt, model, project, sqlite, t } from 'millrace'
const sales = dataset('sales', {
  source: sqlite('shop.sqlite', 'sales'),
  columns: { id: t.int(), at: t.timestamp('UTC'), amount: t.float(), large: t.bool() },
  eventTime: 'at', key: ['id'],
  expect: c => [c.amount.between(0, 100)],
})
const large = model('large', {
  task: 'binary', from: sales, label: c => c.large, inputs: c => ({ amount: c.amount }),
  split: { by: 'time', train: '60d', test: '20d' }, train: gbt({ trees: 5, depth: 2 }),
})
export default project('shop', { sales, large })
`,
  )
})
afterAll(() => rmSync(folder, { recursive: true }))

const stepsOf = async (): Promise<string[]> => {
  const { code, out, said } = await millrace(folder, ['train', 'large', '--json'])
  expect({ code, said: code === 0 ? '' : said }).toEqual({ code: 0, said: '' })
  const { steps } = JSON.parse(out) as { steps: { step: string; status: string }[] }
  return steps.map(one => `${one.step} ${one.status}`)
}

it('a table becomes a snapshot and a model, and what is made of the same rows is reused', async () => {
  const snapshot = await millrace(folder, ['data', 'snapshot', 'sales', '--json'])
  expect(JSON.parse(snapshot.out)).toMatchObject({ status: 'succeeded', rows: 1999 })
  expect(await stepsOf()).toContain('train-large succeeded')
  expect(await stepsOf()).toContain('train-large reused')
  const database = new DatabaseSync(join(folder, 'shop.sqlite'))
  database.exec('UPDATE sales SET amount = 99 WHERE id = 1000')
  database.close()
  expect(await stepsOf()).toContain('train-large succeeded')
})

it('rows of a table are mended in the table', async () => {
  const listed = await millrace(folder, ['data', 'quarantine', 'sales', '--out', 'bad.csv'])
  expect(listed.said).toContain('mend them in the table')
  const refused = await millrace(folder, ['data', 'readmit', 'sales', 'bad.csv'])
  expect([refused.code, refused.said]).toEqual([2, expect.stringContaining('MR2024') as string])
})
