import { spawn } from 'node:child_process'
import { constants, createReadStream, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { access, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { systemError, type MillraceError } from '../../../errors/index.ts'
import { compiledModule } from '../../../internal/compiled.ts'
import { ownedName, sweepFolder } from '../../../internal/leftovers.ts'
import { makeFolder, publishFile, syncFolder, writeNamed } from '../../../internal/publish.ts'
import { damagedExit, dataFile, lockFile } from './settings.ts'

const closedFile = 'closed.json'
const damagedFile = 'damaged.txt'

interface Content {
  readonly size: number
  readonly crc: number
}

async function contentOf(path: string): Promise<Content> {
  let crc = 0
  let size = 0
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    crc = crc32(chunk as Buffer, crc)
    size += (chunk as Buffer).length
  }
  return { size, crc }
}

const usersOf = (folder: string): string => join(folder, 'users')

/**
 * Counts this process among those that have the store open; from now on nobody knows what it looks like. Gives what ends
 * that. To be called, as the end is, by one process at a time.
 */
export async function beginUse(folder: string): Promise<() => Promise<void>> {
  await makeFolder(usersOf(folder), 0o700)
  await sweepFolder(usersOf(folder), () => true)
  await rm(join(folder, closedFile), { force: true, recursive: true })
  const own = join(usersOf(folder), ownedName())
  await writeNamed(own, '', { mode: 0o600 })
  return async () => {
    await rm(own, { force: true })
    await sweepFolder(usersOf(folder), () => true)
    if ((await readdir(usersOf(folder))).length > 0) return
    const content = await contentOf(join(folder, dataFile))
    await publishFile(join(folder, closedFile), JSON.stringify(content), 0o600)
  }
}

/** Whether a living process has the store open: its file must not be taken away from under it. */
export async function isInUse(folder: string): Promise<boolean> {
  await sweepFolder(usersOf(folder), () => true)
  return (await readdir(usersOf(folder)).catch(() => [])).length > 0
}

/** Leaves word that the store gave wrong answers, for who opens it next. */
export async function noteDamage(folder: string, reason: string): Promise<void> {
  await publishFile(join(folder, damagedFile), reason, 0o600).catch(() => undefined)
}

/**
 * Whether it is as the last of its users left it. Undefined where that is not known: it is in use, or whoever used it last
 * was killed.
 */
async function isAsClosed(folder: string): Promise<boolean | undefined> {
  const text = await readFile(join(folder, closedFile), 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  try {
    const noted = JSON.parse(text) as Partial<Content>
    const now = await contentOf(join(folder, dataFile))
    return noted.size === now.size && noted.crc === now.crc
  } catch {
    return undefined
  }
}

/** A store of some gigabytes is read in seconds; one that is never done is damaged. */
const longestMs = 300_000

/** What the trying process came to: damage that it names, a crash of the native library, or neither. */
type Trial = { readonly damage: string } | { readonly crash: string } | 'whole'

async function tryOnce(folder: string): Promise<Trial> {
  const program = fileURLToPath(compiledModule('./try-open.ts', import.meta.url))
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'pipe'], timeout: longestMs })
  let said = ''
  let cried = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (cried = (cried + text).slice(0, 1000)))
  const [code, signal] = await new Promise<[number | null, string | null]>((done, failed) => {
    child.once('error', failed)
    child.once('close', (...ended) => done(ended))
  })
  if (signal === 'SIGTERM') return { damage: 'reading it does not end' }
  if (code === damagedExit) return { damage: said }
  // Aborts of the native library (assertions) end in a code above 128 on some systems
  if (signal === null && (code === null || code <= 128)) return 'whole'
  const words = cried.split('\n').find(line => /\w/.test(line))
  return {
    crash: `reading it ends ${signal === null ? `with code ${code}` : `in ${signal}`}${words ? `: ${words}` : ''}`,
  }
}

/**
 * What the file system says when it takes nothing more; undefined while it does. Of a full disk LMDB and what runs it may die,
 * or speak of a device that failed.
 */
export function noRoom(folder: string): MillraceError | undefined {
  const probe = join(usersOf(folder), `room-${ownedName()}`)
  try {
    mkdirSync(usersOf(folder), { recursive: true, mode: 0o700 })
    writeFileSync(probe, Buffer.alloc(1 << 16), { mode: 0o600 })
    return undefined
  } catch (error) {
    return systemError(error, { path: folder })
  } finally {
    rmSync(probe, { force: true })
  }
}

/**
 * Why the store would end or mislead the process that opens it; undefined when another process did so and lives. A crash
 * counts as damage only where it comes again, on a disk that has room: a process can die of a full disk or of too little
 * memory as well.
 */
async function tryOpen(folder: string): Promise<string | undefined> {
  let trial = await tryOnce(folder)
  if (typeof trial === 'object' && 'crash' in trial) {
    const full = noRoom(folder)
    if (full) throw full
    trial = await tryOnce(folder)
  }
  return trial === 'whole' ? undefined : 'crash' in trial ? trial.crash : trial.damage
}

/**
 * Why the files of a store are damaged; undefined when they can be opened. Changes nothing that holds records. Throws what
 * the file system refuses.
 */
export async function whyDamaged(folder: string): Promise<string | undefined> {
  const data = join(folder, dataFile)
  // Who closed it wrote down how; pushed records that no snapshot has went with it
  if (!existsSync(data)) return existsSync(join(folder, closedFile)) ? 'it is gone' : undefined
  for (const name of [dataFile, lockFile]) {
    const found = await stat(join(folder, name)).catch(() => undefined)
    if (found !== undefined && !found.isFile()) return `${name} is no file`
  }
  // What may not be read is not damaged, and not whole either
  await access(data, constants.R_OK | constants.W_OK)
  // LMDB takes an empty file for a new store; one of ours never is
  if ((await stat(data)).size === 0) return 'it is empty'
  const noted = await readFile(join(folder, damagedFile), 'utf8').catch(() => undefined)
  if (noted !== undefined) return noted
  const same = await isAsClosed(folder)
  if (same === undefined) return tryOpen(folder)
  return same ? undefined : 'its content changed since it was closed'
}

/** Moves a damaged store out of the way and keeps it; gives where. */
export async function setAside(folder: string): Promise<string> {
  const kept = join(dirname(folder), 'set-aside', `online-${new Date().toISOString().replace(/[:.]/g, '-')}`)
  await makeFolder(kept, 0o700)
  for (const name of [dataFile, lockFile, closedFile, damagedFile])
    if (existsSync(join(folder, name))) await rename(join(folder, name), join(kept, name))
  await syncFolder(folder)
  return kept
}
