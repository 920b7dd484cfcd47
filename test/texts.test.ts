import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-texts-'))

const config = `import { csv, dataset, json, parquet, project, t } from 'millrace'
const columns = { id: t.int(), s: t.text() }
const mixed = dataset('mixed', { source: csv('mixed.csv'), columns })
const packed = dataset('packed', { source: csv('in/*.csv.gz'), columns })
const lines = dataset('lines', { source: json('lines.jsonl.zst'), columns, expect: c => [c.s.matches(/^\\S$/)] })
const sheet = dataset('sheet', { source: csv('sheet.csv'), columns })
export default project('p', { mixed, packed, lines, sheet })
`

beforeAll(() => {
  writeFileSync(join(root, 'millrace.config.ts'), config)
  writeFileSync(join(root, 'mixed.csv'), 'id,s\n1,a\r\n2,b\r3,"c\n4,d\n')
  writeFileSync(join(root, 'packed.csv.gz'), gzipSync('id,s\r\n1,a\n2,b\n'))
  // {"id":1,"s":"a"} and {"id":2,"s":"\u00a0"}, by zstd 1.5
  const zstd = '28b52ffd0458fd0000b87b226964223a312c2273223a2261227d0a32c2a0227d0a0200608834cc25ef94aa7d'
  writeFileSync(join(root, 'lines.jsonl.zst'), Buffer.from(zstd, 'hex'))
  writeFileSync(join(root, 'sheet.csv'), Buffer.from(`PK\x03\x04${' '.repeat(26)}[Content_Types].xml`, 'latin1'))
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

interface Told {
  readonly checks: readonly {
    readonly id: string
    readonly status: string
    readonly bad?: number
    readonly message: string
  }[]
}

async function failing(dataset: string): Promise<unknown[]> {
  const { out } = await millrace(root, ['validate', dataset, '--json'])
  const told = JSON.parse(out) as Told | Told[]
  const { checks } = Array.isArray(told) ? (told[0] as Told) : told
  return checks.filter(({ status }) => status !== 'pass').map(({ id, bad }) => [id, bad])
}

test('text of any line ends, compressed or not, is ingested, validated, snapshot and profiled', async () => {
  expect((await millrace(root, ['data', 'ingest', 'packed', 'packed.csv.gz'])).code).toBe(0)
  expect(await failing('packed')).toEqual([])
  expect((await millrace(root, ['data', 'snapshot', 'packed'])).out).toContain('2 rows')
  const profile = await millrace(root, ['profile', 'packed.csv.gz', 'mixed.csv'])
  expect(profile.code).toBe(0)
  expect(profile.out).toMatch(/5 of about 6 rows in 2 files .*; 1 line could not be read/)
})

test('a line that leaves a quote open is counted, and the rest is read', async () => {
  expect(await failing('mixed')).toEqual([['whole-lines', 1]])
})

test('a pattern means white space of all scripts', async () => {
  expect(await failing('lines')).toEqual([[expect.stringContaining('matches'), 1]])
})

test('a workbook is named as one, by validate and by profile', async () => {
  for (const verb of ['validate', 'profile']) {
    const { code, said } = await millrace(root, [verb, verb === 'validate' ? 'sheet' : 'sheet.csv'])
    expect(code).toBe(3)
    expect(said).toContain('it is an Excel workbook')
    expect(said).toContain('save each sheet as CSV')
  }
})
