import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ownIdentity } from '../internal/process-identity.ts'
import { checkDatabase, makeStateFolder, sweepStateFolder } from './state-folder.ts'

let root: string
let folder: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'millrace-state-'))
  folder = makeStateFolder(root)
})
afterEach(() => rmSync(root, { recursive: true, force: true, maxRetries: 5 }))

const hours = (n: number): number => n * 3_600_000
const jobs = (): string => join(folder, 'jobs')
const left = (): string[] => readdirSync(jobs()).sort()

/** A job's folder as it was left `agoMs` ago. */
function job(name: string, files: Readonly<Record<string, unknown>>, agoMs: number): void {
  const own = join(jobs(), name)
  mkdirSync(own, { recursive: true })
  for (const [file, content] of Object.entries(files))
    writeFileSync(join(own, file), typeof content === 'string' ? content : JSON.stringify(content))
  const at = new Date(Date.now() - agoMs)
  utimesSync(own, at, at)
}

describe('jobs', () => {
  const over = { 'result.json': { status: 'done' } }
  const living = { 'process.json': ownIdentity() }
  const dead = { 'process.json': { ...ownIdentity(), startedAt: -1, start: 'never', pid: 2 ** 22 - 1 } }

  it.each([
    ['that is over stays for a day', over, hours(24) - 60_000, true],
    ['that was over a day ago goes', over, hours(24) + 60_000, false],
    ['whose process is gone stays for a day', dead, hours(24) - 60_000, true],
    ['whose process was gone a day ago goes', dead, hours(24) + 60_000, false],
    ['whose process lives stays, however long it takes', living, hours(99), true],
    ['that never came to start counts as over after an hour, and goes after a day', {}, hours(24) + 60_000, false],
    ['the same before', {}, hours(24) - 60_000, true],
    ['with a process file that is cut off is one that never came to start', { 'process.json': '{' }, hours(25), false],
  ])('one %s', async (_, files, ago, stays) => {
    job('01', files, ago)
    await sweepStateFolder(root, folder)
    expect(left()).toEqual(stays ? ['01'] : [])
  })

  it('the newest 500 that are over stay, and those that are not over do not count', async () => {
    const name = (i: number): string => String(i).padStart(4, '0')
    for (let i = 0; i < 505; i++) job(name(i), over, 0)
    job(name(900), living, 0)
    job(name(901), {}, 0)
    await sweepStateFolder(root, folder)
    expect(left()).toEqual([...Array.from({ length: 500 }, (_, i) => name(i + 5)), name(900), name(901)])
  })
})

describe('addresses of servers', () => {
  const servers = (): string => join(folder, 'servers')
  const server = (name: string, agoMs: number): void => {
    mkdirSync(servers(), { recursive: true })
    const at = new Date(Date.now() - agoMs)
    for (const end of ['.lock', '.lock.holder', '.json']) {
      writeFileSync(join(servers(), name + end), '{}')
      utimesSync(join(servers(), name + end), at, at)
    }
  }

  it('of one that is gone go, all of its files; of one that may be starting stay', async () => {
    server('gone', 61_000)
    server('young', 50_000)
    await sweepStateFolder(root, folder)
    expect(readdirSync(servers()).sort()).toEqual(['young.json', 'young.lock', 'young.lock.holder'])
  })

  it('of the one that serves alone goes when nobody holds its lock', async () => {
    writeFileSync(join(folder, 'server.json'), '{}')
    await sweepStateFolder(root, folder)
    expect(existsSync(join(folder, 'server.json'))).toBe(false)
  })
})

describe('a database', () => {
  const object = (): string => join(folder, 'artifacts', 'cas', 'sha256', 'ab')
  const check = (size?: number) => {
    const path = join(folder, 'millrace.db')
    if (size !== undefined) writeFileSync(path, 'x'.repeat(size))
    return checkDatabase(folder, path).then(
      () => 'taken',
      (error: { code: string; details: { how: string } }) => `${error.code} ${error.details.how}`,
    )
  }

  it('that is not there is a new one where nothing was written down, and damage beside artifacts', async () => {
    expect(await check()).toBe('taken')
    mkdirSync(object(), { recursive: true })
    expect(await check()).toBe('taken')
    expect(await check(0)).toBe('taken')
    writeFileSync(join(object(), 'cd'), 'x')
    expect(await check(0)).toMatch(/^MR\d+ is empty \(0 bytes\)$/)
    rmSync(join(folder, 'millrace.db'))
    expect(await check()).toMatch(/^MR\d+ is gone$/)
    expect(await check(1)).toBe('taken')
  })
})
