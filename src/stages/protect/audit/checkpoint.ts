import { appendFile, readFile, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { createHash, createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { named } from '../../../internal/publish.ts'

/** What a checkpoint says: that the log of this origin had this root when it had this many records. */
export interface Checkpoint {
  readonly origin: string
  readonly size: number
  readonly root: Buffer
}

export const checkpointsFile = 'checkpoints.txt'

// A note holds one empty line itself; one more ends it.
const wholeNote = /[^\n]+\n\d+\n[^\n]+\n\n(?:—[^\n]*\n)+/g

/** Cuts what a crash left of a note that was never acknowledged, or the next one would be no note. */
export async function cutTornNote(folder: string): Promise<void> {
  const path = join(folder, checkpointsFile)
  const text = await readFile(path, 'utf8').catch(() => '')
  const last = [...text.matchAll(wholeNote)].at(-1)
  const end = last === undefined ? 0 : last.index + last[0].length
  const rest = text.slice(end)
  if (rest.trim() === '') return
  await truncate(path, Buffer.byteLength(text.slice(0, end)))
  await appendFile(path, end > 0 ? '\n' : '')
}

/** The signed notes that lie beside a log. */
export async function notesIn(folder: string): Promise<readonly string[]> {
  try {
    const text = await readFile(join(folder, checkpointsFile), 'utf8')
    return [...text.matchAll(wholeNote)].map(match => match[0])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw named(error, join(folder, checkpointsFile))
  }
}

/** Key id of a signed note: the first four bytes of SHA-256 over name, newline, algorithm 1 (Ed25519), public key. */
function keyId(origin: string, publicKey: KeyObject): Buffer {
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)
  return createHash('sha256').update(`${origin}\n`).update(Buffer.of(1)).update(raw).digest().subarray(0, 4)
}

function bodyOf({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** A C2SP tlog-checkpoint: a signed note that witnesses can co-sign. */
export function signCheckpoint(checkpoint: Checkpoint, key: KeyObject): string {
  const body = bodyOf(checkpoint)
  const signature = Buffer.concat([keyId(checkpoint.origin, createPublicKey(key)), sign(null, Buffer.from(body), key)])
  return `${body}\n— ${checkpoint.origin} ${signature.toString('base64')}\n`
}

/** The checkpoint of a note that this key signed, or undefined. */
export function readCheckpoint(note: string, publicKey: KeyObject): Checkpoint | undefined {
  const match = /^([^\n]+)\n(\d+)\n([A-Za-z0-9+/=]+)\n\n([\s\S]*)$/.exec(note)
  if (match === null) return undefined
  const [, origin = '', size, root = '', signatures = ''] = match
  const checkpoint = { origin, size: Number(size), root: Buffer.from(root, 'base64') }
  const id = keyId(origin, publicKey)
  for (const line of signatures.split('\n')) {
    const [dash, name, encoded = ''] = line.split(' ')
    const bytes = Buffer.from(encoded, 'base64')
    if (dash !== '—' || name !== origin || !bytes.subarray(0, 4).equals(id)) continue
    if (verify(null, Buffer.from(bodyOf(checkpoint)), publicKey, bytes.subarray(4))) return checkpoint
  }
  return undefined
}
