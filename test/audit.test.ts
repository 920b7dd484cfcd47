import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { systemClock } from '../src/adapters/clock/system.ts'
import { openSqlite } from '../src/adapters/metadata/sqlite/open.ts'
import { type KeyringServices, openKeyring, verifyLog } from '../src/config/keyring.ts'
import { project } from '../src/index.ts'
import type { AuditVerdict } from '../src/stages/protect/audit/verify.ts'
import { inside as millrace } from './support/inside.ts'
import { inside } from './support/inside.ts'
import { copyProject } from './support/copy.ts'

const files = ['00000001.jsonl', 'checkpoints.txt', 'checkpoint-key.pub', 'checkpoint-key.pem']
const [log = '', checkpoints = ''] = files
let base: string
let root: string

async function servicesOf(): Promise<KeyringServices> {
  const folder = join(root, '.millrace')
  const store = await openSqlite(join(folder, 'millrace.db'))
  return { project: project('p', {}), root, folder, store, clock: systemClock() }
}

/** One more process that uses a key. */
async function use(work: (keys: Awaited<ReturnType<typeof openKeyring>>['keys']) => Promise<unknown>): Promise<void> {
  const services = await servicesOf()
  try {
    const { keys, close } = await openKeyring(services)
    try {
      await work(keys)
    } finally {
      await close()
    }
  } finally {
    await services.store.close()
  }
}

async function verdict(): Promise<AuditVerdict> {
  const services = await servicesOf()
  try {
    return await verifyLog(services)
  } finally {
    await services.store.close()
  }
}

/** A copy of the project that a case may spoil. */
async function fresh(): Promise<void> {
  root = join(base, `case ${Math.random()}`)
  await copyProject(join(base, 'whole'), root)
}
const audit = (name: string): string => join(root, '.millrace', 'audit', name)
const alter = async (name: string, change: (lines: string[]) => string[]): Promise<void> =>
  writeFile(audit(name), change((await readFile(audit(name), 'utf8')).split('\n')).join('\n'))

beforeAll(async () => {
  vi.stubEnv('MILLRACE_KEY_PASSPHRASE', 'open')
  base = await mkdtemp(join(tmpdir(), 'millrace-audit-'))
  root = join(base, 'whole')
  await mkdir(join(root, '.millrace'), { recursive: true })
  await writeFile(
    join(root, 'millrace.config.ts'),
    "import { project } from 'millrace'\nexport default project('p', {})\n",
  )
  await use(async keys => {
    await keys.create('people', 'operator')
    await keys.grant('people', 'eve', ['kms:Decrypt'], 'operator')
  })
  await copyProject(join(root, '.millrace'), join(base, 'older'))
  await use(keys => keys.revoke('people', 'eve', 'operator'))
  await use(keys => keys.rotate('people', 'operator'))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(base, { recursive: true, force: true, maxRetries: 5 })
})

const subsets = Array.from({ length: 15 }, (_, i) => files.filter((_, bit) => ((i + 1) >> bit) & 1))

it('a log that nobody touched is whole, through further use', async () => {
  await fresh()
  expect(await verdict()).toMatchObject({ ok: true, records: 4, unsigned: 0 })
  await use(keys => keys.list())
  await use(keys => keys.grant('people', 'ada', ['*'], 'operator'))
  expect(await verdict()).toMatchObject({ ok: true, records: 5 })
})

it.each(subsets.map(names => [names.join(', '), names] as const))('deleted: %s', async (_, names) => {
  await fresh()
  for (const name of names) await rm(audit(name))
  const found = await verdict()
  expect(found.ok, JSON.stringify(found)).toBe(false)
  // Whoever uses a key afterwards does not make it good again
  await use(keys => keys.rotate('people', 'operator'))
  expect((await verdict()).ok).toBe(false)
})

it.each(subsets.map(names => [names.join(', '), names] as const))('an older copy of: %s', async (_, names) => {
  await fresh()
  for (const name of names) await cp(join(base, 'older', 'audit', name), audit(name))
  // Keys do not change: an older copy of them is the same
  const same = names.every(name => name.startsWith('checkpoint-key'))
  expect(await verdict()).toMatchObject({ ok: same })
  if (same || !names.includes(log)) return
  await use(keys => keys.rotate('people', 'operator'))
  expect((await verdict()).ok).toBe(false)
})

