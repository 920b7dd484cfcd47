import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openDuckdb } from '../../src/adapters/data/duckdb/engine.ts'
import { refused } from '../support/refused.ts'
import { millrace, type Said } from '../support/command.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-files-'))
chmodSync(base, 0o755)
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 5 }))

let parquet: Buffer
beforeAll(async () => {
  const engine = await openDuckdb()
  const path = join(base, 'whole.parquet')
  await engine.writeParquet('SELECT range AS x, range % 7 AS y FROM range(50000)', path)
  await engine.close()
  const { readFileSync } = await import('node:fs')
  parquet = readFileSync(path)
})

/** A project with one dataset, whose file `make` lays; says what validation says. */
async function validate(source: string, make: (data: string) => void): Promise<Said> {
  const root = mkdtempSync(join(base, 'p-'))
  mkdirSync(join(root, 'data'))
  make(join(root, 'data'))
  const config = `import { csv, dataset, json, parquet, project, t } from 'millrace'
export default project('p', { a: dataset('a', { source: ${source}, columns: { x: t.int(), y: t.int() } }) })
`
  writeFileSync(join(root, 'millrace.config.ts'), config)
  return millrace(root, ['validate'])
}

describe('files of data that cannot be read are named with the reason', () => {
  test.each([
    ['that has no byte', "csv('data/a.csv')", '', 'data/a.csv', 'it is empty'],
    ['of Parquet without a byte', "parquet('data/a.parquet')", '', 'data/a.parquet', 'it is empty'],
  ])('one %s', async (_what, source, content, name, reason) => {
    const said = await validate(source, data => writeFileSync(join(data, name.slice(5)), content))
    refused(said, 3, name, reason, 'MR2002')
  })

  test.each([
    ['CSV', "csv('data/a.csv')", 'a.csv', 'x,y\n1,2\n3\n4,5\n', 'line 3'],
    ['JSON', "json('data/a.json')", 'a.json', '{"x":1,"y":2}\n{"x":1,', 'line 2'],
  ])('a line of %s that is no row fails its check, by number', async (_what, source, name, content, line) => {
    const said = await validate(source, data => writeFileSync(join(data, name), content))
    expect(said.code).toBe(1)
    expect(said.said).toContain(line)
  })

  test.each([0.5, 0.99, 1])('Parquet cut to a share of %f', async share => {
    const bytes = Math.min(parquet.length - 1, Math.floor(parquet.length * share))
    const said = await validate("parquet('data/a.parquet')", data =>
      writeFileSync(join(data, 'a.parquet'), parquet.subarray(0, bytes)),
    )
    refused(said, 3, 'data/a.parquet', 'MR2002')
  })

  test('one broken file among those of a pattern', async () => {
    const said = await validate("parquet('data/*.parquet')", data => {
      writeFileSync(join(data, 'a.parquet'), parquet)
      writeFileSync(join(data, 'b.parquet'), parquet.subarray(0, 1000))
    })
    refused(said, 3, 'b.parquet', 'MR2002')
  })

  test('a folder in the place of a file', async () => {
    const said = await validate("csv('data/a.csv')", data => mkdirSync(join(data, 'a.csv')))
    refused(said, 3, 'data/a.csv', 'it is a folder')
  })

  test('bytes that are no text do not reach the terminal', async () => {
    const noise = Buffer.from(Array.from({ length: 20_000 }, (_, i) => (i * 7919 * (i >> 3)) & 255))
    const said = await validate("csv('data/a.csv')", data =>
      writeFileSync(join(data, 'a.csv'), Buffer.concat([Buffer.from('x,y\n1,2\n3,4,\u001b[31mred\u0007\n'), noise])),
    )
    expect(said.code).not.toBe(0)
    expect(said.said).not.toContain('\u001b[31m')
    expect(said.said).not.toContain('\u0007')
  })
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['zeros', Buffer.alloc(1000)],
  ['words', Buffer.from('hello, I am a model')],
  ['a length beyond the end', Buffer.from([0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3])],
  ['fields within fields', Buffer.concat(Array.from({ length: 3000 }, () => Buffer.from([0x3a, 0x7f])))],
])('an ONNX file of %s is refused in words', async (name, bytes) => {
  const root = mkdtempSync(join(base, 'onnx-'))
  writeFileSync(join(root, 'm.onnx'), bytes)
  const verified = await millrace(root, ['onnx', 'verify', 'm.onnx'])
  expect(verified.code, name).toBe(1)
  expect(verified.said).toContain('not a valid ONNX model')
  refused(await millrace(root, ['onnx', 'inspect', 'm.onnx']), 1, 'm.onnx', 'MR4001')
})
