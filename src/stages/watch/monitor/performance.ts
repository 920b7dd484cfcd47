import type { Task } from '../../../math/task.ts'
import { type Duration, type Micros, micros } from '../../../internal/time.ts'
import { aucInterval, areaUnderCurve } from '../../../math/metrics/ranking.ts'
import { normalQuantile } from '../../../math/special/normal.ts'
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
  readonly rows: Map<string, { readonly at: Micros; readonly score: Score; label: number; labelledAt: Micros }>
  labelled: number
  revision: number
}

/**
 * Joins labels that arrive later, in any order and even before their prediction, to predictions by id, in cohorts of prediction
 * time. Memory grows with the predictions of the cohorts kept; `drop` frees old ones.
 */
export class RealisedPerformance {
  readonly #options: PerformanceOptions
  readonly #length: Micros
  readonly #cohorts = new Map<number, Held>()
  readonly #where = new Map<string, number>()
  readonly #early = new Map<string, { label: number; at: Micros }>()

  constructor(options: PerformanceOptions) {
    this.#options = options
    this.#length = micros(options.cohort ?? '1d')
  }

  /** Notes a prediction; the first one of an id counts. True when its label had come before it. */
  predicted(id: string, at: Micros, score: Score): boolean {
    if (this.#where.has(id) || !Number.isFinite(headline(score))) return false
    const index = Math.floor(at / this.#length)
    let held = this.#cohorts.get(index)
    if (!held) this.#cohorts.set(index, (held = { rows: new Map(), labelled: 0, revision: 0 }))
    held.rows.set(id, { at, score, label: Number.NaN, labelledAt: 0 })
    this.#where.set(id, index)
    const early = this.#early.get(id)
    if (!early) return false
    this.#early.delete(id)
    return this.labelled(id, early.label, early.at)
  }

  /** Joins a label; a later one for the same id corrects it. True when a row that is known got its first one. */
  labelled(id: string, label: number, at: Micros): boolean {
    if (!Number.isFinite(label)) return false
    const index = this.#where.get(id)
    const held = index === undefined ? undefined : this.#cohorts.get(index)
    const row = held?.rows.get(id)
    if (!held || !row) {
      this.#early.set(id, { label, at })
      return false
    }
    const first = Number.isNaN(row.label)
    if (first) held.labelled++
    row.label = label
    row.labelledAt = at
    held.revision++
    return first
  }

  /** Forgets cohorts that end at or before `before`, and labels that arrived before it without a prediction. */
  drop(before: Micros): void {
    for (const [index, held] of this.#cohorts)
      if ((index + 1) * this.#length <= before) {
        for (const id of held.rows.keys()) this.#where.delete(id)
        this.#cohorts.delete(index)
      }
    for (const [id, early] of this.#early) if (early.at < before) this.#early.delete(id)
  }

  /** Every cohort kept, oldest first. */
  cohorts(now: Micros): Cohort[] {
    return [...this.#cohorts].sort((a, b) => a[0] - b[0]).map(([index, held]) => this.#cohort(index, held, now))
  }

  #cohort(index: number, held: Held, now: Micros): Cohort {
    const { task, level, confidence = 0.99 } = this.#options
    const scores: Score[] = []
    const labels = new Float32Array(held.labelled)
    let n = 0
    let delay = 0
    for (const row of held.rows.values()) {
      if (Number.isNaN(row.label)) continue
      scores.push(row.score)
      labels[n++] = row.label
      delay += Math.max(0, row.labelledAt - row.at)
    }
    const from = index * this.#length
    const to = from + this.#length
    const coverage = n / held.rows.size
    const area = task === 'binary' ? areaUnderCurve(labels, scores as number[]) : undefined
    const loss = meanLoss(task, labels, scores, level)
    const half = -normalQuantile((1 - confidence) / 2) * loss.error
    const late = now >= to + micros(this.#options.horizon ?? '7d')
    return {
      from,
      to,
      predictions: held.rows.size,
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
