import type { Micros } from '../../internal/time.ts'
import type { Profile } from '../windows/profile.ts'
import { WindowAccumulator } from '../windows/window.ts'

/** Counters of an open window as JSON: those that changed as index, increment, …; all of them counted from zero if `fresh`. */
export type WindowChange = {
  readonly profile: string
  readonly from: Micros
  readonly partial: boolean
  readonly fresh: boolean
  readonly rows: number
  readonly counts: readonly number[]
  readonly sums: readonly number[]
}

function changes(now: Float64Array, kept: Float64Array): number[] {
  const changed: number[] = []
  for (let i = 0; i < now.length; i++) {
    const value = now[i] as number
    if (value === kept[i]) continue
    changed.push(i, value - (kept[i] as number))
    kept[i] = value
  }
  return changed
}

/** The window that rows are counted into now, and how much of it has been kept already. */
export class OpenWindow {
  readonly rows: WindowAccumulator
  from: Micros
  /** It began before its first row could be counted: its mixture of hours and weekdays is not a whole window's. */
  partial: boolean
  readonly #counts: Float64Array
  readonly #sums: Float64Array
  #kept = 0
  #fresh = true

  constructor(profile: Profile, from: Micros, partial: boolean) {
    this.rows = new WindowAccumulator(profile)
    this.from = from
    this.partial = partial
    this.#counts = new Float64Array(this.rows.counts.length)
    this.#sums = new Float64Array(this.rows.sums.length)
  }

  /** What was counted since the last call, or everything. */
  capture(whole: boolean): WindowChange {
    if (whole) {
      this.#counts.fill(0)
      this.#sums.fill(0)
      this.#kept = 0
      this.#fresh = true
    }
    const change = {
      profile: this.rows.digest,
      from: this.from,
      partial: this.partial,
      fresh: this.#fresh,
      rows: this.rows.rows - this.#kept,
      counts: changes(this.rows.counts, this.#counts),
      sums: changes(this.rows.sums, this.#sums),
    }
    this.#kept = this.rows.rows
    this.#fresh = false
    return change
  }

  /** The clock was set back before its start: what it holds counts from now on, as a part of a window. */
  moveTo(from: Micros): void {
    this.from = from
    this.partial = true
  }

  get changed(): boolean {
    return this.#fresh || this.rows.rows !== this.#kept
  }

  /** Adds a change that `capture` gave. */
  add(change: WindowChange): void {
    const add = (to: Float64Array, list: readonly number[]): void => {
      for (let i = 0; i < list.length; i += 2)
        to[list[i] as number] = (to[list[i] as number] as number) + (list[i + 1] as number)
    }
    add(this.rows.counts, change.counts)
    add(this.rows.sums, change.sums)
    this.rows.rows += change.rows
  }
}
