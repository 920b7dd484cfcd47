import { createPublicKey, type KeyObject } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { acceptAct, lossText } from './acceptance.ts'
import { type AnchorRecord, isSigned, type KeystoreState, type LostLog } from './anchor.ts'
import { disagreement, type HeldAnchors } from './anchors.ts'
import { checkpointsFile, notesIn, readCheckpoint, type Checkpoint } from './checkpoint.ts'
import { privateKeyFile, publicKeyFile } from './log.ts'
import { named } from '../../../internal/publish.ts'
import { formatTime } from '../../../internal/time.ts'
import { GrowingTree, leafHash } from './merkle.ts'
import { linesOf, type Line } from './segments.ts'

/** Where a verdict places what is wrong with the keystore, and not with the log. */
export const keystorePlace = 'keystore'

export interface AuditVerdict {
  readonly ok: boolean
  readonly records: number
  readonly checkpoints: number
  /** Records at the end that no checkpoint was signed for yet. */
  readonly unsigned: number
  /** What is lost, and who answers for it. */
  readonly accepted?: readonly LostLog[]
  /** The first record that is not as it was written. */
  readonly firstBad?: { readonly record: number; readonly place: string; readonly reason: string }
}

const textOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw named(error, path)
  })

const publicOf = (key: KeyObject): string => String(key.export({ format: 'pem', type: 'spki' }))

