import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { open, readFile, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../errors/catalogue.ts'
import { systemError } from '../../../errors/system.ts'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'
import { withFileLock, type LockHolder } from '../../../internal/file-lock.ts'
import { ownIdentity } from '../../../internal/process-identity.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { makeFolder, named, publishFile, syncFolder } from '../../../internal/publish.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Anchor, KeystoreState } from './anchor.ts'
import { type AnchorPlaces, Anchors, disagreement, type HeldAnchors, heldAnchors } from './anchors.ts'
import { checkpointsFile, cutTornNote, notesIn, signCheckpoint } from './checkpoint.ts'
import { GrowingTree, leafHash } from './merkle.ts'
import { cutTornTail, linesOf, segmentName, segmentsOf } from './segments.ts'

/** What somebody did, or was not let do. No secret belongs in it. */
export interface AuditEvent {
  readonly actor: { readonly sub: string; readonly kind: string; readonly ip?: string }
  /** `keys.unwrap`, `models.promote`, … */
  readonly act: string
  /** What it was done to. */
  readonly res: string
  readonly ctx?: Readonly<Record<string, Json>>
  readonly effect: 'allow' | 'deny'
  readonly rule?: string
}

export interface AuditLog {
  /** Resolves with the record's number when it is on the disk. Privileged work waits for that. */
  append(event: AuditEvent): Promise<number>
  /** Signs the log as it stands now. */
  checkpoint(): Promise<string>
  close(): Promise<void>
}

export interface AuditOptions {
  readonly folder: string
  /** Name of this installation. */
  readonly instance: string
  readonly clock: Clock
  /** Records between signed checkpoints. Default 64. */
  readonly checkpointEvery?: number
  /** Milliseconds that a record waits for its checkpoint at most, while the process lives. Default 10,000. */
  readonly checkpointAfterMs?: number
  /** Where it is anchored outside of its folder. */
  readonly anchors?: AnchorPlaces
  /** How the keystore is now: that is anchored, too. */
  readonly keystore?: () => Promise<KeystoreState | undefined>
  /** Bytes after which a new segment is begun. Default 16 MiB. */
  readonly segmentBytes?: number
}

export const publicKeyFile = 'checkpoint-key.pub'
export const privateKeyFile = 'checkpoint-key.pem'

async function signingKey(folder: string): Promise<KeyObject> {
  const path = join(folder, privateKeyFile)
  try {
    const pem = await readFile(path)
    try {
      return createPrivateKey(pem)
    } catch (error) {
      throw new Error(`${path} holds no key`, { cause: error })
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw named(error, path)
    const { privateKey } = generateKeyPairSync('ed25519')
    const pem = createPublicKey(privateKey).export({ format: 'pem', type: 'spki' })
    await publishFile(join(folder, publicKeyFile), pem, 0o600)
    await publishFile(join(folder, privateKeyFile), privateKey.export({ format: 'pem', type: 'pkcs8' }), 0o600)
    return privateKey
  }
}

interface Waiting {
  readonly event: AuditEvent
  readonly resolve: (seq: number) => void
  readonly reject: (error: unknown) => void
}

/** How far a log was read. */
interface Position {
  readonly tree: GrowingTree
  /** Leaf hash of the last record. */
  readonly previous: string
  readonly segment: number
  readonly bytes: number
  /** Records that a checkpoint was signed for. */
  readonly signed: number
  /** Checkpoints beside it. */
  readonly checkpoints: number
  /** Leaf hashes of the last records that were anchored, by how many records there were. */
  readonly heads: ReadonlyMap<number, string>
}

/** Several processes of a project append to one log, one after another. */
export function withAuditLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const busy = (holder: LockHolder): Error =>
    new Error(`process ${holder.pid} on ${holder.host} has been writing to it for five seconds`)
  return withFileLock(join(folder, 'log.lock'), busy, work)
}

class FileAuditLog implements AuditLog {
  readonly #options: AuditOptions
  readonly #key: KeyObject
  readonly #tree: GrowingTree
  #previous: string
  #segment: number
  #file: FileHandle | undefined
  /** Bytes of the segment that are in the tree: what is beyond them another process wrote. */
  #bytes: number
  #signed: number
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #broken: unknown
  #timer: NodeJS.Timeout | undefined
  readonly #anchors: Anchors | undefined

  constructor(
    options: AuditOptions,
    key: KeyObject,
    anchors: Anchors | undefined,
    { tree, previous, segment, bytes, signed }: Position,
  ) {
    this.#options = options
    this.#key = key
    this.#anchors = anchors
    this.#tree = tree
    this.#previous = previous
    this.#segment = segment
    this.#bytes = bytes
    this.#signed = signed
  }

  /** Records that no checkpoint was signed for. */
  get unsigned(): number {
    return this.#tree.size - this.#signed
  }

