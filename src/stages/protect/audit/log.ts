import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { open, readdir, readFile, rename, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../errors/catalogue.ts'
import { systemError } from '../../../errors/system.ts'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'
import { withFileLock, type LockHolder } from '../../../internal/file-lock.ts'
import { ulid } from '../../../internal/ids.ts'
import { ownIdentity } from '../../../internal/process-identity.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { makeFolder, named, publishFile, syncFolder } from '../../../internal/publish.ts'
import type { Clock } from '../../../ports/clock.ts'
import { acceptAct, lossText, type Acceptance } from './acceptance.ts'
import type { Anchor, KeystoreState } from './anchor.ts'
import { type AnchorPlaces, Anchors, type HeldAnchors, heldAnchors } from './anchors.ts'
import { checkpointsFile, cutTornNote, notesIn, signCheckpoint } from './checkpoint.ts'
import { GrowingTree, leafHash } from './merkle.ts'
import { anchorsOf, lossOf, pemOf, readFrom, readLog, type Position } from './position.ts'
import { cutTornTail, segmentName, segmentsOf } from './segments.ts'

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
  /** Writes down that somebody answers for what is lost of it, besides what was found just now; it goes on from here. */
  accept(acceptance: Acceptance): Promise<void>
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

interface WaitingEvent {
  readonly event: AuditEvent
  readonly resolve: (seq: number) => void
  readonly reject: (error: unknown) => void
}

/** Several processes of a project append to one log, one after another. */
export function withAuditLock<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const busy = (holder: LockHolder): Error =>
    new Error(`process ${holder.pid} on ${holder.host} has been writing to it for five seconds`)
  return withFileLock(join(folder, 'log.lock'), busy, work)
}

/** Moves all files of a log to a folder beside its own, whose path it gives; the next record begins a new log. */
export function setLogAside(folder: string): Promise<string> {
  return withAuditLock(folder, async () => {
    const aside = `${folder}-set-aside-${ulid()}`
    await makeFolder(aside, 0o700)
    for (const name of await readdir(folder))
      if (!name.startsWith('log.lock')) await rename(join(folder, name), join(aside, name))
    await syncFolder(aside)
    await syncFolder(folder)
    return aside
  })
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
  #waiting: WaitingEvent[] = []
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

  async accept({ by, because, found, setAside }: Acceptance): Promise<void> {
    const { clock, folder } = this.#options
    const anchors = this.#anchors
    const open = (await anchors?.open()) ?? []
    const lost =
      open.length > 0 || found === undefined ? open : [{ records: this.#tree.size, at: clock.now(), reason: found }]
    const record = await this.append({
      actor: { sub: by, kind: 'principal' },
      act: acceptAct,
      res: 'audit log',
      ctx: { because, lost: lost.map(lossText), ...(setAside === undefined ? {} : { setAside }) },
      effect: 'allow',
    })
    await withAuditLock(folder, async () => {
      await this.#catchUp()
      const note = await this.#sign()
      // the log itself says how many checkpoints there are: former anchors count others
      const checkpoints = (await notesIn(folder)).length
      await anchors?.accept({ record, by, because }, lost, { ...(await this.#position()), checkpoints, note })
    })
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
      const position = await readLog(folder, last, held)
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
