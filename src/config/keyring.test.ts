import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { openSqlite } from '../adapters/metadata/sqlite/open.ts'
import { project } from '../index.ts'
import type { MetadataStore } from '../ports/metadata-store.ts'
import { type ManualClock, manualClock } from '../testing/manual-clock.ts'
import {
  acceptKeystore,
  acceptLog,
  auditFolderOf,
  type KeyringServices,
  keystorePathOf,
  openKeyring,
  verifyLog,
} from './keyring.ts'

// Keys and their log in a folder: what is written down of each use, and what is said when something of it is not as it was.

let root: string
let folder: string
let store: MetadataStore
let clock: ManualClock
let before: string | undefined
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'millrace-keyring-'))
  folder = join(root, '.millrace')
  mkdirSync(folder)
  store = await openSqlite(join(folder, 'a.db'))
  clock = manualClock(1_770_000_000_000_000)
  before = process.env.MILLRACE_KEY_PASSPHRASE
  process.env.MILLRACE_KEY_PASSPHRASE = 'correct horse battery staple'
})
afterEach(async () => {
  if (before === undefined) delete process.env.MILLRACE_KEY_PASSPHRASE
  else process.env.MILLRACE_KEY_PASSPHRASE = before
  await store.close()
  rmSync(root, { recursive: true, force: true, maxRetries: 5 })
})
const services = (anchors?: object): KeyringServices => ({
  project: project('shop', {}, (anchors ? { audit: { anchors } } : {}) as never),
  root,
  folder,
  store,
  clock,
})
const began = async (of = services()): Promise<void> => {
  await acceptKeystore(of, 'ada')
}
const used = async (of = services()): Promise<void> => {
  const ring = await openKeyring(of)
  await ring.close()
}

describe('a keyring', () => {
  it('has its keystore and its log below the folder, for its owner alone', async () => {
    expect([keystorePathOf(folder), auditFolderOf(folder)]).toEqual([
      join(folder, 'keys', 'keystore.json'),
      join(folder, 'audit'),
    ])
    await began()
    expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700)
    const ring = await openKeyring(services())
    expect(ring.auditFolder).toBe(join(folder, 'audit'))
    await ring.close()
    expect(existsSync(ring.auditFolder)).toBe(true)
    const { value } = (await store.getDocument('keystore-generation', 'local')) ?? {}
    const { gen, mac } = JSON.parse(readFileSync(keystorePathOf(folder), 'utf8')) as { gen: number; mac: string }
    expect(value).toEqual({ gen, mac })
  })

  it('writes the generation down only when it is another', async () => {
    await began()
    const first = await store.getDocument('keystore-generation', 'local')
    await used()
    await used()
    expect((await store.getDocument('keystore-generation', 'local'))?.revision).toBe(first?.revision)
  })

  it('with another passphrase is not opened', async () => {
    await began()
    process.env.MILLRACE_KEY_PASSPHRASE = 'wrong'
    await expect(openKeyring(services())).rejects.toMatchObject({ code: expect.stringMatching(/^MR/) as string })
  })
})

