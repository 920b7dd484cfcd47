import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { MetadataStore } from '../../../ports/metadata-store.ts'

/** Which change of the keystore was the last. */
export interface KeystoreState {
  /** Counts changes. */
  readonly gen: number
  /** Authentication code of the file as it was then. */
  readonly mac: string
}

/** How far a log was when it last was written: kept apart from it, so that nobody can shorten or replace it unnoticed. */
export interface Anchor {
  /** Which log it is of: a place may hold those of several. */
  readonly log: string
  readonly records: number
  /** Leaf hash of the last record, hex. */
  readonly head: string
  /** When the last record was written. */
  readonly at: number
  /** PEM of the key that signs its checkpoints. */
  readonly publicKey: string
  /** How many checkpoints were signed, and the last of them as it stands in the log's own file. */
  readonly checkpoints: number
  readonly note: string
  readonly keystore?: KeystoreState
}

/** What was anchored and is gone. */
export interface LostLog {
  readonly records: number
  readonly at: number
  readonly reason: string
  /** Somebody knows of it and answers for it, as a record of the log says. */
  readonly accepted?: AcceptedLoss
}

export interface AcceptedLoss {
  /** Number of the record that says so. */
  readonly record: number
  readonly by: string
  readonly because: string
}

/** What a place holds. */
export interface AnchorRecord {
  readonly current: Anchor
  /** Logs that were not as anchored when they were opened for writing. They stay, accepted or not: the proof is gone. */
  readonly lost: readonly LostLog[]
  /** In the metadata store: the checkpoint that is being signed. The log and other places may be as far as that. */
  readonly signing?: number
  /** In the metadata store: the other places that hold this anchor, too. */
  readonly places?: readonly string[]
  /** Elsewhere: Ed25519 over the canonical JSON of `current` and `lost`, base64. Tells a receiver who sent it. */
  readonly signature?: string
}

/** A second place of a log. */
export interface AnchorPlace {
  /** As it is told to people. */
  readonly name: string
  read(): Promise<AnchorRecord | undefined>
  write(anchored: AnchorRecord): Promise<void>
}

const signedText = ({ current, lost }: AnchorRecord): Buffer =>
  Buffer.from(canonicalJson({ current, lost } as unknown as Json))

export function signAnchored(anchored: AnchorRecord, key: KeyObject): AnchorRecord {
  return { ...anchored, signature: sign(null, signedText(anchored), key).toString('base64') }
}

/** Whether the key that the anchor names signed it. */
export function isSigned(anchored: AnchorRecord): boolean {
  try {
    const key = createPublicKey(anchored.current.publicKey)
    return verify(null, signedText(anchored), key, Buffer.from(anchored.signature ?? '', 'base64'))
  } catch {
    return false
  }
}

/** One line of JSON as an anchor. Throws where it is none. */
export function readAnchored(line: string): AnchorRecord {
  const found = JSON.parse(line) as Partial<AnchorRecord> | null
  const { records, head, log, publicKey, note, checkpoints } = found?.current ?? {}
  const whole =
    [records, checkpoints].every(Number.isSafeInteger) &&
    [head, log, publicKey, note].every(one => typeof one === 'string') &&
    Array.isArray(found?.lost)
  if (!whole) throw new TypeError('it is no anchor of an audit log')
  return found as AnchorRecord
}

const kind = 'audit-anchor'

/** In the metadata store: the one place that also knows what no checkpoint was signed for yet. */
export function anchorsInStore(
  { store, clock }: { readonly store: MetadataStore; readonly clock: Clock },
  log: string,
): AnchorPlace & { write(anchored: AnchorRecord, lasting?: boolean): Promise<void> } {
  return {
    name: 'the metadata store',
    read: async () => (await store.getDocument<Json>(kind, log))?.value as unknown as AnchorRecord | undefined,
    write: async (anchored, lasting = true) => {
      await store.putDocument(kind, log, anchored as unknown as Json, clock.now(), undefined, !lasting)
    },
  }
}
