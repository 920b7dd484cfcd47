import type { Task } from '../../math/task.ts'
import type { Decision } from '../../define/decision.ts'
import type { Micros } from '../../internal/time.ts'
import { IdTable, NumberColumn, ScoreColumn } from '../../internal/id-table.ts'
import { rowLoss, type Score } from '../../math/metrics/row-loss.ts'

/** Losses of both arms on the same rows. */
export interface PairedLosses {
  readonly stable: readonly number[]
  readonly canary: readonly number[]
}

/** Predictions whose label may still come; the oldest are forgotten beyond these. */
const pendingLimits = { maxRows: 2_000_000, maxBytes: 128 * 2 ** 20 }
/** Labels whose prediction may still come; likewise. Ids that are wrong end here too. */
const maxEarly = 100_000

function forgetOldest(map: Map<string, unknown>, most: number): void {
  if (map.size > most) map.delete(map.keys().next().value as string)
}

/**
 * Joins labels to the predictions of both arms; one that comes before its prediction waits for it, since whoever sends it
 * may have it first. The first label of a prediction counts. Paired losses count only once every label of their time has had the time to
 * come: quick labels are not typical.
 */
export class LabelPairs {
  readonly #task: Task
  readonly #level: number | undefined
  readonly #horizon: Micros
  readonly #at = new NumberColumn()
  /** Which rollout's challenger may have scored it. */
  readonly #epochs = new NumberColumn()
  readonly #stable = new ScoreColumn()
  /** NaN when no challenger scored the row. */
  readonly #canary = new ScoreColumn()
  /** 1 while the challenger's score may still come. */
  readonly #open = new NumberColumn()
  /** NaN, or the label that came before the challenger's score. */
  readonly #label = new NumberColumn()
  readonly #pending = new IdTable(
    [this.#at, this.#epochs, this.#stable, this.#canary, this.#open, this.#label],
    pendingLimits,
  )
  readonly #early = new Map<string, number>()
  #due: { at: Micros; stable: number; canary: number }[] = []
  /** Goes up with every rollout: labels of rows that an earlier challenger scored are none of this one's. */
  #epoch = 0
  /** Pairs that were due by then have counted. Never goes back, whatever the clock does. */
  #released: Micros = 0

  /** `level`: of quantiles. */
  constructor(task: Task, horizon: Micros, level?: number) {
    this.#task = task
    this.#level = level
    this.#horizon = horizon
  }

  get epoch(): number {
    return this.#epoch
  }

  /** A rollout begins. */
  begin(): void {
    this.#epoch++
    this.#due = []
  }

  /** `canary` undefined: `challenged` says it later. */
  remember(id: string, at: Micros, stable: Score, canary: Score | undefined, epoch: number): void {
    const slot = this.#pending.add(id)
    this.#at.set(slot, at)
    this.#epochs.set(slot, epoch)
    this.#stable.set(slot, stable)
    this.#canary.set(slot, canary ?? Number.NaN)
    this.#open.set(slot, canary === undefined ? 1 : 0)
    this.#label.set(slot, Number.NaN)
    const early = this.#early.get(id)
    if (early === undefined) return
    this.#early.delete(id)
    this.label(id, early)
  }

  /** What the challenger said of a remembered prediction; NaN where it had nothing to say. */
  challenged(id: string, canary: Score): void {
    const slot = this.#pending.find(id)
    if (slot < 0 || this.#open.get(slot) === 0) return
    this.#canary.set(slot, canary)
    this.#open.set(slot, 0)
    const label = this.#label.get(slot)
    if (!Number.isNaN(label)) this.label(id, label)
  }

  /** False when the prediction has its label, or is unknown: then the label waits for it. */
  label(id: string, label: number): boolean {
    const slot = this.#pending.find(id)
    if (slot < 0) {
      if (!this.#early.has(id)) this.#early.set(id, label)
      forgetOldest(this.#early, maxEarly)
      return false
    }
    if (this.#open.get(slot) === 1) {
      if (!Number.isNaN(this.#label.get(slot))) return false
      this.#label.set(slot, label)
      return true
    }
    const canary = this.#canary.get(slot)
    if (this.#epoch === this.#epochs.get(slot) && !(typeof canary === 'number' && Number.isNaN(canary)))
      this.#due.push({
        at: this.#at.get(slot),
        stable: this.#loss(label, this.#stable.get(slot)),
        canary: this.#loss(label, canary),
      })
    this.#pending.remove(slot)
    return true
  }

  #loss(label: number, score: Score): number {
    return rowLoss(this.#task, label, score, this.#level)
  }

  /** Labelled rows whose time has not come: until then they count as none. */
  get waiting(): number {
    return this.#due.length
  }

  /** The pairs whose time has come, each once; undefined when there are none. */
  release(now: Micros): PairedLosses | undefined {
    this.#released = Math.max(this.#released, now)
    if (this.#due.length === 0) return undefined
    const ready = this.#due.filter(pair => pair.at + this.#horizon <= this.#released)
    if (ready.length === 0) return undefined
    this.#forgetReleased()
    return { stable: ready.map(pair => pair.stable), canary: ready.map(pair => pair.canary) }
  }

  #forgetReleased(): void {
    this.#due = this.#due.filter(pair => pair.at + this.#horizon > this.#released)
  }

  /** What `takeBack` needs besides the predictions and labels themselves. */
  capture(): { readonly epoch: number; readonly released: Micros } {
    return { epoch: this.#epoch, released: this.#released }
  }

  /** A prediction of the time before a restart. */
  recall(id: string, at: Micros, stable: Score, canary: Score, epoch: number): void {
    this.#reach(epoch)
    this.remember(id, at, stable, canary, epoch)
  }

  /** After the predictions and labels up to then were recalled: forgets what had counted. */
  takeBack({ epoch, released }: { readonly epoch: number; readonly released: Micros }): void {
    this.#reach(epoch)
    this.#released = released
    this.#forgetReleased()
  }

  #reach(epoch: number): void {
    if (epoch <= this.#epoch) return
    this.#epoch = epoch
    this.#due = []
  }
}

/** The decision with what labels are still to count: who sent them and reads of none must be told where they are. */
export function withWaiting(decision: Decision, waiting: number, horizon: Micros): Decision {
  if (waiting === 0 || (decision.verdict !== 'promoted' && decision.verdict !== 'held')) return decision
  const hours = Number((horizon / 3_600_000_000).toPrecision(3))
  return {
    ...decision,
    reason: `${decision.reason}; ${waiting} more labelled rows count once the label horizon (${hours} h) of their predictions is over`,
    inputs: { ...decision.inputs, labelsWaiting: waiting },
  }
}
