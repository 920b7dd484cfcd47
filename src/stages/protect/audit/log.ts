import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { open, readFile, stat, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../../errors/catalogue.ts'
import { canonicalJson, type Json } from '../../../internal/canonical-json.ts'
import { withFileLock, type LockHolder } from '../../../internal/file-lock.ts'
import { ownIdentity } from '../../../internal/process-identity.ts'
import { makeFolder, publishFile, syncFolder } from '../../../internal/publish.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { Anchor, AnchorPlace } from './anchor.ts'
import { checkpointsFile, notesIn, signCheckpoint } from './checkpoint.ts'
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
  readonly anchors?: AnchorPlace
  /** Bytes after which a new segment is begun. Default 16 MiB. */
  readonly segmentBytes?: number
}

export const publicKeyFile = 'checkpoint-key.pub'
export const privateKeyFile = 'checkpoint-key.pem'

async function signingKey(folder: string): Promise<KeyObject> {
  try {
    return createPrivateKey(await readFile(join(folder, privateKeyFile)))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
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
  /** Leaf hash of the last record that was anchored; empty where there is no such record. */
  readonly anchored: string
}

/** Several processes of a project append to one log, one after another. */
function locked<T>(folder: string, work: () => Promise<T>): Promise<T> {
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

  constructor(options: AuditOptions, key: KeyObject, { tree, previous, segment, bytes, signed }: Position) {
    this.#options = options
    this.#key = key
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
        const first = await locked(this.#options.folder, async () => {
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

  /** Under the log's lock, so that an anchor never goes back. */
  async #anchor(note?: string): Promise<void> {
    const { anchors, clock } = this.#options
    if (anchors === undefined) return
    const known = await anchors.read()
    const current: Anchor = {
      records: this.#tree.size,
      head: this.#previous,
      at: clock.now(),
      publicKey: String(createPublicKey(this.#key).export({ format: 'pem', type: 'spki' })),
      checkpoints: (known?.current.checkpoints ?? 0) + (note === undefined ? 0 : 1),
      note: note ?? known?.current.note ?? '',
    }
    await anchors.write({ current, lost: known?.lost ?? [] }, note !== undefined)
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
    await this.#anchor()
  }

  checkpoint(): Promise<string> {
    return locked(this.#options.folder, async () => {
      await this.#catchUp()
      return this.#sign()
    })
  }

  async #sign(): Promise<string> {
    const { folder, instance } = this.#options
    const size = this.#tree.size
    const note = signCheckpoint({ origin: `millrace/${instance}/audit`, size, root: this.#tree.root() }, this.#key)
    const file = await open(join(folder, checkpointsFile), 'a', 0o600)
    try {
      await file.appendFile(`${note}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
    this.#signed = size
    await this.#anchor(`${note}`)
    return note
  }

  async close(): Promise<void> {
    await this.#writing
    clearTimeout(this.#timer)
    if (this.#tree.size > this.#signed && this.#broken === undefined) await this.checkpoint()
    await this.#file?.close()
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

async function read(folder: string, last: string | undefined, anchor: Anchor | undefined): Promise<Position> {
  const tree = new GrowingTree()
  let [previous, anchored] = ['', '']
  for await (const line of linesOf(folder)) {
    const leaf = leafHash(line.text)
    previous = leaf.toString('hex')
    tree.add(leaf)
    if (tree.size === anchor?.records) anchored = previous
  }
  const signed = Math.max(0, ...(await notesIn(folder)).map(note => Number(note.split('\n')[1])))
  const bytes = last === undefined ? 0 : (await stat(join(folder, last))).size
  return { tree, previous, anchored, signed, segment: last === undefined ? 1 : Number(last.slice(0, 8)), bytes }
}

/** What of an anchored log is not here any more. */
function lossOf(anchor: Anchor, { tree, anchored }: Position, key: KeyObject): string | undefined {
  if (tree.size < anchor.records) return `${anchor.records} records were anchored, ${tree.size} are left`
  if (anchor.records > 0 && anchored !== anchor.head)
    return `record ${anchor.records - 1} is not the one that was anchored`
  if (String(createPublicKey(key).export({ format: 'pem', type: 'spki' })) !== anchor.publicKey)
    return 'the key that signs it is another one'
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
    const { log, torn, last, lost } = await locked(folder, async () => {
      const known = await options.anchors?.read()
      const key = await signingKey(folder)
      const last = (await segmentsOf(folder)).at(-1)
      const torn = last === undefined ? 0 : await cutTornTail(join(folder, last))
      const position = await read(folder, last, known?.current)
      const lost = known === undefined ? undefined : lossOf(known.current, position, key)
      // Kept for good, or the next record would write over it
      if (known !== undefined && lost !== undefined)
        await options.anchors?.write(
          {
            current: { ...known.current, records: 0, head: '', checkpoints: 0, note: '' },
            lost: [...known.lost, known.current],
          },
          true,
        )
      return { log: new FileAuditLog(options, key, position), torn, last, lost }
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
    throw fail('auditUnwritable', { path: folder, reason: (error as Error).message }, error)
  }
}