it.each([
  ['the last record', async () => alter(log, lines => [...lines.slice(0, -2), ''])],
  ['every record, the file left empty', async () => alter(log, () => [''])],
  ['the first record', async () => alter(log, lines => lines.slice(1))],
  ['a word of a record', async () => alter(log, lines => lines.map(line => line.replace('operator', 'somebody')))],
  ['the last checkpoint', async () => alter(checkpoints, lines => lines.slice(0, -6))],
  [
    'all checkpoints, and the tail',
    async () => {
      await alter(checkpoints, () => [''])
      await alter(log, lines => [...lines.slice(0, 2), ''])
    },
  ],
  [
    'the anchor',
    async () => {
      const store = await openSqlite(join(root, '.millrace', 'millrace.db'))
      await store.removeDocument('audit-anchor', 'local')
      await store.close()
    },
  ],
])('%s altered or cut', async (_, spoil) => {
  await fresh()
  await spoil()
  expect((await verdict()).ok).toBe(false)
})

it('a record of a killed process that no checkpoint was signed for is missed when it is cut', async () => {
  await fresh()
  const services = await servicesOf()
  const { keys, close } = await openKeyring(services)
  try {
    // Not closed until it was looked at: as kill -9 leaves it
    await keys.grant('people', 'ada', ['*'], 'operator')
    expect(await verdict()).toMatchObject({ ok: true, records: 5, unsigned: 1 })
    await alter(log, lines => [...lines.slice(0, -2), ''])
    expect((await verdict()).ok).toBe(false)
  } finally {
    // Its timer would sign a checkpoint into the folder that is being removed
    await close()
    await services.store.close()
  }
})

it('a keystore from before a revocation is refused, until a person takes it', async () => {
  await fresh()
  const keystore = join('keys', 'keystore.json')
  await cp(join(base, 'older', keystore), join(root, '.millrace', keystore))
  const old = { code: 'MR6018' }
  await expect(use(keys => keys.generateDataKey('people', {}, 'operator'))).rejects.toMatchObject(old)
  await rm(join(root, '.millrace', keystore))
  await expect(use(keys => keys.create('people', 'operator'))).rejects.toMatchObject(old)
  expect(existsSync(join(root, '.millrace', keystore))).toBe(false)

  await cp(join(base, 'older', keystore), join(root, '.millrace', keystore))
  const refused = await millrace(root, ['keys', 'list'])
  expect(refused).toMatchObject({ code: 3 })
  expect(refused.said).toContain('MR6018')
  expect(await millrace(root, ['keys', 'accept'])).toMatchObject({ code: 0 })
  expect(await millrace(root, ['keys', 'revoke', 'people', 'eve'])).toMatchObject({ code: 0 })
  expect((await millrace(root, ['decisions', '--json'])).out).toContain('keystore')
})

it('audit verify holds the keystore to its last change: an older one, one of the same change, none, and one that cannot be read', async () => {
  const keystore = () => join(root, '.millrace', 'keys', 'keystore.json')
  const said = async () => {
    const { code, said: words } = await millrace(root, ['audit', 'verify'])
    return { code, words }
  }
  // two that went on from one change, each with another grant
  await fresh()
  await use(keys => keys.grant('people', 'mallory', ['kms:Decrypt'], 'operator'))
  const other = await readFile(keystore())
  await fresh()
  const before = await readFile(keystore())
  await use(keys => keys.grant('people', 'alice', ['kms:Decrypt'], 'operator'))
  const own = await readFile(keystore())
  expect(await said()).toMatchObject({ code: 0 })
  const gen = (JSON.parse(String(own)) as { gen: number }).gen
  expect((JSON.parse(String(other)) as { gen: number }).gen).toBe(gen)
  for (const [content, words] of [
    [other, `its change ${gen} is not the one that`],
    [before, `it is of change ${gen - 1}, `],
    ['{', 'it cannot be read (it is no JSON)'],
    ['{}', 'it is no keystore'],
  ] as const) {
    await writeFile(keystore(), content)
    const refused = await said()
    expect([words, refused.code]).toEqual([words, 1])
    expect(refused.words).toContain(words)
  }
  await rm(keystore())
  const gone = await said()
  expect(gone.code).toBe(1)
  expect(gone.words).toContain('it is gone')
  await writeFile(keystore(), own)
  expect(await said()).toMatchObject({ code: 0 })
})

it('a keystore that is replaced while a process has it open is refused there, too', async () => {
  await fresh()
  const path = join(root, '.millrace', 'keys', 'keystore.json')
  await use(async keys => {
    await cp(join(base, 'older', 'keys', 'keystore.json'), path)
    await expect(
      keys.unwrap({ service: 'local', key: 'people', version: '1', algorithm: '', ciphertext: '' }, {}, 'eve'),
    ).rejects.toMatchObject({ code: 'MR6018' })
  })
})

