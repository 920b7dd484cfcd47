import { createPublicKey, type KeyObject } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Anchored } from './anchor.ts'
import { checkpointsFile, notesIn, readCheckpoint, type Checkpoint } from './checkpoint.ts'
import { privateKeyFile, publicKeyFile } from './log.ts'
import { formatTime } from '../../../internal/time.ts'
import { GrowingTree, leafHash } from './merkle.ts'
import { linesOf, type Line } from './segments.ts'

export interface AuditVerdict {
  readonly ok: boolean
  readonly records: number
  readonly checkpoints: number
  /** Records at the end that no checkpoint was signed for yet. */
  readonly unsigned: number
  /** The first record that is not as it was written. */
  readonly firstBad?: { readonly record: number; readonly place: string; readonly reason: string }
}

const textOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })

const publicOf = (key: KeyObject): string => String(key.export({ format: 'pem', type: 'spki' }))

/** Files that belong to a log and are gone, or are of another one. */
async function strangerIn(
  folder: string,
  anchored: Anchored | undefined,
): Promise<readonly [string, string] | undefined> {
  const [own, secret] = [await textOf(join(folder, publicKeyFile)), await textOf(join(folder, privateKeyFile))]
  if (own === undefined) return [publicKeyFile, 'it is gone']
  if (secret === undefined) return [privateKeyFile, 'it is gone']
  try {
    const key = publicOf(createPublicKey(own))
    if (anchored !== undefined && key !== anchored.current.publicKey)
      return [publicKeyFile, 'it is not the key that was anchored']
    if (publicOf(createPublicKey(secret)) !== key) return [privateKeyFile, `it does not belong to ${publicKeyFile}`]
  } catch {
    return [publicKeyFile, 'a key file holds no key']
  }
  return undefined
}

/** No log was ever kept here. */
async function isUnused(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return !names.some(name => name.endsWith('.jsonl') || name === checkpointsFile || name.startsWith('checkpoint-key'))
}

/**
 * Reads the whole log: every record's number and the hash of the one before it, and every signed checkpoint.
 * `anchored` (what a second place holds; null: it holds nothing) proves more than the folder can prove about itself.
 */
export async function verifyAudit(
  folder: string,
  given: {
    readonly publicKeyPem?: string
    readonly anchors?: readonly string[]
    readonly anchored?: Anchored | null
  } = {},
): Promise<AuditVerdict> {
  const anchored = given.anchored ?? undefined
  const anchor = anchored?.current
  if ((await isUnused(folder)) && anchored === undefined) return { ok: true, records: 0, checkpoints: 0, unsigned: 0 }
  const gone = (record: number, place: string, reason: string): AuditVerdict => ({
    ok: false,
    records: 0,
    checkpoints: 0,
    unsigned: 0,
    firstBad: { record, place, reason },
  })
  const lost = anchored?.lost[0]
  if (lost !== undefined)
    return gone(
      0,
      folder,
      `a log of ${lost.records} records, last written at ${formatTime(lost.at)}, was cut or replaced`,
    )
  if (anchor !== undefined && (await isUnused(folder)))
    return gone(0, folder, `the log is gone: it had ${anchor.records} records at ${formatTime(anchor.at)}`)
  const stranger = await strangerIn(folder, anchored)
  if (stranger !== undefined) return gone(0, ...stranger)
  const publicKey = createPublicKey(given.publicKeyPem ?? (await readFile(join(folder, publicKeyFile))))
  const own = await notesIn(folder)
  const notes = [...own, ...(given.anchors ?? []), ...(anchor?.note ? [anchor.note] : [])]
  const bySize = new Map<number, Checkpoint[]>()
  const tree = new GrowingTree()
  const bad = (record: number, place: string, reason: string): AuditVerdict => ({
    ok: false,
    records: tree.size,
    checkpoints: own.length,
    unsigned: 0,
    firstBad: { record, place, reason },
  })
  for (const note of notes) {
    const checkpoint = readCheckpoint(note, publicKey)
    if (checkpoint === undefined)
      return bad(tree.size, checkpointsFile, 'a checkpoint is not signed by the key of this log')
    bySize.set(checkpoint.size, [...(bySize.get(checkpoint.size) ?? []), checkpoint])
  }
  let previous: { readonly hash: string; readonly line: Line } | undefined
  let signed = 0
  for await (const line of linesOf(folder)) {
    const place = `${line.segment}:${line.number}`
    const seq = tree.size
    let record: { seq?: unknown; prev?: unknown }
    try {
      record = JSON.parse(line.text) as typeof record
    } catch {
      return bad(seq, place, 'it is no JSON')
    }
    if (record.seq !== seq) return bad(seq, place, `record ${seq} is missing: here stands ${String(record.seq)}`)
    if (record.prev !== (previous?.hash ?? ''))
      return bad(
        Math.max(0, seq - 1),
        previous === undefined ? place : `${previous.line.segment}:${previous.line.number}`,
        'its hash is not the one that the next record holds',
      )
    const leaf = leafHash(line.text)
    tree.add(leaf)
    previous = { hash: leaf.toString('hex'), line }
    for (const checkpoint of bySize.get(tree.size) ?? [])
      if (!checkpoint.root.equals(tree.root()))
        return bad(signed, place, `records ${signed} to ${seq} are not those that were signed`)
    if (bySize.has(tree.size)) signed = tree.size
    if (tree.size === anchor?.records && previous.hash !== anchor.head)
      return bad(seq, place, 'it is not the record that was anchored')
  }
  const largest = Math.max(0, ...bySize.keys())
  if (largest > tree.size)
    return bad(tree.size, checkpointsFile, `${largest} records were signed, ${tree.size} are left`)
  if (anchor !== undefined && anchor.records > tree.size)
    return bad(tree.size, folder, `${anchor.records} records were anchored, ${tree.size} are left`)
  if (anchor !== undefined && anchor.checkpoints > own.length)
    return bad(tree.size, checkpointsFile, `${anchor.checkpoints} checkpoints were signed, ${own.length} are left`)
  if (anchor?.note && !own.some(note => note.trim() === anchor.note.trim()))
    return bad(tree.size, checkpointsFile, 'the last checkpoint that was signed is not there')
  if (given.anchored === null && tree.size > 0)
    return bad(tree.size, 'metadata store', 'it holds no anchor of this log, so nobody knows how long the log was')
  return { ok: true, records: tree.size, checkpoints: own.length, unsigned: tree.size - signed }
}
