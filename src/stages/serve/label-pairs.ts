import type { Task } from '../../math/task.ts'
import type { Decision } from '../../define/decision.ts'
import type { Micros } from '../../internal/time.ts'
import { rowLoss, type Score } from '../../math/metrics/row-loss.ts'
import { DuePairs, type PairedLosses } from './due-pairs.ts'
import { WaitingPredictions } from './waiting-predictions.ts'

/** Labels whose prediction may still come; the oldest are forgotten beyond these. Ids that are wrong end here too. */
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
  readonly #pending = new WaitingPredictions()
  readonly #early = new Map<string, number>()
  readonly #due = new DuePairs()
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
    this.#due.clear()
  }

  /** `canary` undefined: `challenged` says it later. */
  remember(id: string, at: Micros, stable: Score, canary: Score | undefined, epoch: number): void {
    const isOpen = canary === undefined
    this.#pending.put(id, { at, epoch, stable, canary: canary ?? Number.NaN, isOpen, label: Number.NaN })
    const early = this.#early.get(id)
    if (early === undefined) return
    this.#early.delete(id)
    this.label(id, early)
  }

  /** What the challenger said of a remembered prediction; NaN where it had nothing to say. */
  challenged(id: string, canary: Score): void {
    const waiting = this.#pending.get(id)
    if (!waiting?.isOpen) return
    this.#pending.put(id, { ...waiting, canary, isOpen: false })
    if (!Number.isNaN(waiting.label)) this.label(id, waiting.label)
  }

  /** False when the prediction has its label, or is unknown: then the label waits for it. */
  label(id: string, label: number): boolean {
    const waiting = this.#pending.get(id)
    if (!waiting) {
      if (!this.#early.has(id)) this.#early.set(id, label)
      forgetOldest(this.#early, maxEarly)
      return false
    }
    const { at, epoch, stable, canary, isOpen } = waiting
    if (isOpen) {
      if (!Number.isNaN(waiting.label)) return false
      this.#pending.put(id, { ...waiting, label })
      return true
    }
    if (this.#epoch === epoch && !(typeof canary === 'number' && Number.isNaN(canary)))
      this.#due.add(at, this.#loss(label, stable), this.#loss(label, canary))
    this.#pending.remove(id)
    return true
  }

  #loss(label: number, score: Score): number {
    return rowLoss(this.#task, label, score, this.#level)
  }

  /** Labelled rows whose time has not come: until then they count as none. */
  get waiting(): number {
    return this.#due.size
  }

  /** The pairs whose time has come, each once; undefined when there are none. */
  release(now: Micros): PairedLosses | undefined {
    this.#released = Math.max(this.#released, now)
    return this.#due.take(this.#released - this.#horizon)
  }

  /** Predictions that do not fit a small window lie on disk from now on, below that folder. */
  spill(folder: string, onError: (error: unknown) => void): void {
    this.#pending.spill(folder, onError)
  }

  /** Nothing is waited for any more. */
  close(): Promise<void> {
    return this.#pending.close()
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
    this.#due.take(released - this.#horizon)
  }

  #reach(epoch: number): void {
    if (epoch <= this.#epoch) return
    this.#epoch = epoch
    this.#due.clear()
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