  append(event: AuditEvent): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ event, resolve, reject })
      this.#writing ??= this.#writeAll()
    })
  }

  /** Whatever came while the last batch was being synced is one batch. */
  async #writeAll(): Promise<void> {
    // Those who ask in the same turn go together.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0)
      try {
        if (this.#broken !== undefined) throw this.#broken
        const first = await withAuditLock(this.#options.folder, async () => {
          await this.#catchUp()
          const size = this.#tree.size
          await this.#writeBatch(batch.map(one => one.event))
          return size
        })
        batch.forEach((one, i) => one.resolve(first + i))
        if (this.unsigned >= (this.#options.checkpointEvery ?? 64)) await this.checkpoint()
        else this.#signSoon()
      } catch (error) {
        // After a failed write or sync nobody knows what is on the disk: opening the log again finds out.
        this.#broken ??= error
        const reason = (error as Error).message
        for (const one of batch) one.reject(fail('auditUnwritable', { path: this.#options.folder, reason }, error))
      }
    }
    // In the same turn as the last look at what waits: nobody can come in between.
    this.#writing = undefined
  }

  /** Whoever cuts off what is not signed yet has so long for it. */
  #signSoon(): void {
    if (this.#timer !== undefined) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      if (this.unsigned === 0) return
      this.checkpoint().catch((error: unknown) => {
        this.#broken ??= error
      })
    }, this.#options.checkpointAfterMs ?? 10_000)
    this.#timer.unref()
  }

  /** What is anchored now, but for the checkpoint. */
  async #position(): Promise<Omit<Anchor, 'checkpoints' | 'note'>> {
    const { anchors, clock, keystore } = this.#options
    const state = await keystore?.()
    return {
      log: anchors?.log ?? '',
      records: this.#tree.size,
      head: this.#previous,
      at: clock.now(),
      publicKey: pemOf(this.#key),
      ...(state ? { keystore: state } : {}),
    }
  }

  /** Takes in what other processes wrote since. */
  async #catchUp(): Promise<void> {
    const { folder } = this.#options
    for (;;) {
      const text = await readFrom(join(folder, segmentName(this.#segment)), this.#bytes)
      for (const line of text.split('\n'))
        if (line !== '') {
          const leaf = leafHash(line)
          this.#previous = leaf.toString('hex')
          this.#tree.add(leaf)
        }
      this.#bytes += Buffer.byteLength(text)
      if (!(await segmentsOf(folder)).includes(segmentName(this.#segment + 1))) return
      await this.#file?.close()
      this.#file = undefined
      this.#segment++
      this.#bytes = 0
    }
  }

  async #writeBatch(events: readonly AuditEvent[]): Promise<void> {
    const { clock, folder, segmentBytes = 16 << 20 } = this.#options
    const lines: string[] = []
    const leaves: Buffer[] = []
    let previous = this.#previous
    for (const event of events) {
      const seq = this.#tree.size + lines.length
      const record = { v: 1, seq, ts: clock.now(), boot: ownIdentity().bootId, ...event, prev: previous }
      const line = canonicalJson(record as unknown as Json)
      const leaf = leafHash(line)
      previous = leaf.toString('hex')
      lines.push(line)
      leaves.push(leaf)
    }
    if (this.#file === undefined || this.#bytes > segmentBytes) {
      if (this.#bytes > segmentBytes) {
        await this.#file?.close()
        this.#segment++
        this.#bytes = 0
      }
      this.#file = await open(join(folder, segmentName(this.#segment)), 'a', 0o600)
      await syncFolder(folder)
    }
    const bytes = Buffer.from(`${lines.join('\n')}\n`)
    await this.#file.appendFile(bytes)
    await this.#file.datasync()
    this.#bytes += bytes.length
    this.#previous = previous
    for (const leaf of leaves) this.#tree.add(leaf)
    await this.#anchors?.advance(await this.#position())
  }

  checkpoint(): Promise<string> {
    return withAuditLock(this.#options.folder, async () => {
      await this.#catchUp()
      return this.#sign()
    })
  }

  async #sign(): Promise<string> {
    const { folder, instance } = this.#options
    const size = this.#tree.size
    const number = await this.#anchors?.intend(async () => (await notesIn(folder)).length)
    const note = signCheckpoint({ origin: `millrace/${instance}/audit`, size, root: this.#tree.root() }, this.#key)
    const file = await open(join(folder, checkpointsFile), 'a', 0o600)
    try {
      await file.appendFile(`${note}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
    this.#signed = size
    if (number !== undefined) await this.#anchors?.signed({ ...(await this.#position()), checkpoints: number, note })
    return note
  }

  /** Keeps it for good that the log is not as it was anchored. Under the lock. */
  async lose(reason: string, held: HeldAnchors | undefined): Promise<void> {
    const former = anchorsOf(held).toSorted((a, b) => b.records - a.records)[0]
    const { clock } = this.#options
    await this.#anchors?.lose(
      { records: former?.records ?? this.#tree.size, at: former?.at ?? clock.now(), reason },
      { ...(await this.#position()), records: 0, head: '', checkpoints: 0, note: '' },
    )
  }

  async close(): Promise<void> {
    await this.#writing
    clearTimeout(this.#timer)
    try {
      if (this.#tree.size > this.#signed && this.#broken === undefined) await this.checkpoint()
    } catch (error) {
      throw fail('auditUnwritable', { path: this.#options.folder, reason: messageOf(error) }, error)
    } finally {
      await this.#file?.close()
      await this.#anchors?.close()
    }
  }
}

async function readFrom(path: string, offset: number): Promise<string> {
  try {
    const handle = await open(path, 'r')
    try {
      const { size } = await handle.stat()
      const length = Math.max(0, size - offset)
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, offset)
      return buffer.toString('utf8', 0, bytesRead)
    } finally {
      await handle.close()
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

const pemOf = (key: KeyObject): string => String(createPublicKey(key).export({ format: 'pem', type: 'spki' }))

const anchorsOf = (held: HeldAnchors | undefined): readonly Anchor[] =>
  held === undefined ? [] : [held.store, ...held.others].flatMap(one => one.anchored?.current ?? [])

async function read(folder: string, last: string | undefined, held: HeldAnchors | undefined): Promise<Position> {
  const tree = new GrowingTree()
  const wanted = new Set(anchorsOf(held).map(anchor => anchor.records))
  const heads = new Map<number, string>()
  let previous = ''
  for await (const line of linesOf(folder)) {
    const leaf = leafHash(line.text)
    previous = leaf.toString('hex')
    tree.add(leaf)
    if (wanted.has(tree.size)) heads.set(tree.size, previous)
  }
  const notes = await notesIn(folder)
  const signed = Math.max(0, ...notes.map(note => Number(note.split('\n')[1])))
  const bytes = last === undefined ? 0 : (await stat(join(folder, last))).size
  const segment = last === undefined ? 1 : Number(last.slice(0, 8))
  return { tree, previous, heads, signed, checkpoints: notes.length, segment, bytes }
}

/** What of an anchored log is not here any more, or what of its anchors. */
function lossOf(held: HeldAnchors, { tree, heads, checkpoints }: Position, key: KeyObject): string | undefined {
  for (const anchor of anchorsOf(held)) {
    if (tree.size < anchor.records) return `${anchor.records} records were anchored, ${tree.size} are left`
    if (anchor.records > 0 && heads.get(anchor.records) !== anchor.head)
      return `record ${anchor.records - 1} is not the one that was anchored`
    if (pemOf(key) !== anchor.publicKey) return 'the key that signs it is another one'
  }
  const odd = disagreement(held)
  if (odd !== undefined) return `${odd.place}: ${odd.reason}`
  if (held.store.anchored === undefined && (tree.size > 0 || checkpoints > 0))
    return `${held.store.place} held no anchor of it`
  return undefined
}

/**
 * Opens (or makes) the audit log in a folder; several processes may have it open and take turns. A line that a crash cut
 * is removed, which the log then records. Throws `auditUnwritable`.
 */
export async function openAudit(options: AuditOptions): Promise<AuditLog> {
  const { folder } = options
  try {
    await makeFolder(folder, 0o700)
    const { log, torn, last, lost } = await withAuditLock(folder, async () => {
      const held = options.anchors && (await heldAnchors(options.anchors))
      const unread = held && [held.store, ...held.others].find(one => one.unreadable !== undefined)
      if (unread) throw new Error(`its anchor in ${unread.place} cannot be read: ${unread.unreadable ?? ''}`)
      const key = await signingKey(folder)
      const last = (await segmentsOf(folder)).at(-1)
      const torn = last === undefined ? 0 : await cutTornTail(join(folder, last))
      await cutTornNote(folder)
      const position = await read(folder, last, held)
      const anchors = options.anchors && held && new Anchors(options.anchors, key, held)
      const reason = held && lossOf(held, position, key)
      const log = new FileAuditLog(options, key, anchors, position)
      if (reason !== undefined) await log.lose(reason, held)
      else if (held !== undefined) await anchors?.settle(held, position.checkpoints)
      return { log, torn, last, lost: reason }
    })
    const actor = { sub: 'millrace', kind: 'system' }
    if (lost !== undefined)
      await log.append({ actor, act: 'audit.gap', res: folder, ctx: { reason: lost }, effect: 'allow' })
    if (torn > 0) {
      await log.append({ actor, act: 'audit.repair', res: last ?? '', ctx: { droppedBytes: torn }, effect: 'allow' })
    }
    // What a killed process left unsigned waits no longer
    if (log.unsigned > 0) await log.checkpoint()
    return log
  } catch (error) {
    throw fail('auditUnwritable', { path: folder, reason: messageOf(systemError(error) ?? error) }, error)
  }
}