describe('the log of a keyring', () => {
  it('that was never begun holds, and is anchored nowhere', async () => {
    expect(await verifyLog(services())).toMatchObject({ ok: true, anchored: false, untaken: 0 })
    expect('receiver' in (await verifyLog(services()))).toBe(false)
  })

  it('that is whole holds, and is held to what the store says', async () => {
    await began()
    expect(await verifyLog(services())).toMatchObject({ ok: true, anchored: true, untaken: 0 })
    // nobody answers for what is whole
    await expect(acceptLog(services(), { by: 'ada', because: 'so' })).rejects.toMatchObject({
      code: expect.stringMatching(/^MR/) as string,
    })
  })

  it.each<[string, () => void, RegExp]>([
    ['is gone', () => rmSync(keystorePathOf(folder)), /it is gone/],
    ['is no JSON', () => writeFileSync(keystorePathOf(folder), '{'), /it cannot be read \(it is no JSON\)/],
    ['is another file', () => writeFileSync(keystorePathOf(folder), '{"gen":"1","mac":"x"}'), /it is no keystore/],
    ['has no seal', () => writeFileSync(keystorePathOf(folder), '{"gen":1}'), /it is no keystore/],
    [
      'cannot be read',
      () => {
        rmSync(keystorePathOf(folder))
        mkdirSync(keystorePathOf(folder))
      },
      /it cannot be read \((?!it is no JSON)/,
    ],
  ])('does not hold where the keystore %s, which no acceptance of the log mends', async (_, change, reason) => {
    await began()
    change()
    const verdict = await verifyLog(services())
    expect(verdict.ok).toBe(false)
    expect(verdict.firstBad?.reason).toMatch(reason)
    await expect(acceptLog(services(), { by: 'ada', because: 'so' })).rejects.toMatchObject({
      details: { path: keystorePathOf(folder) },
    })
  })

  it('that was put back does not hold until somebody answers for it, and says who and why', async () => {
    await began()
    const { readdirSync, cpSync } = await import('node:fs')
    const old = join(root, 'old')
    cpSync(auditFolderOf(folder), old, { recursive: true })
    await clock.advance(60_000)
    await began()
    rmSync(auditFolderOf(folder), { recursive: true })
    cpSync(old, auditFolderOf(folder), { recursive: true })
    const verdict = await verifyLog(services())
    expect(verdict).toMatchObject({ ok: false, anchored: true })
    const accepted = await acceptLog(services(), { by: 'ada', because: 'the disk was restored' })
    // it is whole in itself: nothing is set aside
    expect(accepted).toEqual({})
    expect(await verifyLog(services())).toMatchObject({ ok: true })
    const text = readdirSync(auditFolderOf(folder), { recursive: true, withFileTypes: true })
      .filter(one => one.isFile())
      .map(one => readFileSync(join(one.parentPath, one.name), 'utf8'))
      .join('\n')
    expect(text).toContain('the disk was restored')
  })

  it('that is damaged in itself is set aside, and a new one begins', async () => {
    await began()
    const { readdirSync } = await import('node:fs')
    const [segment] = readdirSync(auditFolderOf(folder), { recursive: true, withFileTypes: true }).filter(
      one => one.isFile() && readFileSync(join(one.parentPath, one.name), 'utf8').includes('keys.accept'),
    )
    const path = join(segment?.parentPath ?? '', segment?.name ?? '')
    writeFileSync(path, readFileSync(path, 'utf8').replace('"ada"', '"eve"'))
    expect((await verifyLog(services())).ok).toBe(false)
    const { setAside } = await acceptLog(services(), { by: 'ada', because: 'somebody wrote in it' })
    expect(existsSync(setAside ?? '')).toBe(true)
    expect(await verifyLog(services())).toMatchObject({ ok: true })
  })
})

describe('anchors of a log', () => {
  it('stand in every place that the settings name, below the project', async () => {
    const of = services({ file: 'anchors.txt' })
    await began(of)
    expect(readFileSync(join(root, 'anchors.txt'), 'utf8')).toContain('shop')
    expect(await verifyLog(of)).toMatchObject({ ok: true, anchored: true })
    // what a receiver kept is held to the log as well
    const kept = { path: 'kept.txt', text: readFileSync(join(root, 'anchors.txt'), 'utf8') }
    expect(await verifyLog(of, kept)).toMatchObject({ ok: true })
  })

  it('keep the name that the log was first called by', async () => {
    const of = services({ file: 'anchors.txt' })
    await began(of)
    const renamed = { ...of, project: { ...of.project, name: 'market' } }
    await clock.advance(60_000)
    await acceptKeystore(renamed, 'ada')
    expect(readFileSync(join(root, 'anchors.txt'), 'utf8')).not.toContain('market')
    expect(await verifyLog(renamed)).toMatchObject({ ok: true })
  })

  it.each([
    ['of no anchor', '', /it holds no anchor of the log shop/],
    ['of no lines of it', 'hello\n', /./],
  ])('given as lines %s are refused', async (_, text, reason) => {
    await began()
    await expect(verifyLog(services(), { path: 'kept.txt', text })).rejects.toMatchObject({
      details: { path: 'kept.txt', reason: expect.stringMatching(reason) as string },
    })
  })
})
