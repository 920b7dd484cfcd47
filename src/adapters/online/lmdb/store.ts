import { mkdirSync } from 'node:fs'
import { open, type Database, type RootDatabase } from 'lmdb'
import { fail } from '../../../errors/index.ts'
import type { OnlineStore } from '../../../ports/online-store.ts'
import { messageOf } from '../../../internal/message-of.ts'

/** Bytes of a key that LMDB takes at its default page size, less what marks a key as text. */
const longestKey = 1976

/** A character is at most three bytes for each of its UTF-16 units, so most keys need no counting. */
function tooLong(key: string): boolean {
  return key.length * 3 > longestKey && Buffer.byteLength(key) > longestKey
}

/** Feature records in LMDB: memory-mapped reads of about a microsecond, one writer, shared by all processes here. */
class LmdbStore implements OnlineStore {
  readonly #root: RootDatabase<Buffer, string>
  readonly #views = new Map<string, Database<Buffer, string>>()

  constructor(root: RootDatabase<Buffer, string>) {
    this.#root = root
  }

  #view(name: string): Database<Buffer, string> {
    let view = this.#views.get(name)
    if (!view) {
      view = this.#root.openDB<Buffer, string>({ name, encoding: 'binary' })
      this.#views.set(name, view)
    }
    return view
  }

  get(view: string, key: string): Uint8Array | undefined {
    return tooLong(key) ? undefined : this.#view(view).get(key)
  }

  getMany(view: string, keys: readonly string[]): readonly (Uint8Array | undefined)[] {
    const database = this.#view(view)
    return keys.map(key => (tooLong(key) ? undefined : database.get(key)))
  }

  async putMany(view: string, records: Iterable<readonly [key: string, bytes: Uint8Array]>): Promise<void> {
    const database = this.#view(view)
    try {
      // A child transaction, because only that is undone when a record in the middle fails
      await database.childTransaction(() => {
        for (const [key, bytes] of records) {
          if (tooLong(key)) {
            const bytes = Buffer.byteLength(key)
            throw fail('keyTooLong', { key: `${key.slice(0, 40)}…`, view, bytes, limit: longestKey })
          }
          database.putSync(key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
        }
      })
      await database.flushed
    } catch (error) {
      throw explain(error, view)
    }
  }

  keys(view: string): Iterable<string> {
    return this.#view(view).getKeys()
  }

  async dropView(view: string): Promise<void> {
    await this.#view(view).clearAsync()
  }

  async close(): Promise<void> {
    await this.#root.close()
  }
}

/** LMDB's own failures, catalogued; what the caller's records threw is the caller's. */
function explain(error: unknown, view: string): unknown {
  const { code } = error as { code?: unknown }
  const reason = messageOf(error)
  if (/ENOSPC|MDB_MAP_FULL|No space left/.test(`${String(code)} ${reason}`))
    return fail('noSpaceLeft', { path: 'the online store', reason }, error)
  return typeof code === 'number' || /MDB_/.test(reason) ? fail('onlineUnwritable', { view, reason }, error) : error
}

/** Opens (or makes) the online store in that folder. */
export function openLmdb(folder: string): OnlineStore {
  mkdirSync(folder, { recursive: true })
  return new LmdbStore(open<Buffer, string>({ path: folder, encoding: 'binary', maxDbs: 256, compression: false }))
}
