import { createPublicKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { readCheckpoint, type Checkpoint } from './checkpoint.ts'
import { checkpointsFile, publicKeyFile } from './log.ts'
import { GrowingTree, leafHash } from './merkle.ts'
import { linesOf, type Line } from './segments.ts'

export interface AuditVerdict {
  readonly ok: boolean
  readonly records: number
  readonly checkpoints: number
  /** The first record that is not as it was written. */
  readonly firstBad?: { readonly record: number; readonly place: string; readonly reason: string }
}

async function notesIn(folder: string): Promise<readonly string[]> {
  try {
    const text = await readFile(join(folder, checkpointsFile), 'utf8')
    // A note holds one empty line itself; one more ends it.
    return [...text.matchAll(/[^\n]+\n\d+\n[^\n]+\n\n(?:—[^\n]*\n)+/g)].map(match => match[0])
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
}

/**
 * Reads the whole log: every record's number and the hash of the one before it, and every signed checkpoint.
 * `publicKeyPem` and `anchors` (notes kept elsewhere) prove more than the folder can prove about itself.
 */
export async function verifyAudit(
  folder: string,
  given: { readonly publicKeyPem?: string; readonly anchors?: readonly string[] } = {},
): Promise<AuditVerdict> {
  const publicKey = createPublicKey(given.publicKeyPem ?? (await readFile(join(folder, publicKeyFile))))
  const notes = [...(await notesIn(folder)), ...(given.anchors ?? [])]
  const bySize = new Map<number, Checkpoint[]>()
  const tree = new GrowingTree()
  const bad = (record: number, place: string, reason: string): AuditVerdict => ({
    ok: false,
    records: tree.size,
    checkpoints: notes.length,
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
  }
  const largest = Math.max(0, ...bySize.keys())
  if (largest > tree.size)
    return bad(tree.size, checkpointsFile, `${largest} records were signed, ${tree.size} are left`)
  return { ok: true, records: tree.size, checkpoints: notes.length }
}