/** Files that belong to a log and are gone, or are of another one. */
async function strangerIn(
  folder: string,
  anchored: readonly AnchorRecord[],
): Promise<readonly [string, string] | undefined> {
  const [own, secret] = [await textOf(join(folder, publicKeyFile)), await textOf(join(folder, privateKeyFile))]
  if (own === undefined) return [publicKeyFile, 'it is gone']
  if (secret === undefined) return [privateKeyFile, 'it is gone']
  try {
    const key = publicOf(createPublicKey(own))
    if (anchored.some(one => one.current.publicKey !== key))
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

/** What was kept outside of the log's folder, to hold it to. */
export interface AuditEvidence {
  /** The key of the log, from elsewhere. */
  readonly publicKeyPem?: string
  /** Signed checkpoints, from elsewhere. */
  readonly notes?: readonly string[]
  /** What the places of its anchors hold. Not given: nobody looked. */
  readonly held?: HeldAnchors
  /** Anchors that a receiver kept, and where they are. */
  readonly kept?: { readonly place: string; readonly anchors: readonly AnchorRecord[] }
  /** The keystore as it is now, or why it is not known: it is gone, it cannot be read. Not given: nobody looked. */
  readonly keystore?: KeystoreState | string
}

interface AnchorPlace {
  readonly place: string
  readonly anchored: AnchorRecord
}

function anchorsIn({ held, kept }: AuditEvidence): readonly AnchorPlace[] {
  const places = held === undefined ? [] : [held.store, ...held.others]
  return [
    ...places.flatMap(({ place, anchored }) => (anchored === undefined ? [] : [{ place, anchored }])),
    ...sinceAccepted(kept?.anchors ?? []).map(anchored => ({ place: kept?.place ?? '', anchored })),
  ]
}

/** What a receiver kept is a history: anchors from before the last acceptance are of what that says is lost. */
function sinceAccepted(anchors: readonly AnchorRecord[]): readonly AnchorRecord[] {
  const count = ({ lost }: AnchorRecord) => lost.filter(one => one.accepted !== undefined).length
  const last = anchors.at(-1)
  return last === undefined ? [] : anchors.slice(anchors.findIndex(one => count(one) >= count(last)))
}

/** What is wrong with the places themselves. */
function wrongPlace(
  { held, kept }: AuditEvidence,
  anchors: readonly AnchorPlace[],
): readonly [string, string] | undefined {
  for (const { place, anchored } of anchors) {
    const { current } = anchored
    const lost = anchored.lost.find(one => one.accepted === undefined)
    if (lost !== undefined)
      return [
        place,
        `a log of ${lost.records} records, last written at ${formatTime(lost.at)}, was cut or replaced: ${lost.reason}`,
      ]
    if (place === kept?.place && !isSigned(anchored))
      return [place, `its anchor of ${current.records} records is not signed by the key that it names`]
  }
  const odd = held && disagreement(held)
  if (odd !== undefined) return [odd.place, odd.reason]
  const newest = Math.max(0, ...sinceAccepted(kept?.anchors ?? []).map(one => one.current.checkpoints))
  const store = held?.store
  if (store !== undefined && newest > (store.anchored?.signing ?? store.anchored?.current.checkpoints ?? 0))
    return [store.place, `${kept?.place ?? ''} has an anchor of checkpoint ${newest}, which is later than all it knows`]
  return undefined
}

/** The keystore is of an earlier change than one that was anchored. */
function oldKeystore(
  { keystore, kept }: AuditEvidence,
  anchors: readonly AnchorPlace[],
): readonly [string, string] | undefined {
  if (keystore === undefined) return undefined
  // What a receiver kept is a history: the last of it says how the keystore must be
  const last = kept?.anchors.at(-1)
  for (const { place, anchored } of anchors) {
    const known = anchored.current.keystore
    if (known === undefined || (place === kept?.place && anchored !== last)) continue
    if (typeof keystore === 'string') return [keystorePlace, `${keystore}; ${place} knows its change ${known.gen}`]
    if (keystore.gen < known.gen)
      return [keystorePlace, `it is of change ${keystore.gen}, ${place} knows its change ${known.gen}`]
    if (keystore.gen === known.gen && keystore.mac !== known.mac)
      return [keystorePlace, `its change ${known.gen} is not the one that ${place} knows`]
  }
  return undefined
}

/**
 * Reads the whole log: every record's number and the hash of the one before it, and every signed checkpoint. What was kept
 * elsewhere proves more than the folder can prove about itself.
 */
export async function verifyAudit(folder: string, given: AuditEvidence = {}): Promise<AuditVerdict> {
  const { held } = given
  const anchors = anchorsIn(given)
  const unused = await isUnused(folder)
  const gone = (place: string, reason: string): AuditVerdict => ({
    ok: false,
    records: 0,
    checkpoints: 0,
    unsigned: 0,
    firstBad: { record: 0, place, reason },
  })
  const unreadable = held && [held.store, ...held.others].find(one => one.unreadable !== undefined)
  if (unused && anchors.length === 0 && unreadable === undefined)
    return { ok: true, records: 0, checkpoints: 0, unsigned: 0 }
  const furthest = anchors.toSorted((x, y) => y.anchored.current.records - x.anchored.current.records)[0]
  if (unused && furthest !== undefined && furthest.anchored.lost.every(one => one.accepted !== undefined))
    return gone(
      folder,
      `the log is gone: it had ${furthest.anchored.current.records} records at ${formatTime(furthest.anchored.current.at)}, as ${furthest.place} says`,
    )
  const wrong = wrongPlace(given, anchors)
  if (wrong !== undefined) return gone(...wrong)
  const stranger = await strangerIn(
    folder,
    anchors.map(one => one.anchored),
  )
  if (stranger !== undefined) return gone(...stranger)
  const publicKey = createPublicKey(given.publicKeyPem ?? (await readFile(join(folder, publicKeyFile))))
  const own = await notesIn(folder)
  const notes = [...own, ...(given.notes ?? []), ...anchors.flatMap(one => one.anchored.current.note || [])]
  const byRecords = new Map<number, AnchorPlace[]>()
  for (const one of anchors) {
    const { records } = one.anchored.current
    byRecords.set(records, [...(byRecords.get(records) ?? []), one])
  }
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
  const said = new Set<string>()
  for await (const line of linesOf(folder)) {
    const place = `${line.segment}:${line.number}`
    const seq = tree.size
    let record: { seq?: unknown; prev?: unknown; act?: unknown; ctx?: { lost?: unknown } }
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
    if (record.act === acceptAct && Array.isArray(record.ctx?.lost))
      for (const loss of record.ctx.lost) said.add(`${seq} ${String(loss)}`)
    const leaf = leafHash(line.text)
    tree.add(leaf)
    previous = { hash: leaf.toString('hex'), line }
    for (const checkpoint of bySize.get(tree.size) ?? [])
      if (!checkpoint.root.equals(tree.root()))
        return bad(signed, place, `records ${signed} to ${seq} are not those that were signed`)
    if (bySize.has(tree.size)) signed = tree.size
    for (const one of byRecords.get(tree.size) ?? [])
      if (one.anchored.current.head !== previous.hash)
        return bad(seq, place, `it is not the record that was anchored in ${one.place}`)
  }
  const largest = Math.max(0, ...bySize.keys())
  if (largest > tree.size)
    return bad(tree.size, checkpointsFile, `${largest} records were signed, ${tree.size} are left`)
  for (const { place, anchored } of anchors) {
    const { records, checkpoints, note } = anchored.current
    if (records > tree.size)
      return bad(tree.size, folder, `${records} records were anchored in ${place}, ${tree.size} are left`)
    if (checkpoints > own.length)
      return bad(tree.size, checkpointsFile, `${checkpoints} checkpoints were signed, ${own.length} are left`)
    if (note && !own.some(one => one.trim() === note.trim()))
      return bad(tree.size, checkpointsFile, 'the last checkpoint that was signed is not there')
  }
  const store = held?.store
  if (store !== undefined && store.anchored === undefined && tree.size > 0)
    return bad(tree.size, store.place, 'it holds no anchor of this log, so nobody knows how long the log was')
  const known = store?.anchored?.signing ?? store?.anchored?.current.checkpoints
  if (store !== undefined && known !== undefined && own.length > known)
    return bad(tree.size, store.place, `its anchor is of checkpoint ${known}, the log has ${own.length}`)
  for (const { place, anchored } of anchors)
    for (const loss of anchored.lost)
      if (!said.has(`${loss.accepted?.record ?? ''} ${lossText(loss)}`))
        return bad(loss.accepted?.record ?? 0, place, 'it says that a loss was accepted, and no record of the log does')
  const old = oldKeystore(given, anchors)
  if (old !== undefined) return bad(tree.size, ...old)
  const accepted = furthest?.anchored.lost ?? []
  return {
    ok: true,
    records: tree.size,
    checkpoints: own.length,
    unsigned: tree.size - signed,
    ...(accepted.length > 0 ? { accepted } : {}),
  }
}
