import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { openSqlite } from '../src/adapters/metadata/sqlite/open.ts'
import { inside } from './support/inside.ts'

const roots: string[] = []
let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'millrace-deep-'))
  roots.push(root)
  await mkdir(join(root, '.millrace'))
  await writeFile(
    join(root, 'millrace.config.ts'),
    "import { project } from 'millrace'\nexport default project('p', {})\n",
  )
  const store = await openSqlite(join(root, '.millrace', 'millrace.db'))
  for (const id of ['one', 'two', 'three'])
    await store.putDocument('thing', id, { said: `a word of ${id} [and a bracket]`, marker: `mark-${id}` }, 1)
  await store.close()
})
afterAll(async () => {
  for (const one of roots) await rm(one, { recursive: true, force: true, maxRetries: 5 })
})

it.each([
  ['the bracket that opens a document', '{"marker":"mark-two"', 0],
  ['a quote within a document', '"mark-two"', 0],
  ['the colon of a member', ':"mark-two"', 0],
  ['a letter of a word, which leaves it JSON', 'mark-two', 2],
  ['its own checksum', '","value":{"marker":"mark-two"', -3],
  ['what the checksum stands in', '{"crc32":"', 4],
])('one turned bit, of %s, is named by doctor --deep', async (_, text, place) => {
  expect((await inside(root, ['doctor', '--deep'])).said).toMatch(/✓ +stored values +as they were written/)
  const path = join(root, '.millrace', 'millrace.db')
  const bytes = await readFile(path)
  const at = bytes.indexOf(text)
  expect(at).toBeGreaterThan(0)
  const whole = Buffer.from(bytes)
  bytes[at + place] = (bytes[at + place] as number) ^ 1
  await writeFile(path, bytes)
  const looked = await inside(root, ['doctor', '--deep'])
  expect(looked.code).toBe(3)
  expect(looked.said).toMatch(/✗ +stored values +the \w+ of thing \w+ in documents: /)
  await writeFile(path, whole)
})

const segment = async (number: number, at: number): Promise<void> => {
  const body = JSON.stringify({ at, r: [], s: {} })
  const folder = join(root, '.millrace', 'serving', 'api')
  await mkdir(folder, { recursive: true })
  const line = `${crc32(body).toString(16).padStart(8, '0')} ${body}\n`
  await writeFile(join(folder, `${String(number).padStart(9, '0')}.jsonl`), line)
}

it('a segment of a serving journal that is missing between others is named with what was lost', async () => {
  const day = 86_400_000_000
  for (const number of [4, 5, 6]) await segment(number, number * day)
  expect((await inside(root, ['doctor'])).said).toMatch(/✓ +.*3 segments/)
  await segment(9, 9 * day)
  const looked = await inside(root, ['doctor'])
  expect(looked.code).toBe(3)
  expect(looked.said).toContain(
    'lacks 000000007.jsonl to 000000008.jsonl, what was kept from 1970-01-07T00:00:00Z to 1970-01-10T00:00:00Z',
  )
})
