import { fail } from '../../errors/index.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { digestJson, type Digest } from '../../internal/digest.ts'
import type { InferenceBatch } from '../../ports/inference-runtime.ts'
import {
  farSlot,
  missingSlot,
  numberExtras,
  type NumberProfile,
  type Profile,
  slotsOf,
  type TextProfile,
  unseenSlot,
} from './profile.ts'
import { type UnitEdges, unitEdges, type UnitFit, unitFits } from './unit-edges.ts'

/** Statistics of one number input over a window of traffic (or any rows). */
export interface WindowColumn {
  readonly rows: number
  /** Rows with a finite value. */
  readonly finite: number
  readonly missing: number
  /** Of the finite values. */
  readonly mean: number
  readonly std: number
  /** Values more than eight training deviations from the training mean. */
  readonly far: number
  /** Mean and deviation with values clamped at ±16: near 0 and 1 where they arrive standardised. */
  readonly raw: { readonly mean: number; readonly std: number }
  /** Values that the baseline does not have, where it has at most twenty; else undefined. */
  readonly other: number | undefined
  /** How well each change of unit explains the quartiles. */
  readonly units: readonly UnitFit[]
  /** Whether it is certainly unlike the windows of training; absent where nothing is known of those. */
  readonly unlike?: boolean
}

/** A window's statistics as JSON. */
export interface WindowState {
  readonly profile: Digest
  readonly rows: number
  readonly counts: readonly number[]
  readonly sums: readonly number[]
}

/** Moments are kept as exact integers, in steps of 1/4096 baseline standard deviation, clamped at ±256 of them. */
export const stepsPerDeviation = 4096
const clamp = 2 ** 20
const split = 2 ** 20
/** Values in their own units, for telling whether they come scaled already: steps of 1/256, clamped at ±16. */
const rawSteps = 256
const rawClamp = 16 * rawSteps
const farSteps = 8 * stepsPerDeviation
const sumsPerNumber = 5

/**
 * Statistics of one window of traffic against a baseline: integer counters only, so that windows add and subtract exactly
 * and in any order, and 32 replicas merged equal one process bit for bit. `add` allocates nothing.
 */
export class WindowAccumulator {
  readonly profile: Profile
  readonly digest: Digest
  rows = 0
  /** Bins and extra slots of all columns, in the order of the profile; the score last. */
  readonly counts: Float64Array
  /** Per number column, the score last: sum of steps, sum of their squares in two halves; sums of raw steps and of their squares. */
  readonly sums: Float64Array
  /** Slot where each column begins; the score last. */
  readonly starts: Int32Array
  readonly #numbers: number
  readonly #texts: number
  readonly #upper: Float32Array
  readonly #upperStart: Int32Array
  readonly #bins: Int32Array
  readonly #points: Uint8Array
  readonly #units: readonly UnitEdges[]
  readonly #lowest: Float64Array
  readonly #highest: Float64Array
  readonly #mean: Float64Array
  readonly #scale: Float64Array
  readonly #categories: readonly ReadonlyMap<string, number>[]
  readonly #unknown: Int32Array

