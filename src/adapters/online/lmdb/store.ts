import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { open, type Database, type RootDatabase } from 'lmdb'
import { fail, isMillraceError, systemError } from '../../../errors/index.ts'
import { withFileLock } from '../../../internal/file-lock.ts'
import type { OnlineAsk, OnlineChange, OnlineRecord, OnlineStore, Revision } from '../../../ports/online-store.ts'
import { makeFolder } from '../../../internal/publish.ts'
import { messageOf } from '../../../internal/message-of.ts'
import { checkKeys, isTooLong } from '../keys.ts'
import { beginUse, isInUse, noRoom, noteDamage, setAside, whyDamaged } from './check.ts'
import { checked, revisionOf, toStored } from './record.ts'
import { dataFile, lockFile, settings } from './settings.ts'

/** Where the store counts its writings; no view of a project has such a name. */
const countView = 'millrace revisions'
const countKey = 'last'

/** Feature records in LMDB: memory-mapped reads of about a microsecond, one writer, shared by all processes here. */
class LmdbStore implements OnlineStore {
  readonly #root: RootDatabase<Buffer, string>
  readonly #views = new Map<string, Database<Buffer, string>>()
  readonly #folder: string
  readonly #endUse: () => Promise<void>
  readonly #onUnrecorded: LmdbOptions['onUnrecorded']

  constructor(
    root: RootDatabase<Buffer, string>,
    folder: string,
    endUse: () => Promise<void>,
    { onUnrecorded }: LmdbOptions,
  ) {
    this.#root = root
    this.#folder = folder
    this.#endUse = endUse
    this.#onUnrecorded = onUnrecorded
  }

