import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { systemClock } from '../../src/adapters/clock/system.ts'
import { openSqlite } from '../../src/adapters/metadata/sqlite/open.ts'
import { openKeyring, verifyLog } from '../../src/config/keyring.ts'
import type { AnchorSettings } from '../../src/define/settings.ts'
import { project } from '../../src/index.ts'
import type { KeyService } from '../../src/ports/key-service.ts'
import { isSigned, readAnchored } from '../../src/stages/protect/audit/anchor.ts'
import { millrace, type Said } from '../support/command.ts'
import { copyProject } from '../support/copy.ts'

/** What a receiver of anchors is: it keeps the lines that come, somewhere else. */
const received: string[] = []
let receiver: Server
let url: string
let answers = 200
let base: string
let root: string

const git = (...args: string[]): string =>
  execFileSync('git', ['-C', join(root, 'elsewhere', 'repo'), ...args], { encoding: 'utf8', stdio: 'pipe' }).trim()

const settingsOf = (place: string): AnchorSettings =>
  place === 'file'
    ? { file: 'elsewhere/anchors.jsonl' }
    : place === 'git'
      ? { git: { repository: 'elsewhere/repo', ref: 'refs/heads/audit' } }
      : { webhook: url }

const writeConfig = (anchors: AnchorSettings): Promise<void> =>
  writeFile(
    join(root, 'millrace.config.ts'),
    `import { project } from 'millrace'\nexport default project('p', {}, { audit: { anchors: ${JSON.stringify(anchors)} } })\n`,
  )

/** One more process that uses a key, where the project anchors in these places. */
async function use(anchors: AnchorSettings, work: (keys: KeyService) => Promise<unknown>): Promise<void> {
  const folder = join(root, '.millrace')
  const store = await openSqlite(join(folder, 'millrace.db'))
  const settings = { audit: { anchors } }
  try {
    const keyring = await openKeyring({
      project: project('p', {}, settings),
      root,
      folder,
      store,
      clock: systemClock(),
    })
    try {
      await work(keyring.keys)
    } finally {
      await keyring.close()
    }
  } finally {
    await store.close()
  }
}

const state = (...names: string[]): string => join(root, '.millrace', ...names)
const older = (...names: string[]): string => join(root, 'older', ...names)

async function putBack(...names: string[]): Promise<void> {
  await rm(join(root, ...names), { recursive: true, force: true, maxRetries: 5 })
  await cp(older(...names), join(root, ...names), { recursive: true })
}
const database = ['millrace.db', 'millrace.db-wal', 'millrace.db-shm']
async function putDatabaseBack(): Promise<void> {
  for (const name of database) await rm(state(name), { force: true })
  for (const name of database) if (existsSync(older('.millrace', name))) await cp(older('.millrace', name), state(name))
}