it('audit verify says so on the command line, with the error to look up', async () => {
  await fresh()
  expect(await millrace(root, ['audit', 'verify'])).toMatchObject({ code: 0 })
  await rm(join(root, '.millrace', 'audit'), { recursive: true })
  const gone = await millrace(root, ['audit', 'verify'])
  expect(gone.code).toBe(1)
  expect(gone.said).toMatch(/MR6031 .*the log is gone: it had 4 records at 20/)
  expect(await millrace(root, ['keys', 'rotate', 'people'])).toMatchObject({ code: 0 })
  const later = await millrace(root, ['audit', 'verify'])
  expect(later.code).toBe(1)
  expect(later.said).toMatch(/MR6031 .*a log of 4 records, .* was cut or replaced/)
  expect(later.said).not.toContain('bug in Millrace')

  await rm(join(root, '.millrace'), { recursive: true })
  expect(await millrace(root, ['audit', 'verify'])).toMatchObject({ code: 0 })
})

/** What was lost on purpose, or by an accident that somebody knows of. */
const losses: readonly (readonly [string, () => Promise<unknown>])[] = [
  ['the metadata store', () => rm(join(root, '.millrace', 'millrace.db'))],
  ['the whole log', () => rm(join(root, '.millrace', 'audit'), { recursive: true })],
  ['a segment', () => rm(audit(log))],
  ['the end of a segment', () => alter(log, lines => lines.slice(0, 2).concat(''))],
  ['the list of checkpoints', () => rm(audit(checkpoints))],
  ['the key that signs', () => Promise.all([rm(audit('checkpoint-key.pem')), rm(audit('checkpoint-key.pub'))])],
]
const cases = losses.flatMap(([what, lose]) =>
  [false, true].map(
    used => [`${what}, ${used ? 'and keys were used since' : 'and nothing since'}`, lose, used] as const,
  ),
)

it.each(cases)(
  'lost: %s. It is accepted with a reason, told from then on, and proves what comes after',
  async (_, lose, used) => {
    await fresh()
    await lose()
    if (used) {
      // without a metadata store nobody knows which keystore is the newest
      await inside(root, ['keys', 'accept'])
      await inside(root, ['keys', 'rotate', 'people'])
    }
    expect((await inside(root, ['audit', 'verify'])).code).toBe(1)
    const accepted = await inside(root, ['audit', 'accept', '--reason', 'the disk was changed', '--as', 'ada'])
    expect(accepted, accepted.said).toMatchObject({ code: 0 })
    const told = await inside(root, ['audit', 'verify'])
    expect(told, told.said).toMatchObject({ code: 0 })
    expect(told.said).toMatch(/is lost \(.+\); ada answers for it in record \d+: the disk was changed/)
    // what comes after is proven as before, also what is lost next
    await inside(root, ['keys', 'accept'])
    expect(await inside(root, ['keys', 'rotate', 'people'])).toMatchObject({ code: 0 })
    const later = await inside(root, ['audit', 'verify'])
    expect(later, later.said).toMatchObject({ code: 0 })
    expect(later.said).toContain('the disk was changed')
    await alter(log, lines => lines.slice(0, -2).concat(''))
    expect((await inside(root, ['audit', 'verify'])).code).toBe(1)
  },
)

it('what is not lost is not accepted, nor without a reason, nor an older keystore', async () => {
  await fresh()
  const whole = await inside(root, ['audit', 'accept', '--reason', 'none'])
  expect(whole).toMatchObject({ code: 2 })
  expect(whole.said).toContain('MR6033')
  await rm(join(root, '.millrace', 'millrace.db'))
  expect(await inside(root, ['audit', 'accept'])).toMatchObject({ code: 2 })
  expect(await inside(root, ['audit', 'accept', '--reason', ' '])).toMatchObject({ code: 2 })
  expect((await inside(root, ['audit', 'verify'])).code).toBe(1)
  await fresh()
  await cp(join(base, 'older', 'keys', 'keystore.json'), join(root, '.millrace', 'keys', 'keystore.json'))
  const old = await inside(root, ['audit', 'accept', '--reason', 'put back'])
  expect(old.code).toBe(3)
  expect(old.said).toContain('MR6018')
})

it('a loss that is only said to be accepted, where no record of the log says so, is one', async () => {
  await fresh()
  await rm(join(root, '.millrace', 'millrace.db'))
  await inside(root, ['keys', 'accept'])
  const store = await openSqlite(join(root, '.millrace', 'millrace.db'))
  const [held] = await store.listDocuments('audit-anchor')
  const value = held?.value as unknown as { readonly lost: readonly object[]; readonly current: object }
  const lost = value.lost.map(one => ({ ...one, accepted: { record: 0, by: 'eve', because: 'nothing' } }))
  const signed = (await readFile(audit(checkpoints), 'utf8')).split('\n— ').length - 1
  const current = { ...value.current, checkpoints: signed }
  await store.putDocument('audit-anchor', String(held?.id), { ...value, current, lost } as never, Date.now() * 1000)
  await store.close()
  const found = await inside(root, ['audit', 'verify'])
  expect(found.code).toBe(1)
  expect(found.said).toContain('no record of the log does')
})