  #read(view: string, { key, have }: OnlineAsk): OnlineRecord | 'unchanged' | undefined {
    if (isTooLong(key)) return undefined
    const record = this.#view(view).get(key)
    if (!record) return undefined
    const revision = revisionOf(record)
    if (revision !== 0 && revision === have) return 'unchanged'
    const bytes = checked(record)
    if (bytes === undefined) throw this.#damaged(`the record ${view}/${key.slice(0, 40)} is not as it was written`)
    return revision === 0 ? undefined : { bytes, revision }
  }

  #damaged(reason: string, cause?: unknown): Error {
    void noteDamage(this.#folder, reason)
    return fail('onlineDamaged', { path: join(this.#folder, dataFile), reason }, cause)
  }

  /** LMDB's own failures, catalogued; what the caller's records threw is the caller's. */
  #explain(error: unknown, view: string): unknown {
    if (isMillraceError(error)) return error
    const { code } = error as { code?: unknown }
    const reason = messageOf(error)
    // A page that was written in part only is an error of the device to LMDB
    const full = /Input\/output error|MDB_PANIC/.test(reason) ? noRoom(this.#folder) : undefined
    if (full) return full
    if (/MDB_(CORRUPTED|INVALID|PAGE_NOTFOUND|VERSION_MISMATCH|PANIC)/.test(reason)) return this.#damaged(reason, error)
    const known = systemError(error, { path: this.#folder })
    if (known) return known
    return typeof code === 'number' || /MDB_/.test(reason) ? fail('onlineUnwritable', { view, reason }, error) : error
  }

  #view(name: string): Database<Buffer, string> {
    let view = this.#views.get(name)
    if (!view) {
      view = this.#root.openDB<Buffer, string>({ name, encoding: 'binary' })
      this.#views.set(name, view)
    }
    return view
  }

  async getMany(
    view: string,
    asks: readonly OnlineAsk[],
  ): Promise<readonly (OnlineRecord | 'unchanged' | undefined)[]> {
    try {
      return asks.map(ask => this.#read(view, ask))
    } catch (error) {
      throw this.#explain(error, view)
    }
  }

  async writeMany(view: string, changes: readonly OnlineChange[]): Promise<readonly (Revision | undefined)[]> {
    checkKeys(view, changes)
    try {
      const database = this.#view(view)
      // At once, because only that is undone when a record in the middle fails, and says so to its caller: what a batch of
      // its own could not commit is told to nobody, which ends the process. The disk is waited for in `flush`.
      return this.#root.transactionSync(() => {
        let revision = this.#lastRevision()
        const written = changes.map(({ key, bytes, after, keepMs }) => {
          const there = database.get(key)
          if ((there ? revisionOf(there) : 0) !== after) return undefined
          if (bytes === undefined) {
            database.removeSync(key)
            return 0
          }
          revision++
          database.putSync(key, toStored(bytes, revision, keepMs === undefined ? 0 : Date.now() + keepMs))
          return revision
        })
        this.#noteRevision(revision)
        return written
      })
    } catch (error) {
      throw this.#explain(error, view)
    }
  }

  /** One count for the whole store, kept in it: a record that is made again never has a revision that it had before. */
  #lastRevision(): Revision {
    const record = this.#view(countView).get(countKey)
    return record ? revisionOf(record) : 0
  }

  #noteRevision(revision: Revision): void {
    this.#view(countView).putSync(countKey, toStored(new Uint8Array(), revision, 0))
  }

  async flush(): Promise<void> {
    try {
      await this.#root.flushed
    } catch (error) {
      throw this.#explain(error, '')
    }
  }

  async *keys(view: string): AsyncIterable<string> {
    const database = this.#view(view)
    for (const { key, value } of database.getRange()) if (revisionOf(value) !== 0) yield key
  }

  async dropView(view: string): Promise<void> {
    try {
      const database = this.#view(view)
      this.#root.transactionSync(() => database.clearSync())
      await database.flushed
    } catch (error) {
      throw this.#explain(error, view)
    }
  }

  async close(): Promise<void> {
    await this.#root.close()
    // What cannot be written down now is looked at more closely by the next; the records are there all the same
    await withFileLock(lockOf(this.#folder), busy, this.#endUse, longestMs).catch((error: unknown) =>
      this.#onUnrecorded?.({ path: this.#folder, reason: messageOf(systemError(error) ?? error) }),
    )
  }
}

const lockOf = (folder: string): string => join(folder, 'open.lock')
const busy = (): Error => fail('onlineUnwritable', { view: '', reason: 'another process is just checking it' })
/** A little more than a check may take. */
const longestMs = 310_000

export { whyDamaged } from './check.ts'

export interface LmdbOptions {
  /** Hears of a damaged store that was set aside: the one that is opened is new and empty. */
  readonly onDamage?: (told: { readonly path: string; readonly reason: string; readonly kept: string }) => void
  /** Hears that it could not be written down how the store was left: whoever opens it next reads it whole first. */
  readonly onUnrecorded?: (told: { readonly path: string; readonly reason: string }) => void
}

/** The files before LMDB makes them: it would let every user of the machine read them. */
function makePrivate(folder: string): void {
  for (const name of [dataFile, lockFile])
    try {
      closeSync(openSync(join(folder, name), 'wx', 0o600))
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
}

/**
 * Opens (or makes) the online store in that folder. A damaged one is set aside: LMDB would end the process, or give wrong
 * records. Throws what the file system refuses.
 */
export async function openLmdb(folder: string, options: LmdbOptions = {}): Promise<OnlineStore> {
  try {
    await makeFolder(folder, 0o700)
    return await withFileLock(lockOf(folder), busy, () => openChecked(folder, options), longestMs)
  } catch (error) {
    throw systemError(error, { path: folder }) ?? error
  }
}

async function openChecked(folder: string, options: LmdbOptions): Promise<OnlineStore> {
  const reason = await whyDamaged(folder)
  if (reason !== undefined) {
    const path = join(folder, dataFile)
    if (await isInUse(folder)) throw fail('onlineDamaged', { path, reason })
    options.onDamage?.({ path, reason, kept: await setAside(folder) })
  }
  makePrivate(folder)
  const root = open<Buffer, string>({ path: folder, ...settings })
  return new LmdbStore(root, folder, await beginUse(folder), options)
}
