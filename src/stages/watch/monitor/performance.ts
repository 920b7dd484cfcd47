import type { Task } from '../../../math/task.ts'
import { type Duration, type Micros, micros } from '../../../internal/time.ts'
import { aucInterval, areaUnderCurve } from '../../../math/metrics/ranking.ts'
import { normalQuantile } from '../../../math/special/normal.ts'
import { IdTable, NumberColumn, ScoreColumn } from '../../../internal/id-table.ts'
import { headline, type Score } from '../../../math/metrics/row-loss.ts'
import { meanLoss, qualityOf } from '../../windows/baseline-performance.ts'
import type { BaselinePerformance } from '../../windows/profile.ts'

export interface PerformanceOptions {
  readonly task: Task
  /** Of quantiles. */
  readonly level?: number
  /** Length of a cohort of predictions; `1d`. */
  readonly cohort?: Duration
  /** A cohort is published when this share of it is labelled (0.8) or the horizon has passed since its end (`7d`). */
  readonly coverage?: number
  readonly horizon?: Duration
  /** Of the intervals; 0.99. */
  readonly confidence?: number
}

interface Estimate {
  readonly value: number
  readonly lower: number
  readonly upper: number
}

/** Realised performance of the predictions of one stretch of time. */
export interface Cohort {
  readonly from: Micros
  readonly to: Micros
  readonly predictions: number
  /** Of those that are kept; all of them, unless there are very many. */
  readonly labelled: number
  readonly coverage: number
  readonly published: boolean
  /** Goes up with every label that changed it: figures are stated anew, never overwritten. */
  readonly revision: number
  /** AUC, for binary with both classes seen. */
  readonly auc: Estimate | null
  /** Log loss, pinball loss, Poisson deviance or squared error. */
  readonly loss: Estimate | null
  /** R² for regression. */
  readonly r2: number | null
  /** Share of the rows whose likeliest class came true, for multiclass. */
  readonly accuracy: number | null
  readonly meanDelay: Micros | null
}

interface Held {
  /** All of them, kept or not. */
  predictions: number
  kept: number
  /** Of its predictions, those whose ids draw less are kept. */
  share: number
  revision: number
}

/** Labels whose prediction may still come; the oldest are forgotten beyond this many. Ids that are wrong end here too. */
const maxEarly = 100_000

/** Of predictions that are kept; beyond them every second one of the largest cohort is, then every fourth, by their ids. */
const keptLimits = { maxRows: 1_000_000, maxBytes: 64 * 2 ** 20 }

/**
 * Joins labels that arrive later, in any order and even before their prediction, to predictions by id, in cohorts of prediction
 * time. Where there are more predictions than are kept, figures are those of a sample that is drawn by ids: whether a row is in
 * it depends neither on its score nor on its label. `drop` frees old cohorts.
 */
export class RealisedPerformance {
  readonly #options: PerformanceOptions
  readonly #length: Micros
  readonly #cohorts = new Map<number, Held>()
  readonly #at = new NumberColumn()
  readonly #score = new ScoreColumn()
  /** NaN while there is none. */
  readonly #label = new NumberColumn()
  readonly #labelledAt = new NumberColumn()
  readonly #rows: IdTable
  readonly #maxRows: number
  readonly #early = new Map<string, { label: number; at: Micros }>()

