import { existsSync, mkdtempSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, afterEach, expect, test } from 'vitest'
import { inside as millrace } from './support/inside.ts'

const root = mkdtempSync(join(tmpdir(), 'millrace-verdict-'))
const before = process.env.MILLRACE_KEY_PASSPHRASE

const config = `import { csv, dataset, project, t } from 'millrace'
const people = dataset('people', {
  source: csv('data/*.csv'),
  columns: { id: t.int(), mail: t.pii(t.text()), age: t.int() },
  encryptWith: 'people',
  expect: c => [c.age.between(0, 150)],
})
export default project('p', { people })
`

const files = { junit: 'j.xml', sarif: 's.json', html: 'h.html', markdown: 'm.md' }
const options = Object.entries(files).flatMap(([name, file]) => [`--${name}`, `out/${file}`])

/** Names and first bytes of what lies in quarantine. */
const kept = (): string[] => {
  const folder = join(root, '.millrace/quarantine')
  return existsSync(folder) ? readdirSync(folder).filter(name => !name.startsWith('.')) : []
}

beforeAll(() => {
  mkdirSync(join(root, 'data'))
  writeFileSync(join(root, 'millrace.config.ts'), config)
  writeFileSync(join(root, 'data/a.csv'), 'id,mail,age\n1,ada@example.org,30\n2,bob@example.org,-5\n')
  writeFileSync(join(root, 'bad.csv'), 'id,mail,age\n3,eve@example.org,-6\n')
})
afterAll(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))
beforeEach(() => {
  process.env.MILLRACE_KEY_PASSPHRASE = 'correct horse battery staple'
})
afterEach(() => {
  if (before === undefined) delete process.env.MILLRACE_KEY_PASSPHRASE
  else process.env.MILLRACE_KEY_PASSPHRASE = before
})

/** The verdict and all reports are there, with a sentence about the failing rows; nothing lies about in clear. */
async function judgedWithoutKeeping(because: RegExp): Promise<void> {
  rmSync(join(root, 'out'), { recursive: true, force: true, maxRetries: 5 })
  const { code, out } = await millrace(root, ['validate', ...options])
  expect(code).toBe(1)
  expect(out).toContain('✗ validation of people: 1 of ')
  expect(out).toMatch(/Failing rows could not be kept, because /)
  expect(out).toMatch(because)
  expect(out).not.toContain(root)
  for (const file of Object.values(files))
    expect(readFileSync(join(root, 'out', file), 'utf8')).toContain('Failing rows could not be kept, because ')
  const json = await millrace(root, ['validate', '--json'])
  expect(json.code).toBe(1)
  expect(JSON.parse(json.out)).toMatchObject([
    { status: 'fail', evidence: { quarantineUnkept: expect.any(String) as string } },
  ])
  expect(kept()).toEqual([])
}

test('bad data are judged and reported without a passphrase, without a key, and without a grant', async () => {
  delete process.env.MILLRACE_KEY_PASSPHRASE
  await judgedWithoutKeeping(/passphrase/)
  process.env.MILLRACE_KEY_PASSPHRASE = 'correct horse battery staple'
  await judgedWithoutKeeping(/no key people/)
  expect((await millrace(root, ['keys', 'create', 'people'])).code).toBe(0)
  await judgedWithoutKeeping(/"millrace keys grant people validate"/)
})

test('a bad file is refused although its rows cannot be kept', async () => {
  expect((await millrace(root, ['keys', 'grant', 'people', 'pipeline'])).code).toBe(0)
  const { code, out } = await millrace(root, ['data', 'ingest', 'people', 'bad.csv'])
  expect(out).toMatch(/✗ bad\.csv: .*Failing rows could not be kept, because validate may not /)
  expect(code).toBe(1)
  expect(existsSync(join(root, 'data/bad.csv'))).toBe(false)
  expect(kept()).toEqual([])
})

test('with the grant they are kept, sealed; an action that is none is refused with those there are', async () => {
  const wrong = await millrace(root, ['keys', 'grant', 'people', 'validate', '--actions', 'kms:Foo'])
  expect(wrong.code).toBe(2)
  expect(wrong.said).toContain('kms:GenerateDataKey, kms:Decrypt, kms:Rotate, kms:Grant')
  const granted = await millrace(root, ['keys', 'grant', 'people', 'validate', '--actions', 'kms:GenerateDataKey'])
  expect(granted.code).toBe(0)
  const { code, out } = await millrace(root, ['validate'])
  expect(code).toBe(1)
  expect(out).not.toContain('could not be kept')
  expect(kept()).toEqual(['people.sealed.json'])
})
