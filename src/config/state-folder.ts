import { chmodSync, mkdirSync, statSync } from 'node:fs'
import { readdir, readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../errors/index.ts'
import { isFileLocked } from '../internal/file-lock.ts'
import { isTemporary, sweepAttempts, sweepFolder } from '../internal/leftovers.ts'
import { isAlive } from '../internal/process-identity.ts'
import type { ProcessIdentity } from '../ports/executor.ts'

/** Held by the one process that serves the project, for as long as it lives. */
export const serverLock = (folder: string): string => join(folder, 'server.lock')

/** Where the server that runs has written down its address. */
export const serverFile = (folder: string): string => join(folder, 'server.json')

/** The same of servers that serve it beside each other: a lock and an address of each. */
export const serversFolder = (folder: string): string => join(folder, 'servers')

/** The process of a job, in the job's folder: while it lives the folder is in use, whoever started it. */
export const jobProcess = 'process.json'

/** What came of a job, in its folder. */
export const jobResult = 'result.json'

/** Jobs that are over stay to be looked at, the newest of them, for a day. */
const [maxEndedJobs, endedJobMs] = [500, 86_400_000]

/** A job that never came to write down its process. */
const unstartedMs = 3_600_000

/**
 * Makes the folder of a project's state and keeps it from other users: data, models and tokens lie below it. Where it
 * belongs to somebody else (a mounted volume, an image) its owner decides.
 */
export function makeStateFolder(root: string): string {
  const folder = join(root, '.millrace')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const { mode, uid } = statSync(folder)
  if ((mode & 0o077) !== 0 && uid === process.getuid?.())
    try {
      chmodSync(folder, 0o700)
    } catch {
      // some file systems know no modes, and read-only ones change none
    }
  return folder
}

/** Whether there is anything in the artifact store. */
async function hasArtifacts(folder: string): Promise<boolean> {
  const objects = join(folder, 'artifacts', 'cas', 'sha256')
  for (const shard of await readdir(objects).catch(() => []))
    if ((await readdir(join(objects, shard)).catch(() => [])).length > 0) return true
  return false
}

/**
 * SQLite takes an empty or missing file for a new database, and with an empty one throws its log away. Beside artifacts
 * that something was written down about it is damage. Throws `storeCorrupt`.
 */
export async function checkDatabase(folder: string, path: string): Promise<void> {
  const size = (await stat(path).catch(() => undefined))?.size
  if ((size ?? 0) > 0 || !(await hasArtifacts(folder))) return
  throw fail('storeEmptied', {
    path,
    how: size === undefined ? 'is gone' : 'is empty (0 bytes)',
    artifacts: join(folder, 'artifacts'),
  })
}

const ageMs = async (path: string): Promise<number> => Date.now() - (await stat(path)).mtimeMs

async function jobIsOver(folder: string): Promise<boolean> {
  if (await stat(join(folder, jobResult)).catch(() => undefined)) return true
  const text = await readFile(join(folder, jobProcess), 'utf8').catch(() => undefined)
  if (text === undefined) return (await ageMs(folder)) > unstartedMs
  try {
    return isAlive(JSON.parse(text) as ProcessIdentity) === false
  } catch {
    return (await ageMs(folder)) > unstartedMs
  }
}

/** A server that is just starting has no lock yet. */
const startingMs = 60_000

/** Their names are given once, so that nobody waits for a lock that is taken away here. */
async function sweepServers(folder: string): Promise<void> {
  for (const name of (await readdir(folder).catch(() => [])).filter(one => one.endsWith('.lock'))) {
    const lock = join(folder, name)
    try {
      if ((await ageMs(lock)) < startingMs || (await isFileLocked(lock))) continue
      for (const path of [lock, `${lock}.holder`, `${lock.slice(0, -'.lock'.length)}.json`])
        await rm(path, { force: true })
    } catch {
      // it is gone, or left to the next
    }
  }
}

const byName = (a: string, b: string): number => (a < b ? -1 : 1)

async function sweepJobs(folder: string): Promise<void> {
  let ended = 0
  // Names begin with the time at which they were given
  for (const name of (await readdir(folder).catch(() => [])).toSorted(byName).toReversed()) {
    const job = join(folder, name)
    try {
      if (!(await jobIsOver(job))) continue
      if (++ended > maxEndedJobs || (await ageMs(job)) > endedJobMs) await rm(job, { recursive: true, force: true })
    } catch {
      // another process was faster, or it is left to the next
    }
  }
}

/** Files of the engine's scratch folders and of attempts belong to runs; these hold what has an owner in its name. */
const swept = ['', 'keys', 'audit', 'ingest', 'quarantine', 'validation', 'modules', 'scratch', 'rebuilt']

/**
 * Removes what processes left that were killed: half-written files, uploads, folders of jobs, the address (and token) of a
 * server that is gone. Never what a living process uses. What cannot be removed is left to the next.
 */
export async function sweepStateFolder(root: string, folder: string): Promise<void> {
  await sweepFolder(root, name => isTemporary(name) && name.includes('millrace.lock'))
  for (const part of swept) await sweepFolder(join(folder, part), isTemporary)
  for (const dataset of await readdir(join(folder, 'log')).catch(() => []))
    await sweepFolder(join(folder, 'log', dataset), isTemporary)
  await sweepFolder(join(folder, 'uploads'), () => true)
  await sweepJobs(join(folder, 'jobs'))
  await sweepAttempts(join(folder, 'runs', 'runs'))
  await sweepServers(serversFolder(folder))
  const server = serverFile(folder)
  if ((await stat(server).catch(() => undefined)) && !(await isFileLocked(serverLock(folder)).catch(() => true)))
    await rm(server, { force: true }).catch(() => undefined)
}
