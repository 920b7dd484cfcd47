import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { IdTable, NumberColumn, ScoreColumn } from '../../internal/id-table.ts'
import { ulid } from '../../internal/ids.ts'
import { makeFolder, named } from '../../internal/publish.ts'
import type { Micros } from '../../internal/time.ts'
import type { Score } from '../../math/metrics/row-loss.ts'
import { type Records, type StoredRun, writeRun } from './stored-run.ts'

/** A prediction as its label will need it. */
export interface WaitingPrediction {
  readonly at: Micros
  /** Which rollout's challenger may have scored it. */
  readonly epoch: number
  readonly stable: Score
  /** NaN where no challenger scored it. */
  readonly canary: Score
  /** The challenger's score may still come. */
  readonly isOpen: boolean
  /** NaN, or the label that came before the challenger's score. */
  readonly label: number
}

export interface WaitingLimits {
  /** Beyond them the oldest are forgotten. */
  readonly maxRows: number
  /** Of rows in memory, where they cannot be written. */
  readonly maxBytes: number
  /** Rows in memory from which on they are written to disk. */
  readonly window: number
}

const usual: WaitingLimits = { maxRows: 2_000_000, maxBytes: 128 * 2 ** 20, window: 131_072 }

/** Rows in memory. */
class Held implements Records {
  readonly #at = new NumberColumn()
  readonly #epoch = new NumberColumn()
  readonly #stable = new ScoreColumn()
  readonly #canary = new ScoreColumn()
  readonly #open = new NumberColumn()
  readonly #label = new NumberColumn()
  readonly table: IdTable
  /** Slots that have been taken out while the rows are being written. */
  readonly taken = new Set<number>()

  constructor(limits: WaitingLimits) {
    const columns = [this.#at, this.#epoch, this.#stable, this.#canary, this.#open, this.#label]
    this.table = new IdTable(columns, limits)
  }

  put(id: string, { at, epoch, stable, canary, isOpen, label }: WaitingPrediction): void {
    const slot = this.table.add(id)
    this.#at.set(slot, at)
    this.#epoch.set(slot, epoch)
    this.#stable.set(slot, stable)
    this.#canary.set(slot, canary)
    this.#open.set(slot, isOpen ? 1 : 0)
    this.#label.set(slot, label)
  }

  read(slot: number): WaitingPrediction {
    return {
      at: this.#at.get(slot),
      epoch: this.#epoch.get(slot),
      stable: this.#stable.get(slot),
      canary: this.#canary.get(slot),
      isOpen: this.#open.get(slot) === 1,
      label: this.#label.get(slot),
    }
  }

  /** Numbers of the widest score. */
  get scoreWidth(): number {
    return Math.max(this.#stable.width, this.#canary.width)
  }

  /** The slot of an id that has not been taken out; -1 where there is none. */
  find(id: string): number {
    const slot = this.table.find(id)
    return this.taken.has(slot) ? -1 : slot
  }
}

/**
 * Predictions whose labels may still come, by their ids: the newest in memory, the others in files that are deleted as soon as they
 * are open, since the journal is what a restart takes them from. While nothing can be written they stay in memory, up to
 * its limits.
 */
export class WaitingPredictions {
  readonly #limits: WaitingLimits
  #newest: Held
  /** Being written: found here until they are. */
  #leaving: Held | undefined
  /** The oldest first. */
  readonly #runs: StoredRun[] = []
  #folder: string | undefined
  #onError: (error: unknown) => void = () => undefined
  #isTroubled = false
  #writing: Promise<void> | undefined
  /** Rows in memory at which writing is tried next. */
  #next: number

  constructor(limits: WaitingLimits = usual) {
    this.#limits = limits
    this.#newest = new Held(limits)
    this.#next = limits.window
  }

  /** From now on what does not fit the window is written below that folder. */
  spill(folder: string, onError: (error: unknown) => void): void {
    this.#folder = folder
    this.#onError = onError
  }

  get size(): number {
    const leaving = this.#leaving ? this.#leaving.table.size - this.#leaving.taken.size : 0
    return this.#newest.table.size + leaving + this.#runs.reduce((sum, one) => sum + one.size, 0)
  }

  /** Rows that lie on disk. */
  get stored(): number {
    return this.#runs.reduce((sum, one) => sum + one.size, 0)
  }

  /** The newest one of its id. */
  put(id: string, waiting: WaitingPrediction): void {
    if (this.#leaving || this.#runs.length > 0) this.#takeOlder(id)
    this.#newest.put(id, waiting)
    const { size } = this.#newest.table
    if (size >= this.#next && !this.#writing && this.#folder !== undefined) this.#begin(this.#folder, size)
  }

  get(id: string): WaitingPrediction | undefined {
    const slot = this.#newest.find(id)
    if (slot >= 0) return this.#newest.read(slot)
    const older = this.#takeOlder(id)
    // Who is asked for is likely to be asked for again
    if (older) this.#newest.put(id, older)
    return older
  }

  remove(id: string): void {
    const slot = this.#newest.table.find(id)
    if (slot >= 0) this.#newest.table.remove(slot)
    else this.#takeOlder(id)
  }

  #takeOlder(id: string): WaitingPrediction | undefined {
    const slot = this.#leaving?.find(id) ?? -1
    if (this.#leaving && slot >= 0) {
      this.#leaving.taken.add(slot)
      return this.#leaving.read(slot)
    }
    if (this.#runs.length === 0) return undefined
    const key = this.#newest.table.keyOf(id)
    for (let i = this.#runs.length - 1; i >= 0; i--) {
      const run = this.#runs[i] as StoredRun
      try {
        const found = run.take(key)
        if (found) return found
      } catch (error) {
        this.#fail(error)
      }
    }
    return undefined
  }

  #fail(error: unknown): void {
    if (!this.#isTroubled) this.#onError(error)
    this.#isTroubled = true
  }

  #begin(folder: string, size: number): void {
    if (!this.#leaving) {
      this.#leaving = this.#newest
      this.#newest = new Held(this.#limits)
      this.#next = this.#limits.window
    } else {
      // The last try failed: where there is no room for both, the older ones are forgotten
      this.#next = size + this.#limits.window / 8
      if (size + this.#leaving.table.size > this.#limits.maxRows) this.#leaving = undefined
      if (!this.#leaving) return
    }
    this.#writing = this.#write(folder, this.#leaving).finally(() => {
      this.#writing = undefined
    })
  }

  async #write(folder: string, leaving: Held): Promise<void> {
    const path = join(folder, `waiting-${ulid()}`)
    try {
      await makeFolder(folder, 0o700)
      const file = await open(path, 'wx+', 0o600)
      // Nobody but this process needs it, and nothing is left of it, whatever ends the process
      await rm(path, { force: true })
      const run = await writeRun(file, leaving, leaving.taken)
      if (this.#leaving !== leaving) {
        await run.close()
        return
      }
      this.#leaving = undefined
      this.#runs.push(run)
      this.#isTroubled = false
      await this.#forgetOldest()
    } catch (error) {
      this.#fail(named(error, path))
    }
  }

  async #forgetOldest(): Promise<void> {
    while (this.#runs.length > 0 && (this.size > this.#limits.maxRows || this.#runs[0]?.size === 0))
      await this.#runs.shift()?.close()
  }

  /** Resolves when nothing is being written. */
  async settled(): Promise<void> {
    await this.#writing
  }

  /** Forgets everything. */
  async close(): Promise<void> {
    this.#folder = undefined
    this.#leaving = undefined
    await this.#writing
    for (const run of this.#runs.splice(0)) await run.close()
    this.#newest = new Held(this.#limits)
  }
}
