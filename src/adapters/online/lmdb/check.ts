import { spawn } from 'node:child_process'
import { createReadStream, existsSync } from 'node:fs'
import { readFile, rename, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { crc32 } from 'node:zlib'
import { compiledModule } from '../../../internal/compiled.ts'
import { makeFolder, publishFile, syncFolder } from '../../../internal/publish.ts'
import { damagedExit, dataFile, lockFile } from './settings.ts'

const closedFile = 'closed.json'

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

/** Writes down what the store looks like, so that who opens it next knows it again. */
export async function noteClosed(folder: string): Promise<void> {
  try {
    const content = await contentOf(join(folder, dataFile))
    await publishFile(join(folder, closedFile), JSON.stringify(content), 0o600)
  } catch {
    // the next one then looks closer
  }
}

async function isAsClosed(folder: string): Promise<boolean> {
  try {
    const noted = JSON.parse(await readFile(join(folder, closedFile), 'utf8')) as Partial<Content>
    if (noted.size !== (await stat(join(folder, dataFile))).size) return false
    return noted.crc === (await contentOf(join(folder, dataFile))).crc
  } catch {
    return false
  }
}

/** A store of some gigabytes is read in seconds; one that is never done is damaged. */
const longestMs = 300_000

/** Why the store would end or mislead the process that opens it; undefined when another process did so and lives. */
async function tryOpen(folder: string): Promise<string | undefined> {
  const program = fileURLToPath(compiledModule('./try-open.ts', import.meta.url))
  const child = spawn(process.execPath, [program, folder], { stdio: ['ignore', 'pipe', 'ignore'], timeout: longestMs })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const [code, signal] = await new Promise<[number | null, string | null]>((done, failed) => {
    child.once('error', failed)
    child.once('close', (...ended) => done(ended))
  })
  if (signal !== null) return signal === 'SIGTERM' ? 'reading it does not end' : `reading it ends in ${signal}`
  // Aborts of the native library (assertions) end in a code above 128 on some systems
  if (code === damagedExit) return said
  return code !== null && code > 128 ? `reading it ends with code ${code}` : undefined
}

/** Why the files of a store are damaged; undefined when they can be opened. Changes nothing that holds records. */
export async function whyDamaged(folder: string): Promise<string | undefined> {
  const data = join(folder, dataFile)
  if (!existsSync(data)) return undefined
  // LMDB takes an empty file for a new store; one of ours never is
  if ((await stat(data)).size === 0) return 'it is empty'
  return (await isAsClosed(folder)) ? undefined : tryOpen(folder)
}

/** Moves a damaged store out of the way and keeps it; gives where. */
export async function setAside(folder: string): Promise<string> {
  const kept = join(dirname(folder), 'set-aside', `online-${new Date().toISOString().replace(/[:.]/g, '-')}`)
  await makeFolder(kept, 0o700)
  for (const name of [dataFile, lockFile, closedFile])
    if (existsSync(join(folder, name))) await rename(join(folder, name), join(kept, name))
  await syncFolder(folder)
  return kept
}
