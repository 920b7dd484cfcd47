import { auc } from '../../../math/metrics/ranking.ts'
import { averagePrecision } from '../../../math/metrics/classification.ts'
import { wilson } from '../../../math/special/proportion.ts'
import type { ClassCurves, Curve, Histogram, Point, Whose } from './shape.ts'

interface ScoredRows {
  readonly of: Whose
  readonly labels: ArrayLike<number>
  readonly scores: ArrayLike<number>
}

/** Most points of a curve. */
const maxPoints = 120
const bins = 10

export function curvesOf(name: string, both: readonly ScoredRows[]): ClassCurves {
  const [first] = both
  const labels = first?.labels ?? []
  let positives = 0
  for (let i = 0; i < labels.length; i++) if ((labels[i] as number) > 0.5) positives++
  const made = both.map(one => ({ one, ...thresholded(one) }))
  return {
    class: name,
    share: positives / Math.max(1, labels.length),
    roc: made.map(({ one, roc }): Curve => ({ of: one.of, points: roc, area: finite(auc(one.labels, one.scores)) })),
    precisionRecall: made.map(
      ({ one, precisionRecall }): Curve => ({
        of: one.of,
        points: precisionRecall,
        area: finite(averagePrecision(one.labels, one.scores)),
      }),
    ),
    calibration: both.map(one => ({ of: one.of, bins: calibrationBins(one) })),
  }
}

const finite = (value: number): number => (Number.isFinite(value) ? value : 0)

/** Rates at every threshold, thinned to as many points as a picture shows. */
function thresholded({ labels, scores }: ScoredRows): { roc: Point[]; precisionRecall: Point[] } {
  const n = scores.length
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort(
    (i, j) => (scores[j] as number) - (scores[i] as number),
  )
  let positives = 0
  for (let i = 0; i < n; i++) if ((labels[i] as number) > 0.5) positives++
  const negatives = n - positives
  const roc: Point[] = [[0, 0]]
  const precisionRecall: Point[] = []
  let [hits, falls] = [0, 0]
  for (let at = 0; at < n; at++) {
    const row = order[at] as number
    if ((labels[row] as number) > 0.5) hits++
    else falls++
    const next = order[at + 1]
    if (next !== undefined && (scores[next] as number) === (scores[row] as number)) continue
    roc.push([falls / Math.max(1, negatives), hits / Math.max(1, positives)])
    precisionRecall.push([hits / Math.max(1, positives), hits / (hits + falls)])
  }
  return { roc: thinned(roc), precisionRecall: thinned(precisionRecall) }
}

function thinned(points: readonly Point[]): Point[] {
  const short = ([x, y]: Point): Point => [Number(x.toPrecision(4)), Number(y.toPrecision(4))]
  if (points.length <= maxPoints) return points.map(short)
  const step = (points.length - 1) / (maxPoints - 1)
  return Array.from({ length: maxPoints }, (_, i) => short(points[Math.round(i * step)] as Point))
}

/** Ten bins of about equally many rows: mean score, share of positives and its interval. */
function calibrationBins({ labels, scores }: ScoredRows) {
  const n = scores.length
  const order = Uint32Array.from({ length: n }, (_, i) => i).sort(
    (i, j) => (scores[i] as number) - (scores[j] as number),
  )
  const made: { score: number; share: number; lower: number; upper: number; rows: number }[] = []
  for (let bin = 0; bin < bins; bin++) {
    const rows = order.subarray(Math.floor((bin * n) / bins), Math.floor(((bin + 1) * n) / bins))
    if (rows.length === 0) continue
    let [sum, hits] = [0, 0]
    for (const row of rows) {
      sum += scores[row] as number
      if ((labels[row] as number) > 0.5) hits++
    }
    made.push({
      score: finite(sum / rows.length),
      share: hits / rows.length,
      ...wilson(hits, rows.length),
      rows: rows.length,
    })
  }
  return made
}

const histogramBins = 30

/** Counts of several groups over the same even bins; the outermost hold what lies beyond. */
export function histogramOf(
  groups: readonly { readonly name: string; readonly values: ArrayLike<number> }[],
  range?: Point,
): Histogram {
  const all = Float64Array.from(groups.flatMap(one => Array.from(one.values)).filter(Number.isFinite)).sort()
  const at = (share: number): number => all[Math.floor(share * (all.length - 1))] ?? 0
  let [low, high] = range ?? [at(0.005), at(0.995)]
  if (!(high > low)) [low, high] = [low - 0.5, low + 0.5]
  const edges = Array.from({ length: histogramBins + 1 }, (_, i) => low + ((high - low) * i) / histogramBins)
  return {
    edges,
    groups: groups.map(({ name, values }) => {
      const counts = Array.from({ length: histogramBins }, () => 0)
      for (let i = 0; i < values.length; i++) {
        const value = values[i] as number
        if (!Number.isFinite(value)) continue
        const bin = Math.max(0, Math.min(histogramBins - 1, Math.floor(((value - low) / (high - low)) * histogramBins)))
        counts[bin] = (counts[bin] as number) + 1
      }
      return { name, counts }
    }),
  }
}
