import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { isFileLocked, isHeldLock, takeFileLock, withFileLock } from '../../src/internal/file-lock.ts'

const base = mkdtempSync(join(tmpdir(), 'millrace-lock-'))
afterAll(() => rmSync(base, { recursive: true, force: true, maxRetries: 5 }))
const fresh = (): string => mkdtempSync(join(base, 'l-'))

const worker = join(import.meta.dirname, '../support/lock-worker.mjs')

/** Runs a worker to its end; its signal, where it was killed. */
function work(folder: string, turns: number, deaths: number): Promise<string | null> {
  const child = spawn(process.execPath, [worker, join(process.cwd(), 'dist'), folder, String(turns), String(deaths)], {
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  return new Promise(done => child.once('exit', (_, signal) => done(signal)))
}

/** `MILLRACE_LOCK_ROUNDS=20` is the long form. */
const rounds = Number(process.env['MILLRACE_LOCK_ROUNDS'] ?? 1)

describe('a lock whose holders are killed', () => {
  test('never lets two in, never stays behind, loses no update', async () => {
    const folder = fresh()
    writeFileSync(join(folder, 'counter'), '0')
    writeFileSync(join(folder, 'said'), '')
    let killed = 0
    for (let round = 0; round < rounds; round++) {
      // Whoever is killed has a successor, until all have had their turns
      const lines = Array.from({ length: 5 }, async () => {
        for (let restart = 0; restart < 3; restart++) {
          const signal = await work(folder, 25, restart === 2 ? 0 : 0.2)
          if (signal === null) return
          killed++
        }
      })
      await Promise.all(lines)
    }
    const said = readFileSync(join(folder, 'said'), 'utf8').trim().split('\n')
    expect(said.filter(line => line !== 'done')).toEqual([])
    expect(Number(readFileSync(join(folder, 'counter'), 'utf8'))).toBe(said.length)
    expect(said.length).toBeGreaterThan(25 * rounds)
    expect(killed).toBeGreaterThan(0)
    expect(await isFileLocked(join(folder, 'l.lock'))).toBe(false)
  })
})

const free = (): Promise<string> => Promise.resolve('in')
const busy = (holder: unknown): Error => new Error(`busy ${JSON.stringify(holder)}`)

describe('what lies at the place of a lock', () => {
  test.each([
    ['nothing at all', ''],
    ['a torn record', '{"host":"her'],
    ['a holder on another host, of an older Millrace', '{"host":"elsewhere","bootId":"x","pid":42,"startTime":"1"}'],
    ['any bytes', 'x'.repeat(10_000)],
    ['the head of a database', `SQLite format 3\0${'\x7f'.repeat(4080)}`],
  ])('%s holds nobody up', async (_what, content) => {
    const path = join(fresh(), 'x.lock')
    writeFileSync(path, content)
    expect(await isFileLocked(path)).toBe(false)
    writeFileSync(path, content)
    expect(await withFileLock(path, busy, free, 0)).toBe('in')
    expect(await withFileLock(path, busy, free, 0)).toBe('in')
    expect(statSync(path).size).toBe(0)
  })

  test('a folder is an error that names it', async () => {
    const path = join(fresh(), 'x.lock')
    mkdirSync(path)
    await expect(withFileLock(path, busy, free, 0)).rejects.toThrow()
  })

  test('is private to the user, whatever the umask', async () => {
    const before = process.umask(0)
    try {
      const path = join(fresh(), 'below', 'x.lock')
      const taken = await takeFileLock(path, 0)
      expect(statSync(path).mode & 0o777).toBe(0o600)
      expect(statSync(`${path}.holder`).mode & 0o777).toBe(0o600)
      expect(statSync(join(path, '..')).mode & 0o777).toBe(0o700)
      if (isHeldLock(taken)) taken.release()
    } finally {
      process.umask(before)
    }
  })
})

test('within one process, too, one is in at a time, and who waits blocks nothing else', async () => {
  const path = join(fresh(), 'x.lock')
  let inside = 0
  let most = 0
  let beats = 0
  const beat = setInterval(() => beats++, 5)
  await Promise.all(
    Array.from({ length: 8 }, () =>
      withFileLock(path, busy, async () => {
        most = Math.max(most, ++inside)
        await new Promise(next => setTimeout(next, 20))
        inside--
      }),
    ),
  )
  clearInterval(beat)
  expect(most).toBe(1)
  expect(beats).toBeGreaterThan(5)
})

test('who holds it is named to whoever gives up; a handle given back twice is given back once', async () => {
  const path = join(fresh(), 'x.lock')
  const first = await takeFileLock(path, 0)
  if (!isHeldLock(first)) throw new Error('not taken')
  await expect(withFileLock(path, busy, free, 30)).rejects.toThrow(`"pid":${process.pid}`)
  writeFileSync(`${path}.holder`, '{')
  await expect(withFileLock(path, busy, free, 0)).rejects.toThrow('"pid":"unknown"')
  expect(await isFileLocked(path)).toBe(true)
  first.release()
  const second = await takeFileLock(path, 0)
  first.release()
  expect(isHeldLock(await takeFileLock(path, 0))).toBe(false)
  if (isHeldLock(second)) second.release()
  expect(await isFileLocked(path)).toBe(false)
})
