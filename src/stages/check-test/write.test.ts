import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openWorkspace } from '../../config/workspace.ts'
import type { Dataset } from '../../define/dataset.ts'
import { csv, dataset, project, t } from '../../index.ts'
import { validationServices } from '../pipeline/validation.ts'
import { validate } from '../validate/validate.ts'
import { checkTest, sampleRows } from './write.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-check-test-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const declare = (expectations: (c: never) => readonly never[]): Dataset =>
  dataset('orders', {
    source: csv('data/*.csv'),
    columns: { id: t.int(), at: t.timestamp('UTC'), 'net price': t.float(), shop: t.text() },
    expect: expectations as never,
  }) as unknown as Dataset

async function written(rows: string, made: Dataset): Promise<string> {
  mkdirSync(join(root, 'data'), { recursive: true })
  writeFileSync(join(root, 'millrace.config.ts'), '')
  writeFileSync(join(root, 'data', 'a.csv'), `id,at,net price,shop\n${rows}\n`)
  const workspace = await openWorkspace(root, { project: project('p', { orders: made } as never) })
  try {
    const services = await validationServices(workspace, made)
    const validation = await validate(services, made)
    try {
      return checkTest(made, './millrace.config.ts', await sampleRows(services.engine, validation))
    } finally {
      await validation.release()
    }
  } finally {
    await workspace.close()
  }
}

it('a test has a real row that breaks nothing, and one for each check that some row breaks by itself', async () => {
  const text = await written(
    "1,2026-01-02 03:04:05,5,it's\n2,2026-01-03 00:00:00,-1,north\n3,2026-01-04 00:00:00,-2,\n4,2026-01-05 00:00:00,9,south",
    declare((c: never) => {
      const of = c as Record<
        string,
        { between(...a: unknown[]): never; notNull(...a: unknown[]): never; unique(): never }
      >
      return [
        of['net price']?.between(0, 100, { id: 'price' }) as never,
        of.shop?.notNull() as never,
        // nothing breaks it
        of.id?.between(0, 100) as never,
        // no matter of a row by itself
        of.id?.unique() as never,
      ]
    }),
  )
  expect(text).toBe(`import { checkRows } from 'millrace/testing'
import { expect, test } from 'vitest'
import project from './millrace.config.ts'

const dataset = project.datasets.get('orders')!

/** The id of an expectation of some kind about some columns: the first of them, or the one at that position. */
function idOf(kind: string, columns: string, position = 1): string | undefined {
  return dataset.expectations.filter(one => one.kind === kind && one.columns.join(', ') === columns)[position - 1]?.id
}

// a row that breaks nothing
const good = { id: 1, at: '2026-01-02T03:04:05Z', 'net price': 5, shop: 'it\\'s' }

test('a good row breaks nothing', async () => {
  const { broken } = await checkRows(dataset, [good])
  expect(broken).toEqual([[]])
})

test('net price between 0 and 100: a row that breaks it', async () => {
  const { broken } = await checkRows(dataset, [{ ...good, 'net price': -1 }])
  expect(broken[0]).toContain('price')
})

test('shop is not null: a row that breaks it', async () => {
  const { broken } = await checkRows(dataset, [{ ...good, shop: null }])
  expect(broken[0]).toContain(idOf('notNull', 'shop'))
})
`)
})

it('of rows that are all bad the good one is empty, and ids that are alike are told apart by their place', async () => {
  const text = await written(
    '1,2026-01-02 03:04:05,-5,a',
    declare((c: never) => {
      const of = c as Record<string, { between(...a: unknown[]): never }>
      return [of['net price']?.between(-9, 9) as never, of['net price']?.between(0, 100) as never]
    }),
  )
  expect(text).toContain("const good = { id: null, at: null, 'net price': null, shop: null }")
  expect(text).toContain("toContain(idOf('between', 'net price', 2))")
})
