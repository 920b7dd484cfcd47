import { closeSync, openSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSyncInstance } from '@photostructure/sqlite'
import { ownIdentity } from './process-identity.ts'
import { makeFolder } from './publish.ts'

/** Who had written itself down at a lock; what it says may be out of date, and decides nothing. */
export interface LockHolder {
  readonly pid: number | 'unknown'
  readonly host: string
}

export interface HeldLock {
  release(): void
}

/*
 * A lock is an empty file that SQLite holds in an exclusive transaction. What is held is then a lock of the kernel (of the
 * file server, on a shared file system): it is given back when its holder dies, however it dies and wherever it ran, so
 * nobody ever has to judge whether a holder lives, and no lock is ever broken. Node has no such lock of its own; SQLite
 * comes with the project's database, which needs the same locks of the same file system anyway. A socket would do it
 * within one network namespace only.
 *
 * The file holds nothing and stays: taking a lock file away is how two holders come about. What lies in it (an older
 * Millrace wrote its holder there; a power cut may leave anything) is cut off.
 */

/** Of this process: a second handle must not be opened on a file that one of ours holds. */
const held = new Map<string, DatabaseSyncInstance>()

const busyCodes: ReadonlySet<unknown> = new Set([5, 6])

const noteOf = (path: string): string => `${path}.holder`

function makeEmpty(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    if (statSync(path).size > 0) truncateSync(path, 0)
  }
}

/** Undefined while another has it. Never waits. */
async function attempt(path: string, statement: string): Promise<DatabaseSyncInstance | undefined> {
  const { DatabaseSync } = await import('@photostructure/sqlite')
  if (held.has(path)) return undefined
  makeEmpty(path)
  const before = statSync(path).ino
  let database: DatabaseSyncInstance | undefined
  try {
    database = new DatabaseSync(path, { timeout: 0 })
    // No journal: on a full disk there would be no room for one
    database.exec(`pragma journal_mode = memory; ${statement}`)
    // Whoever waits for a file that somebody replaced meanwhile waits for nothing that others wait for
    if (statSync(path, { throwIfNoEntry: false })?.ino === before) return database
  } catch (error) {
    database?.close()
    const code = (error as { errcode?: number }).errcode
    if (code !== undefined && busyCodes.has(code & 0xff)) return undefined
    throw Object.assign(error as Error, { path })
  }
  database.close()
  return undefined
}

function readHolder(path: string): LockHolder {
  try {
    const { pid, host } = JSON.parse(readFileSync(noteOf(path), 'utf8')) as Partial<Record<string, unknown>>
    if (typeof pid === 'number' && typeof host === 'string') return { pid, host }
  } catch {
    // nobody has to say who it is
  }
  return { pid: 'unknown', host: 'this or another machine' }
}

function writeNote(path: string): void {
  try {
    writeFileSync(noteOf(path), JSON.stringify(ownIdentity()), { mode: 0o600 })
  } catch {
    // a full disk takes no note, and needs none
  }
}

/**
 * Takes the lock at `path`, waiting up to `patienceMs` for whoever has it, without blocking anything else in this process.
 * Gives its holder where it was not to be had.
 */
export async function takeFileLock(given: string, patienceMs: number): Promise<HeldLock | LockHolder> {
  const path = resolve(given)
  await makeFolder(dirname(path), 0o700)
  const until = performance.now() + patienceMs
  for (let waitMs = 2; ; waitMs = Math.min(50, waitMs * 1.5)) {
    const database = await attempt(path, 'begin exclusive')
    if (database !== undefined) {
      held.set(path, database)
      writeNote(path)
      return {
        release: () => {
          if (held.get(path) !== database) return
          rmSync(noteOf(path), { force: true })
          held.delete(path)
          database.close()
        },
      }
    }
    if (performance.now() >= until) return readHolder(path)
    // At random, so that those who wait do not come together
    await new Promise(next => setTimeout(next, waitMs * (0.5 + Math.random())))
  }
}

export function isHeldLock(taken: HeldLock | LockHolder): taken is HeldLock {
  return 'release' in taken
}

/** Whether anybody has the lock now. Takes nothing and makes nothing. */
export async function isFileLocked(given: string): Promise<boolean> {
  const path = resolve(given)
  if (held.has(path)) return true
  if (statSync(path, { throwIfNoEntry: false }) === undefined) return false
  const reader = await attempt(path, 'begin; select 1 from sqlite_master')
  reader?.close()
  return reader === undefined
}

/** Does work while nobody else does, in this process or any other; `busy` says what to throw after `patienceMs`. */
export async function withFileLock<T>(
  path: string,
  busy: (holder: LockHolder) => Error,
  work: () => Promise<T>,
  patienceMs = 5_000,
): Promise<T> {
  const taken = await takeFileLock(path, patienceMs)
  if (!isHeldLock(taken)) throw busy(taken)
  try {
    return await work()
  } finally {
    taken.release()
  }
}