  constructor(options: PerformanceOptions, { maxRows, maxBytes } = keptLimits) {
    this.#options = options
    this.#maxRows = maxRows
    // The share is halved before the table forgets by itself: it forgets the oldest, which are no sample
    this.#rows = new IdTable([this.#at, this.#score, this.#label, this.#labelledAt], {
      maxRows: maxRows + 1,
      maxBytes,
    })
    this.#length = micros(options.cohort ?? '1d')
  }

  /** Notes a prediction; the first one of an id counts. True when its label had come before it. */
  predicted(id: string, at: Micros, score: Score): boolean {
    if (!Number.isFinite(headline(score))) return false
    if (this.#rows.find(id) >= 0) return false
    const index = this.#cohortOf(at)
    let held = this.#cohorts.get(index)
    if (!held) this.#cohorts.set(index, (held = { predictions: 0, kept: 0, share: 1, revision: 0 }))
    held.predictions++
    if (held.share < 1 && this.#rows.draw(id) >= held.share) return false
    held.kept++
    const slot = this.#rows.add(id)
    this.#at.set(slot, at)
    this.#score.set(slot, score)
    this.#label.set(slot, Number.NaN)
    if (this.#rows.size > this.#maxRows || this.#rows.full) this.#halve()
    const early = this.#early.get(id)
    if (!early) return false
    this.#early.delete(id)
    return this.labelled(id, early.label, early.at)
  }

  /** Joins a label; a later one for the same id corrects it. True when a row that is known got its first one. */
  labelled(id: string, label: number, at: Micros): boolean {
    if (!Number.isFinite(label)) return false
    const slot = this.#rows.find(id)
    const held = slot < 0 ? undefined : this.#cohorts.get(this.#cohortOf(this.#at.get(slot)))
    if (!held) {
      this.#early.set(id, { label, at })
      if (this.#early.size > maxEarly) this.#early.delete(this.#early.keys().next().value as string)
      return false
    }
    const first = Number.isNaN(this.#label.get(slot))
    this.#label.set(slot, label)
    this.#labelledAt.set(slot, at)
    held.revision++
    return first
  }

  #cohortOf(at: Micros): number {
    return Math.floor(at / this.#length)
  }

  /** Half of the largest cohort stays. */
  #halve(): void {
    const [index, held] = [...this.#cohorts].reduce((most, one) => (one[1].kept > most[1].kept ? one : most))
    held.share /= 2
    this.#rows.each(slot => {
      if (this.#cohortOf(this.#at.get(slot)) !== index || this.#rows.drawOf(slot) < held.share) return
      this.#rows.remove(slot)
      held.kept--
    })
  }

  /** Forgets cohorts that end at or before `before`, and labels that arrived before it without a prediction. */
  drop(before: Micros): void {
    for (const index of this.#cohorts.keys()) if ((index + 1) * this.#length <= before) this.#cohorts.delete(index)
    this.#rows.each(slot => {
      if (!this.#cohorts.has(this.#cohortOf(this.#at.get(slot)))) this.#rows.remove(slot)
    })
    for (const [id, early] of this.#early) if (early.at < before) this.#early.delete(id)
  }

  /** Every cohort kept, oldest first. */
  cohorts(now: Micros): Cohort[] {
    const slots = new Map<number, number[]>([...this.#cohorts.keys()].map(index => [index, []]))
    this.#rows.each(slot => slots.get(this.#cohortOf(this.#at.get(slot)))?.push(slot))
    return [...this.#cohorts]
      .sort((a, b) => a[0] - b[0])
      .map(([index, held]) => this.#cohort(index, held, slots.get(index) ?? [], now))
  }

  #cohort(index: number, held: Held, kept: readonly number[], now: Micros): Cohort {
    const { task, level, confidence = 0.99 } = this.#options
    const labelled = kept.filter(slot => !Number.isNaN(this.#label.get(slot)))
    const scores = labelled.map(slot => this.#score.get(slot))
    const labels = Float32Array.from(labelled, slot => this.#label.get(slot))
    const n = labelled.length
    const delay = labelled.reduce((sum, slot) => sum + Math.max(0, this.#labelledAt.get(slot) - this.#at.get(slot)), 0)
    const from = index * this.#length
    const to = from + this.#length
    const coverage = kept.length === 0 ? 0 : n / kept.length
    const area = task === 'binary' ? areaUnderCurve(labels, scores as number[]) : undefined
    const loss = meanLoss(task, labels, scores, level)
    const half = -normalQuantile((1 - confidence) / 2) * loss.error
    const late = now >= to + micros(this.#options.horizon ?? '7d')
    return {
      from,
      to,
      predictions: held.predictions,
      labelled: n,
      coverage,
      published: n > 0 && now >= to && (late || coverage >= (this.#options.coverage ?? 0.8)),
      revision: held.revision,
      auc: area && Number.isFinite(area.auc) ? { value: area.auc, ...aucInterval(area, confidence) } : null,
      loss: n > 1 ? { value: loss.value, lower: loss.value - half, upper: loss.value + half } : null,
      r2: task === 'regression' && n > 1 ? qualityOf(task, labels, scores).value : null,
      accuracy: task === 'multiclass' && n > 0 ? qualityOf(task, labels, scores).value : null,
      meanDelay: n > 0 ? delay / n : null,
    }
  }
}

export interface FloorVerdict {
  readonly below: boolean
  readonly metric: 'auc' | 'loss'
  /** The cohort's interval end that must pass, and the limit. */
  readonly value: number
  readonly limit: number
  readonly reason: string
}

/**
 * Whether a cohort is certainly worse than the baseline allows. The slack is the largest of three standard errors of the
 * baseline, 2 % of it, and three natural standard deviations between its windows; the cohort must be beyond it with its whole
 * interval. Binary models are held to AUC and log loss, regression to its loss.
 */
export function belowFloor(baseline: BaselinePerformance, cohort: Cohort): FloorVerdict {
  const slack = (part: { value: number; error: number; natural: number | null }): number =>
    Math.max(3 * part.error, 0.02 * Math.abs(part.value), 3 * (part.natural ?? 0))
  const text = (x: number): string => x.toPrecision(4)
  if (baseline.task === 'binary' && cohort.auc) {
    const limit = baseline.quality.value - slack(baseline.quality)
    if (cohort.auc.upper < limit) {
      const reason = `AUC ${text(cohort.auc.value)} on ${cohort.labelled} labelled rows, at most ${text(cohort.auc.upper)}; the floor is ${text(limit)}`
      return { below: true, metric: 'auc', value: cohort.auc.upper, limit, reason }
    }
  }
  const limit = baseline.loss.value + slack(baseline.loss)
  const value = cohort.loss?.lower ?? 0
  const below = cohort.loss !== null && value > limit
  const reason = below
    ? `loss ${text(cohort.loss?.value ?? 0)} on ${cohort.labelled} labelled rows, at least ${text(value)}; the ceiling is ${text(limit)}`
    : `performance on ${cohort.labelled} labelled rows is within the baseline's limits`
  return { below, metric: 'loss', value, limit, reason }
}
