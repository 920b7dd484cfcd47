import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { settle, type Standings } from './settling.ts'

export interface Arrival {
  readonly name: string
  readonly path: string
  /** Changes whenever the content may have. */
  readonly stamp: string
}

async function stampOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined)
  return found && `${found.ino}/${found.size}/${found.mtimeNs}`
}

/**
 * A folder that files arrive in. A file is given once it has stood unchanged for a while; hidden names are left alone, for
 * writers to rename when they are done, and so are folders.
 */
export class Inbox {
  readonly #folder: string
  readonly #settledMs: number
  readonly #elapsed: () => number
  #standings: Standings = new Map()

  /** @param elapsed milliseconds of a clock that never goes back */
  constructor(folder: string, settledMs: number, elapsed: () => number) {
    this.#folder = folder
    this.#settledMs = settledMs
    this.#elapsed = elapsed
  }

  /** Files that have settled, by name, and whether others are still to. */
  async look(): Promise<{ readonly settled: readonly Arrival[]; readonly waiting: boolean }> {
    const now = this.#elapsed()
    const present = new Map<string, string>()
    const entries = await readdir(this.#folder, { withFileTypes: true })
    for (const { name } of entries.filter(one => one.isFile() && !one.name.startsWith('.'))) {
      const stamp = await stampOf(join(this.#folder, name))
      if (stamp !== undefined) present.set(name, stamp)
    }
    const { settled, standings } = settle(this.#standings, present, now, this.#settledMs)
    this.#standings = standings
    return {
      settled: settled.map(name => ({ name, path: join(this.#folder, name), stamp: present.get(name) ?? '' })),
      waiting: present.size > settled.length,
    }
  }

  /**
   * Takes a file away: one that was taken in is removed, one that was refused goes to the folder `refused`. Gives false, and
   * leaves it, when somebody has written to it meanwhile.
   */
  async clear({ name, path, stamp }: Arrival, refused: boolean): Promise<boolean> {
    const now = await stampOf(path)
    if (now === undefined) return true
    if (now !== stamp) return false
    if (!refused) await rm(path, { force: true })
    else {
      const folder = join(this.#folder, 'refused')
      await mkdir(folder, { recursive: true })
      // whoever still writes to it goes on writing to the same file
      await rename(path, join(folder, name))
    }
    return true
  }
}