beforeAll(async () => {
  vi.stubEnv('MILLRACE_KEY_PASSPHRASE', 'open')
  receiver = createServer((request, response) => {
    let text = ''
    request.setEncoding('utf8').on('data', (part: string) => (text += part))
    request.on('end', () => {
      if (answers === 200) received.push(text)
      response.writeHead(answers).end()
    })
  })
  await new Promise<void>(listening => receiver.listen(0, '127.0.0.1', listening))
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/anchors`
  base = await mkdtemp(join(tmpdir(), 'millrace-places-'))
  root = join(base, 'whole')
  await mkdir(join(root, '.millrace'), { recursive: true })
  await mkdir(join(root, 'elsewhere', 'repo'), { recursive: true })
  git('init', '--quiet', '--initial-branch', 'main')
  await writeFile(join(root, 'elsewhere', 'repo', 'mine.txt'), 'half done\n')
  git('add', 'mine.txt')
  const all = { ...settingsOf('file'), ...settingsOf('git'), ...settingsOf('webhook') }
  await use(all, async keys => {
    await keys.create('people', 'operator')
    await keys.grant('people', 'eve', ['kms:Decrypt'], 'operator')
  })
  for (const name of ['.millrace', 'elsewhere']) await copyProject(join(root, name), join(base, 'older', name))
  await use(all, keys => keys.revoke('people', 'eve', 'operator'))
  await use(all, keys => keys.rotate('people', 'operator'))
  await cp(join(base, 'older'), join(root, 'older'), { recursive: true })
  await writeFile(join(root, 'received.jsonl'), received.join('\n'))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  receiver.close()
  await rm(base, { recursive: true, force: true, maxRetries: 5 })
})

let cases = 0
/** A copy of the project that a case may spoil, anchored in one place besides the metadata store. */
async function fresh(place: string): Promise<void> {
  answers = 200
  root = join(base, `case ${cases++}`)
  await copyProject(join(base, 'whole'), root)
  await writeConfig(settingsOf(place))
}

const verify = (place: string): Promise<Said> =>
  millrace(root, ['audit', 'verify', ...(place === 'webhook' ? ['--anchors', 'received.jsonl'] : [])])

/** The same without a process: what the command line makes of a verdict is the same for every place. */
async function verifyHere(place: string): Promise<Said> {
  const folder = state()
  await mkdir(folder, { recursive: true })
  const store = await openSqlite(state('millrace.db'))
  const settings = { audit: { anchors: settingsOf(place) } }
  const path = 'received.jsonl'
  const kept = place === 'webhook' ? { path, text: `${await readFile(join(root, path), 'utf8')}\n` } : undefined
  try {
    const { firstBad, ok } = await verifyLog(
      { project: project('p', {}, settings), root, folder, store, clock: systemClock() },
      kept,
    )
    const said = firstBad === undefined ? '' : `MR6031 (${firstBad.place}): ${firstBad.reason}`
    return { code: ok ? 0 : 1, out: said, said }
  } finally {
    await store.close()
  }
}

/** What somebody with the disk may do, and the word that must then be said. */
const spoils: readonly (readonly [string, RegExp, () => Promise<unknown>])[] = [
  ['log, checkpoints and keys put back', /MR6031/, () => putBack('.millrace', 'audit')],
  ['log and metadata store put back together', /MR6031/, () => putBack('.millrace', 'audit').then(putDatabaseBack)],
  ['everything put back together', /MR6031/, () => putBack('.millrace')],
  ['everything deleted', /MR6031 .*the log is gone/, () => rm(state(), { recursive: true })],
  ['the metadata store put back', /MR6031 .*the metadata store/, putDatabaseBack],
  [
    'the metadata store deleted',
    /MR6031 .*the metadata store/,
    async () => {
      for (const name of database) await rm(state(name), { force: true })
    },
  ],
  ['keystore and metadata store put back', /MR6031/, () => putBack('.millrace', 'keys').then(putDatabaseBack)],
  [
    'the keystore put back',
    /MR6031 .*keystore.*it is of change 3, .* knows its change 5/,
    () => putBack('.millrace', 'keys'),
  ],
  ['the keystore deleted', /MR6031 .*keystore/, () => rm(state('keys'), { recursive: true })],
  [
    'all of it made anew, with as many records',
    /MR6031/,
    async () => {
      await rm(state(), { recursive: true })
      await mkdir(state(), { recursive: true })
      const anchors = join(root, 'forged.jsonl')
      for (let i = 0; i < 3; i++) await use({ file: anchors }, keys => keys.create(`people${i}`, 'eve'))
    },
  ],
]

const ofFile: typeof spoils = [
  ['the file deleted', /MR6031 .*anchors\.jsonl.*holds no anchor/, () => rm(join(root, 'elsewhere', 'anchors.jsonl'))],
  ['the file put back', /MR6031 .*anchors\.jsonl.*checkpoint 1, 3 were signed/, () => putBack('elsewhere')],
  ['file and metadata store put back', /MR6031 .*the metadata store/, () => putBack('elsewhere').then(putDatabaseBack)],
  [
    'a number in the file altered',
    /MR6031 .*not signed/,
    async () => {
      const path = join(root, 'elsewhere', 'anchors.jsonl')
      await writeFile(path, (await readFile(path, 'utf8')).replaceAll('"gen":5', '"gen":3'))
    },
  ],
  [
    'garbage in the file',
    /MR6031 .*line 2 of .*anchors\.jsonl is no anchor/,
    async () => {
      const path = join(root, 'elsewhere', 'anchors.jsonl')
      const [first = '', ...rest] = (await readFile(path, 'utf8')).split('\n')
      await writeFile(path, [first, 'null', ...rest].join('\n'))
    },
  ],
]
const ofGit: typeof spoils = [
  [
    'the ref deleted',
    /MR6031 .*refs\/heads\/audit.*holds no anchor/,
    async () => git('update-ref', '-d', 'refs/heads/audit'),
  ],
  [
    'the ref put back',
    /MR6031 .*audit.*checkpoint 1, 3 were signed/,
    async () => git('update-ref', 'refs/heads/audit', 'audit~2'),
  ],
  ['the repository deleted', /MR6031 .*cannot be read.*git/, () => rm(join(root, 'elsewhere'), { recursive: true })],
  [
    'an object of it deleted',
    /MR6031/,
    () => rm(join(root, 'elsewhere', 'repo', '.git', 'objects'), { recursive: true }),
  ],
]

describe.each([
  ['file', [...spoils, ...ofFile]],
  ['git', [...spoils, ...ofGit]],
  ['webhook', spoils],
] as const)('anchored in a %s', (place, all) => {
  it('what nobody touched is whole, doctor says so, and further use is whole, too', async () => {
    await fresh(place)
    const whole = await verify(place)
    expect(whole.said).toContain('✓ 4 records and 3 checkpoints')
    expect(whole.code).toBe(0)
    await use(settingsOf(place), keys => keys.grant('people', 'ada', ['*'], 'operator'))
    if (place === 'webhook') await writeFile(join(root, 'received.jsonl'), received.filter(Boolean).join('\n'))
    expect(await verify(place)).toMatchObject({ code: 0 })
    expect((await millrace(root, ['doctor'])).said).toMatch(
      /✓ +audit log +5 records, as they were written and anchored/,
    )
  })

  it.each(all)('%s', async (_, word, spoil) => {
    await fresh(place)
    await spoil()
    const found = await (place === 'file' ? verify : verifyHere)(place)
    expect(found.said).toMatch(word)
    expect(found.said).not.toMatch(/bug in Millrace/)
    expect(found.code).toBe(1)
    // Whoever uses a key afterwards does not make it good again, wherever using it is not refused
    await use(settingsOf(place), keys => keys.rotate('people', 'operator')).catch((error: unknown) =>
      expect(error).toMatchObject({ code: expect.stringMatching(/^MR60(12|13|18|30)$/) as unknown }),
    )
    expect(await verifyHere(place)).toMatchObject({ code: 1 })
  })
})

it('doctor holds the log to its anchors', async () => {
  await fresh('file')
  await putBack('.millrace')
  const found = await millrace(root, ['doctor'])
  expect(found.said).toMatch(/✗ +audit log +record \d+ at the metadata store/)
  expect(found.code).toBe(3)
})

it('a keystore from before a revocation is refused by what a second place knows, also when the metadata store is as old', async () => {
  await fresh('git')
  await putBack('.millrace')
  const refused = await millrace(root, ['keys', 'list'])
  expect(refused.said).toMatch(/of change 3, refs\/heads\/audit of the repository elsewhere\/repo knows of change 5/)
  expect(refused).toMatchObject({ code: 3, said: expect.stringContaining('MR6018') as unknown })
  expect(await millrace(root, ['keys', 'accept'])).toMatchObject({ code: 0 })
  expect(await millrace(root, ['keys', 'revoke', 'people', 'eve'])).toMatchObject({ code: 0 })
  // The keystore is accepted; that the log was put back stays written down
  expect((await millrace(root, ['audit', 'verify'])).said).toContain('was cut or replaced')
})

it('a wrong passphrase accepts nothing', async () => {
  await fresh('file')
  await putBack('.millrace', 'keys')
  vi.stubEnv('MILLRACE_KEY_PASSPHRASE', 'guessed')
  const refused = await millrace(root, ['keys', 'accept'])
  vi.stubEnv('MILLRACE_KEY_PASSPHRASE', 'open')
  expect(refused.said).toContain('MR6010')
  expect((await millrace(root, ['keys', 'list'])).said).toContain('MR6018')
})

it('git: objects and one ref are written; index, working tree, HEAD and other branches are not', async () => {
  await fresh('git')
  const before = [git('status', '--porcelain'), readFileSync(join(root, 'elsewhere', 'repo', '.git', 'HEAD'), 'utf8')]
  await use(settingsOf('git'), keys => keys.rotate('people', 'operator'))
  expect([git('status', '--porcelain'), readFileSync(join(root, 'elsewhere', 'repo', '.git', 'HEAD'), 'utf8')]).toEqual(
    before,
  )
  expect(git('for-each-ref', '--format=%(refname)')).toBe('refs/heads/audit')
  expect(git('log', '--format=%s', 'audit').split('\n')).toEqual([
    'Audit anchor of p: 5 records, checkpoint 4',
    'Audit anchor of p: 4 records, checkpoint 3',
    'Audit anchor of p: 3 records, checkpoint 2',
    'Audit anchor of p: 2 records, checkpoint 1',
  ])
  expect(git('fsck', '--strict')).toBe('')
  git('symbolic-ref', 'HEAD', 'refs/heads/audit')
  await expect(use(settingsOf('git'), keys => keys.rotate('people', 'operator'))).rejects.toMatchObject({
    code: 'MR6030',
    message: expect.stringContaining('is checked out in a working tree') as unknown,
  })
})

it('git: the commits are on a ref of their own, in no branch, where none is named', async () => {
  await fresh('git')
  await use({ git: { repository: 'elsewhere/repo' } }, keys => keys.rotate('people', 'operator'))
  expect(git('for-each-ref', '--format=%(refname)').split('\n')).toContain('refs/millrace/audit')
  expect(git('log', '-1', '--format=%s', 'refs/millrace/audit')).toBe('Audit anchor of p: 5 records, checkpoint 4')
})

it('a webhook that fails is told, blocks nothing, and gets the newest anchor later', async () => {
  await fresh('webhook')
  answers = 404
  const told = await millrace(root, ['keys', 'rotate', 'people'])
  expect(told).toMatchObject({ code: 0 })
  expect(told.said).toMatch(
    /! The anchor of 5 audit records did not reach the webhook 127\.0\.0\.1:\d+ \(.*answer 404\)/,
  )
  const behind = await millrace(root, ['audit', 'verify'])
  expect(behind).toMatchObject({ code: 0 })
  expect(behind.said).toMatch(/has not taken the last 1 anchors/)
  expect((await millrace(root, ['doctor'])).said).toMatch(/! +audit receiver .*has not taken the last 1 anchor/)
  answers = 200
  expect(await millrace(root, ['keys', 'list'])).toMatchObject({ code: 0 })
  const last = readAnchored(received.at(-1) ?? '')
  expect(last.current).toMatchObject({ log: 'p', records: 5, checkpoints: 4, keystore: { gen: 6 } })
  expect(isSigned(last)).toBe(true)
  expect(isSigned({ ...last, current: { ...last.current, records: 4 } })).toBe(false)
  expect((await millrace(root, ['audit', 'verify'])).said).not.toContain('has not taken')
})

it('a place that cannot be written stops what is privileged, by its name', async () => {
  await fresh('file')
  await writeConfig({ file: 'millrace.config.ts/anchors.jsonl' })
  const refused = await millrace(root, ['keys', 'rotate', 'people'])
  expect(refused.said).toMatch(/audit cannot be written: its anchor in the file millrace\.config\.ts\/anchors\.jsonl/)
  expect(refused.code).toBe(3)
})

it('a place that is named later gets its anchor from the next process that uses keys', async () => {
  await fresh('file')
  await writeConfig({ file: 'new/place.jsonl' })
  expect(await millrace(root, ['audit', 'verify'])).toMatchObject({ code: 0 })
  expect(await millrace(root, ['keys', 'list'])).toMatchObject({ code: 0 })
  expect(readFileSync(join(root, 'new', 'place.jsonl'), 'utf8').split('\n')).toHaveLength(2)
  await rm(join(root, 'new'), { recursive: true })
  expect(await millrace(root, ['audit', 'verify'])).toMatchObject({ code: 1 })
})

it.each([
  ['', /audit\.anchors must name a place/],
  ["files: 'a.jsonl'", /no option 'files'.*file/],
  ["webhook: 'ftp://a'", /audit\.anchors\.webhook must be an http or https URL/],
  ["git: { repository: '.', ref: 'audit' }", /audit\.anchors\.git\.ref must be a full name of a ref/],
  ["git: { repository: '.', ref: 'refs/heads/../x' }", /audit\.anchors\.git\.ref must be a full name of a ref/],
  ['git: {}', /needs audit\.anchors\.git\.repository/],
])('settings { %s } are refused', async (anchors, word) => {
  await fresh('file')
  const config = `import { project } from 'millrace'\nexport default project('p', {}, { audit: { anchors: { ${anchors} } } } as never)\n`
  await writeFile(join(root, 'millrace.config.ts'), config)
  const refused = await millrace(root, ['audit', 'verify'])
  expect(refused.said).toMatch(word)
  expect(refused.code).toBe(2)
})

it.each([
  ['no anchors', 'nothing\n', 2],
  ['those of another log', '{"current":{}}\n', 2],
  ['none', '', 2],
])('--anchors with %s is refused', async (_, text, code) => {
  await fresh('file')
  await writeFile(join(root, 'kept.jsonl'), text)
  const refused = await millrace(root, ['audit', 'verify', '--anchors', 'kept.jsonl'])
  expect(refused.said).toContain('MR6032')
  expect(refused.code).toBe(code)
})
