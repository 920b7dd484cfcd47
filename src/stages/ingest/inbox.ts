import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'

/** How long a file has to stand unchanged before it is taken. */
const settledMs = 2_000

export interface Arrival {
  readonly name: string
  readonly path: string
}

/**
 * A folder that files arrive in. A file is given once it has stood unchanged for two seconds; hidden names are left alone,
 * for writers to rename when they are done.
 */
export class Inbox {
  readonly #folder: string
  readonly #elapsed: () => number
  readonly #since = new Map<string, { readonly stamp: string; readonly at: number }>()

  /** @param elapsed milliseconds of a clock that never goes back */
  constructor(folder: string, elapsed: () => number) {
    this.#folder = folder
    this.#elapsed = elapsed
  }

  /** Files that have settled, by name, and whether others are still to. */
  async look(): Promise<{ readonly settled: readonly Arrival[]; readonly waiting: boolean }> {
    const settled: Arrival[] = []
    const now = this.#elapsed()
    const present = new Set<string>()
    for (const entry of (await readdir(this.#folder, { withFileTypes: true })).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      if (!entry.isFile() || entry.name.startsWith('.')) continue
      const path = join(this.#folder, entry.name)
      const status = await stat(path, { bigint: true }).catch(() => undefined)
      if (!status) continue
      present.add(entry.name)
      const stamp = `${status.ino}/${status.size}/${status.mtimeNs}`
      const known = this.#since.get(entry.name)
      if (known?.stamp !== stamp) this.#since.set(entry.name, { stamp, at: now })
      else if (now - known.at >= settledMs) settled.push({ name: entry.name, path })
    }
    for (const name of this.#since.keys()) if (!present.has(name)) this.#since.delete(name)
    return { settled, waiting: present.size > settled.length }
  }
}
