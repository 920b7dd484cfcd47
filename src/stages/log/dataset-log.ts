import { open, rename, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import type { Dataset } from '../../define/dataset.ts'
import { fail } from '../../errors/index.ts'
import { checkedLine, readCheckedLines } from '../../internal/checked-lines.ts'
import { withFileLock } from '../../internal/file-lock.ts'
import { makeFolder, named, publishFile, syncFolder } from '../../internal/publish.ts'
import type { Micros } from '../../internal/time.ts'
import type { Clock } from '../../ports/clock.ts'
import type { Row } from '../../ports/data-engine.ts'
import { encodeKey } from './keys.ts'
import { chunksFrom, segmentName, segmentsIn, versionsOf, type Frame } from './segments.ts'
import { readStored, sameRow, storedRow } from './stored-row.ts'
import type { RowVersion } from './row-version.ts'

/** A row as it is to be appended. */
export interface Arrival {
  readonly row: Row
  readonly known?: Micros
  readonly gone?: true
}

export interface AppendResult {
  /** What is new in the log, and what was there already: whoever serves must have heard of both. */
  readonly versions: readonly RowVersion[]
  readonly added: number
  /** Rows that the log has just so, and rows of a request that came before. */
  readonly repeated: number
}

interface WaitingAppend {
  readonly arrivals: readonly Arrival[]
  readonly request: readonly [string, string] | undefined
  readonly resolve: (appended: AppendResult) => void
  readonly reject: (error: unknown) => void
}

const segmentBytes = 16 * 2 ** 20
const lockPatienceMs = 30_000
/** Requests whose rows are kept in memory, for one whose sender never heard of its end. */
const maxRememberedRequests = 1_000

export interface DatasetLogOptions {
  readonly clock: Clock
  /** Hears of lines that are not as they were written. */
  readonly onDamage?: (error: Error) => void
  /** How long it is waited for others that write (default 30 s). */
  readonly patienceMs?: number
}

/**
 * What came to a dataset row by row, in the order of arrival, on disk: an append is acknowledged when it survives a crash. Any number of
 * processes of a machine append; each reads what the others wrote before it gives the next places. A row is known by the key of
 * its dataset: one that comes again as it is counts once, another version of it follows the one before.
 */
export class DatasetLog {
  readonly folder: string
  readonly #dataset: Dataset
  readonly #options: DatasetLogOptions
  /** The newest version of each row by key; each knows the one before. */
  readonly #versions = new Map<string, RowVersion>()
  readonly #requests = new Map<
    string,
    { readonly digest: string; readonly rows: number; versions: readonly RowVersion[] }
  >()
  #segment = 0
  #bytes = 0
  #seq = 0
  #file: FileHandle | undefined
  #waiting: WaitingAppend[] = []
  #draining: Promise<void> | undefined

  private constructor(folder: string, dataset: Dataset, options: DatasetLogOptions) {
    this.folder = folder
    this.#dataset = dataset
    this.#options = options
  }

  static async open(folder: string, dataset: Dataset, options: DatasetLogOptions): Promise<DatasetLog> {
    const log = new DatasetLog(folder, dataset, options)
    await makeFolder(folder, 0o700)
    await log.#locked(() => log.#catchUp())
    return log
  }

  /** Whether there is a log of a dataset in that folder. */
  static async exists(folder: string): Promise<boolean> {
    return (await segmentsIn(folder)).length > 0
  }

  /** The last place that was given, as far as this process knows. */
  get seq(): number {
    return this.#seq
  }

  /** Of rows with a key, the newest version that the log has. */
  newest(row: Row): RowVersion | undefined {
    const key = this.#keyOf(row)
    return key === undefined ? undefined : this.#versions.get(key)
  }

  #keyOf(row: Row): string | undefined {
    const { key, columns } = this.#dataset
    if (key.length === 0) return undefined
    return encodeKey(
      key.map(name => row[name]),
      key.map(name => columns[name]?.type ?? 'text'),
    )
  }

  #locked<T>(work: () => Promise<T>): Promise<T> {
    const busy = (): Error => fail('logBusy', { dataset: this.#dataset.name })
    return withFileLock(join(this.folder, 'append.lock'), busy, work, this.#options.patienceMs ?? lockPatienceMs)
  }

  /**
   * Appends rows; resolves when they survive a crash. A request of an id that came before with the same rows gives again what it gave.
   * Throws `requestReused` where it came with others.
   */
  append(
    arrivals: readonly Arrival[],
    request?: { readonly id: string; readonly digest: string },
  ): Promise<AppendResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({
        arrivals,
        request: request && [request.id, request.digest],
        resolve,
        reject,
      })
      this.#draining ??= this.#drain().finally(() => (this.#draining = undefined))
    })
  }

  /** Whoever waits is written together: one lock and one wait for the disk for all of them. */
  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#locked(async () => {
          await this.#catchUp()
          await this.#write(batch)
        })
      } catch (error) {
        for (const one of batch) one.reject(error)
      }
    }
  }

  async #write(batch: readonly WaitingAppend[]): Promise<void> {
    const at = this.#options.clock.now()
    const done: { readonly one: WaitingAppend; readonly appended: AppendResult }[] = []
    let text = ''
    const before = { seq: this.#seq, undo: [] as (() => void)[] }
    for (const one of batch) {
      const earlier = one.request && this.#requests.get(one.request[0])
      if (earlier) {
        if (earlier.digest !== one.request?.[1]) {
          one.reject(fail('requestReused', { dataset: this.#dataset.name, request: one.request?.[0] ?? '' }))
          continue
        }
        done.push({ one, appended: { versions: earlier.versions, added: 0, repeated: earlier.rows } })
        continue
      }
      const { versions, fresh } = this.#placed(one.arrivals, at, before.undo)
      const frame: Frame = {
        at,
        ...(one.request ? { request: [...one.request, one.arrivals.length] as const } : {}),
        rows: fresh.map(storedRow),
      }
      if (fresh.length > 0 || one.request) text += checkedLine(frame)
      if (one.request) {
        const [id, digest] = one.request
        this.#remember(id, digest, one.arrivals.length, versions)
        before.undo.push(() => this.#requests.delete(id))
      }
      done.push({ one, appended: { versions, added: fresh.length, repeated: one.arrivals.length - fresh.length } })
    }
    try {
      if (text !== '') await this.#appendText(text)
    } catch (error) {
      // What is not on disk was never there; a next attempt reads what is
      for (const undo of before.undo.toReversed()) undo()
      this.#seq = before.seq
      throw error
    }
    for (const { one, appended } of done) one.resolve(appended)
  }

  #placed(
    arrivals: readonly Arrival[],
    at: Micros,
    undo: (() => void)[],
  ): { readonly versions: RowVersion[]; readonly fresh: RowVersion[] } {
    const fresh: RowVersion[] = []
    const versions = arrivals.map(({ row, known, gone = false }) => {
      const key = this.#keyOf(row)
      const last = key === undefined ? undefined : this.#versions.get(key)
      if (last && last.gone === gone && (gone || sameRow(last.row, row))) return last
      const version: RowVersion = {
        row,
        seq: ++this.#seq,
        at,
        ...(known === undefined ? {} : { known }),
        first: last === undefined,
        gone,
        ...(last === undefined ? {} : { before: last }),
      }
      if (key !== undefined) {
        undo.push(() => (last ? this.#versions.set(key, last) : this.#versions.delete(key)))
        this.#versions.set(key, version)
      }
      fresh.push(version)
      return version
    })
    return { versions, fresh }
  }

  #remember(id: string, digest: string, rows: number, versions: readonly RowVersion[]): void {
    this.#requests.set(id, { digest, rows, versions })
    if (this.#requests.size <= maxRememberedRequests) return
    const old = [...this.#requests.values()].at(-maxRememberedRequests - 1)
    if (old) old.versions = []
  }

  async #appendText(text: string): Promise<void> {
    if (this.#segment === 0 || this.#bytes >= segmentBytes) {
      await this.#file?.close()
      this.#file = undefined
      this.#segment++
      this.#bytes = 0
    }
    const path = join(this.folder, segmentName(this.#segment))
    try {
      if (!this.#file) {
        this.#file = await open(path, 'a', 0o600)
        await syncFolder(this.folder)
      }
      await this.#file.appendFile(text)
      await this.#file.datasync()
      this.#bytes += Buffer.byteLength(text)
    } catch (error) {
      await this.#file?.close().catch(() => undefined)
      this.#file = undefined
      // What part of it reached the disk was not acknowledged
      await truncate(path, this.#bytes).catch(() => undefined)
      throw named(error, path)
    }
  }

  /** Reads what was appended since, by whomever. Only under the lock: nobody is just writing. */
  async #catchUp(): Promise<void> {
    for (const number of await segmentsIn(this.folder)) {
      if (number < this.#segment) continue
      if (number > this.#segment) {
        await this.#file?.close()
        this.#file = undefined
        this.#segment = number
        this.#bytes = 0
      }
      const path = join(this.folder, segmentName(number))
      let [bytes, bad, isCut] = [this.#bytes, 0, false]
      for await (const chunk of chunksFrom(path, this.#bytes)) {
        if (chunk.isCut) isCut = true
        const { values, damaged, text } = readCheckedLines<Frame>(chunk.text)
        for (const frame of values) this.#take(frame)
        bad += damaged
        bytes += Buffer.byteLength(text)
      }
      if (bad > 0) this.#bytes = await this.#setAside(path, bad)
      else {
        this.#bytes = bytes
        // A line without its end was never acknowledged
        if (isCut) await truncate(path, bytes)
      }
    }
  }

  /** Keeps a damaged segment as it was found, and what is whole of it in its place. */
  async #setAside(path: string, damaged: number): Promise<number> {
    await this.#file?.close()
    this.#file = undefined
    let text = ''
    for await (const chunk of chunksFrom(path, 0)) text += readCheckedLines<Frame>(chunk.text).text
    const kept = `${path}.damaged-${this.#options.clock.now()}`
    await rename(path, kept)
    await publishFile(path, text, 0o600)
    const lines = `${damaged} ${damaged === 1 ? 'line' : 'lines'}`
    this.#options.onDamage?.(fail('logDamaged', { path, dataset: this.#dataset.name, damaged: lines, kept }))
    return Buffer.byteLength(text)
  }

  #take(frame: Frame): void {
    const versions = frame.rows.map(stored => {
      const version = this.#follow(this.#versions, readStored(stored, frame.at, this.#dataset.columns))
      this.#seq = Math.max(this.#seq, version.seq)
      return version
    })
    if (frame.request) this.#remember(...frame.request, versions)
  }

  /** Puts a version that was read after those of its row. */
  #follow(newest: Map<string, RowVersion>, read: Omit<RowVersion, 'before'>): RowVersion {
    const key = this.#keyOf(read.row)
    const before = key === undefined ? undefined : newest.get(key)
    const version = before === undefined ? read : { ...read, before }
    if (key !== undefined) newest.set(key, version)
    return version
  }

  /** Every version after a place, in order, as it is on disk now. */
  async *read(after = 0): AsyncGenerator<RowVersion> {
    const newest = new Map<string, RowVersion>()
    for (const number of await segmentsIn(this.folder))
      for await (const read of versionsOf(this.folder, number, this.#dataset.columns)) {
        const version = this.#follow(newest, read)
        if (version.seq > after) yield version
      }
  }

  async close(): Promise<void> {
    await this.#draining
    await this.#file?.close()
    this.#file = undefined
  }
}
