import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as arrowIpc from 'apache-arrow'
import { afterAll, describe, expect, test } from 'vitest'
import { openArrowFile } from './open.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-arrow-'))
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
const fixture = (name: string): string => join('test', 'fixtures', 'types', name)

describe('an Arrow file with a column of a type that is not read', () => {
  test.each([
    ['run-end.arrow', 'RunEndEncoded'],
    ['run-end.arrows', 'RunEndEncoded'],
    ['list-view.arrow', 'ListView'],
    ['list-view.arrows', 'ListView'],
    ['int128.arrow', 'Int128'],
  ])('%s is told by the column and its type', async (name, type) => {
    await expect(openArrowFile(fixture(name))).rejects.toMatchObject({
      code: 'MR2002',
      details: {
        source: name,
        reason: `its column 'zone' is of a type that is not read (${type}): cast it to another, or leave it out`,
      },
    })
  })
})

test('a file of types that are read is damaged wherever it is cut off', async () => {
  const inside = new arrowIpc.Struct([new arrowIpc.Field('x', new arrowIpc.Int64())])
  const table = new arrowIpc.Table({
    km: arrowIpc.vectorFromArray([1, 2], new arrowIpc.Float64()),
    zone: arrowIpc.vectorFromArray([{ x: 1n }, null], inside),
  })
  const whole = arrowIpc.tableToIPC(table, 'file')
  const path = join(root, 'cut.arrow')
  writeFileSync(path, whole)
  expect((await openArrowFile(path)).columns.map(one => one.name)).toEqual(['km', 'zone'])
  for (let length = 6; length < whole.length - 10; length += 7) {
    writeFileSync(path, whole.subarray(0, length))
    await expect(openArrowFile(path), String(length)).rejects.toThrow('it is damaged or was not written to its end')
  }
})

test('what is cut off within its schema names no column', async () => {
  const path = join(root, 'torn.arrow')
  writeFileSync(path, readFileSync(fixture('run-end.arrow')).subarray(0, 60))
  await expect(openArrowFile(path)).rejects.toThrow('it is damaged or was not written to its end')
})