  constructor(profile: Profile, digest: Digest = digestJson(profile as unknown as Json)) {
    this.profile = profile
    this.digest = digest
    const numbers: NumberProfile[] = []
    const texts: TextProfile[] = []
    for (const column of profile.columns) {
      if (column.kind === 'text') texts.push(column)
      else numbers.push(column)
    }
    numbers.push(profile.score)
    this.#numbers = numbers.length
    this.#texts = texts.length
    this.starts = new Int32Array(profile.columns.length + 1)
    let slots = 0
    for (const [i, column] of [...profile.columns, profile.score].entries()) {
      this.starts[i] = slots
      slots += slotsOf(column)
    }
    this.counts = new Float64Array(slots)
    this.sums = new Float64Array(numbers.length * sumsPerNumber)
    this.#units = numbers.map(unitEdges)
    this.#upperStart = new Int32Array(numbers.length)
    this.#bins = Int32Array.from(numbers, column => column.counts.length)
    this.#points = Uint8Array.from(numbers, column => (column.form === 'points' ? 1 : 0))
    this.#lowest = Float64Array.from(numbers, column => column.edges[0] ?? 0)
    this.#highest = Float64Array.from(numbers, column => column.edges.at(-1) ?? 0)
    this.#mean = Float64Array.from(numbers, column => column.mean)
    this.#scale = Float64Array.from(numbers, column => (column.std > 0 ? stepsPerDeviation / column.std : 0))
    const upper: number[] = []
    for (const [i, column] of numbers.entries()) {
      this.#upperStart[i] = upper.length
      upper.push(...(column.form === 'points' ? column.edges : column.edges.slice(1)))
    }
    this.#upper = Float32Array.from(upper)
    this.#categories = texts.map(column => {
      const slotOf = new Map(column.categories.map((category, i) => [category, i]))
      for (const category of column.others ?? []) slotOf.set(category, column.counts.length)
      slotOf.set('', column.counts.length + 2)
      return slotOf
    })
    // without the list of other values nothing can be told to be unseen
    this.#unknown = Int32Array.from(texts, column => column.counts.length + (column.others === null ? 0 : 1))
  }

  #number(column: number, start: number, x: number): void {
    const counts = this.counts
    const bins = this.#bins[column] as number
    let slot: number
    if (x - x !== 0) {
      slot = bins + (x === Number.POSITIVE_INFINITY ? 1 : x === Number.NEGATIVE_INFINITY ? 2 : 0)
    } else {
      const base = this.#upperStart[column] as number
      const upper = this.#upper
      let low = 0
      let high = bins - 1
      while (low < high) {
        const middle = (low + high) >> 1
        if (x <= (upper[base + middle] as number)) high = middle
        else low = middle + 1
      }
      slot = low
      if (this.#points[column] === 1 && (bins === 0 || (upper[base + low] as number) !== x)) slot = bins + 3
      if (x < (this.#lowest[column] as number)) counts[start + bins + 4] = (counts[start + bins + 4] as number) + 1
      else if (x > (this.#highest[column] as number))
        counts[start + bins + 5] = (counts[start + bins + 5] as number) + 1
      let q = Math.round((x - (this.#mean[column] as number)) * (this.#scale[column] as number))
      q = q > clamp ? clamp : q < -clamp ? -clamp : q
      const square = q * q
      const upperHalf = Math.floor(square / split)
      const sums = this.sums
      const at = column * sumsPerNumber
      sums[at] = (sums[at] as number) + q
      sums[at + 1] = (sums[at + 1] as number) + upperHalf
      sums[at + 2] = (sums[at + 2] as number) + (square - upperHalf * split)
      if (q > farSteps || q < -farSteps) counts[start + bins + farSlot] = (counts[start + bins + farSlot] as number) + 1
      const scaled = Math.round(x * rawSteps)
      const raw = scaled > rawClamp ? rawClamp : scaled < -rawClamp ? -rawClamp : scaled
      sums[at + 3] = (sums[at + 3] as number) + raw
      sums[at + 4] = (sums[at + 4] as number) + raw * raw
      const { edges } = this.#units[column] as UnitEdges
      if (edges.length > 0) {
        let below = 0
        let above = edges.length
        while (below < above) {
          const middle = (below + above) >> 1
          if (x <= (edges[middle] as number)) above = middle
          else below = middle + 1
        }
        const place = start + bins + numberExtras + below
        counts[place] = (counts[place] as number) + 1
      }
    }
    counts[start + slot] = (counts[start + slot] as number) + 1
  }

  /**
   * Counts one row: its float32 inputs from `offset` on, its text inputs from `categoryOffset` on, and its score (rounded to
   * float32, as the baseline's are).
   */
  add(
    features: Float32Array | Float64Array,
    offset: number,
    categories: readonly string[] | undefined,
    score: number,
    categoryOffset = 0,
  ): void {
    const last = this.#numbers - 1
    const starts = this.starts
    for (let i = 0; i < last; i++) this.#number(i, starts[i] as number, features[offset + i] as number)
    this.#number(last, starts[last + this.#texts] as number, Math.fround(score))
    for (let i = 0; i < this.#texts; i++) {
      const value = categories?.[categoryOffset + i] ?? ''
      const slot = (starts[last + i] as number) + (this.#categories[i]?.get(value) ?? (this.#unknown[i] as number))
      this.counts[slot] = (this.counts[slot] as number) + 1
    }
    this.rows++
  }

  /** Counts every row of a batch with its scores. */
  addBatch(batch: InferenceBatch, scores: ArrayLike<number>): void {
    const width = this.#numbers - 1
    for (let row = 0; row < batch.rows; row++)
      this.add(batch.features, row * width, batch.categories, scores[row] as number, row * this.#texts)
  }

  #combine(other: WindowAccumulator, sign: 1 | -1): void {
    if (other.digest !== this.digest) throw fail('profileMismatch', { reason: 'two windows with different baselines' })
    this.rows += sign * other.rows
    for (let i = 0; i < this.counts.length; i++)
      this.counts[i] = (this.counts[i] as number) + sign * (other.counts[i] as number)
    for (let i = 0; i < this.sums.length; i++)
      this.sums[i] = (this.sums[i] as number) + sign * (other.sums[i] as number)
  }

  /** Adds another window; `profileMismatch` when it belongs to another baseline. */
  merge(other: WindowAccumulator): void {
    this.#combine(other, 1)
  }

  /** Takes a window out again that was merged before: what makes sliding windows exact. */
  subtract(other: WindowAccumulator): void {
    this.#combine(other, -1)
  }

  /** Counters of column `index` in the profile's order (the score is the last index): bins, then extra slots. */
  column(index: number): Float64Array {
    return this.counts.subarray(this.starts[index] as number, this.starts[index + 1] ?? this.counts.length)
  }

  /** Counters of number column `index` (numbers' order, the score last), and how many of its values were finite. */
  #slots(index: number): { readonly slots: Float64Array; readonly bins: number; readonly finite: number } {
    const slots = this.column(index === this.#numbers - 1 ? this.starts.length - 1 : index)
    const bins = this.#bins[index] as number
    let finite = slots[bins + unseenSlot] as number
    for (let i = 0; i < bins; i++) finite += slots[i] as number
    return { slots, bins, finite }
  }

  /** Mean and standard deviation (ddof 0) of the finite values of number column `index` (numbers' order, the score last). */
  moments(index: number): { readonly mean: number; readonly std: number } {
    const { finite } = this.#slots(index)
    const scale = this.#scale[index] as number
    const mean = this.#mean[index] as number
    if (finite === 0 || scale === 0) return { mean, std: 0 }
    const at = index * sumsPerNumber
    const q = (this.sums[at] as number) / finite
    const square = ((this.sums[at + 1] as number) * split + (this.sums[at + 2] as number)) / finite
    return { mean: mean + q / scale, std: Math.sqrt(Math.max(0, square - q * q)) / scale }
  }

  /** What a scaler is held against, of number column `index` (numbers' order, the score last). */
  scaling(index: number): WindowColumn {
    const { slots, bins, finite } = this.#slots(index)
    const at = index * sumsPerNumber
    const mean = (this.sums[at + 3] as number) / Math.max(1, finite)
    const square = (this.sums[at + 4] as number) / Math.max(1, finite)
    const missing = slots[bins + missingSlot] as number
    return {
      rows: this.rows,
      finite,
      missing,
      ...this.moments(index),
      far: slots[bins + farSlot] as number,
      raw: { mean: mean / rawSteps, std: Math.sqrt(Math.max(0, square - mean * mean)) / rawSteps },
      other: this.#points[index] === 1 ? (slots[bins + unseenSlot] as number) : undefined,
      units: unitFits(this.#units[index] as UnitEdges, slots.subarray(bins + numberExtras)),
    }
  }

  toJSON(): WindowState {
    return { profile: this.digest, rows: this.rows, counts: [...this.counts], sums: [...this.sums] }
  }

  /** Reads `toJSON` back; `profileMismatch` when the state belongs to another baseline. */
  static fromJSON(profile: Profile, state: WindowState): WindowAccumulator {
    const window = new WindowAccumulator(profile)
    if (
      state.profile !== window.digest ||
      state.counts.length !== window.counts.length ||
      state.sums.length !== window.sums.length
    )
      throw fail('profileMismatch', { reason: 'a stored window was made with another baseline' })
    window.rows = state.rows
    window.counts.set(state.counts)
    window.sums.set(state.sums)
    return window
  }
}

/** An empty window for that baseline. */
export function createWindow(profile: Profile): WindowAccumulator {
  return new WindowAccumulator(profile)
}
