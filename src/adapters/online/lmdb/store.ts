import { mkdirSync } from 'node:fs'
import { open, type Database, type RootDatabase } from 'lmdb'
import { fail } from '../../../errors/index.ts'
import type { OnlineStore } from '../../../ports/online-store.ts'

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
    return this.#view(view).get(key)
  }

  getMany(view: string, keys: readonly string[]): readonly (Uint8Array | undefined)[] {
    const database = this.#view(view)
    return keys.map(key => database.get(key))
  }

  async putMany(view: string, records: Iterable<readonly [key: string, bytes: Uint8Array]>): Promise<void> {
    const database = this.#view(view)
    try {
      await database.transaction(() => {
        for (const [key, bytes] of records)
          database.putSync(key, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
      })
      await database.flushed
    } catch (error) {
      throw fail(
        'noSpaceLeft',
        { path: 'the online store', reason: error instanceof Error ? error.message : String(error) },
        error,
      )
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

/** Opens (or makes) the online store in that folder. */
export function openLmdb(folder: string): OnlineStore {
  mkdirSync(folder, { recursive: true })
  return new LmdbStore(open<Buffer, string>({ path: folder, encoding: 'binary', maxDbs: 256, compression: false }))
}
