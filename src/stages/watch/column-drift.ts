import {
  binnedKs,
  binnedWasserstein,
  correctedPsi,
  jensenShannonDistance,
  klDivergence,
  pointWasserstein,
  psi,
  totalVariation,
} from '../../math/distribution/divergence.ts'
import type { Change } from './changes.ts'
import type { ColumnProfile } from '../windows/profile.ts'

export type DriftVerdict = 'ok' | 'warn' | 'drift' | 'insufficient' | 'error'

/** How one column of a window compares with the baseline. */
export interface ColumnDrift {
  readonly name: string
  readonly kind: 'number' | 'text'
  /** True for the model's score. */
  readonly output: boolean
  readonly rows: number
  /** PSI over the test bins and the missing, infinite and unseen shares; `corrected` less its mean without drift. */
  readonly psi: number
  readonly corrected: number
  /** Of the current from the reference distribution, nats. */
  readonly kl: number
  /** Jensen–Shannon distance, base 2. */
  readonly js: number
  readonly tvd: number
  /** Binned Kolmogorov–Smirnov and Wasserstein-1 over the baseline's standard deviation; null for texts. */
  readonly ks: number | null
  readonly wasserstein: number | null
  readonly missing: { readonly reference: number; readonly current: number; readonly change: number }
  readonly unseen: number
  /** What stands out most, over this window or the last ones; null where nothing could be compared. */
  readonly change: Change | null
  /** Its size in units of the smallest change that matters: the figure to plot. */
  readonly times: number
  /** Probability of such a change were the true one the smallest that matters, corrected for directions and spans. */
  readonly p: number
  readonly importance: number | null
  readonly verdict: DriftVerdict
  /** Set exactly when the verdict is `error`. */
  readonly error?: string
}

/** Counts of baseline and window in the three views that are compared. */
interface Views {
  readonly fine: readonly [Float64Array, Float64Array]
  /** Test bins of valid values. */
  readonly values: readonly [Float64Array, Float64Array]
  /** Valid, missing, and per kind infinite, unseen. */
  readonly presence: readonly [readonly number[], readonly number[]]
  readonly missing: readonly [number, number]
  readonly unseen: number
}

function sum(counts: ArrayLike<number>): number {
  let total = 0
  for (let i = 0; i < counts.length; i++) total += counts[i] as number
  return total
}

function viewsOf(column: ColumnProfile, slots: Float64Array): Views {
  const bins = column.counts.length
  const at = (extra: number): number => slots[bins + extra] as number
  if (column.kind === 'text') {
    const reference = Float64Array.from([...column.counts, column.other])
    const current = slots.slice(0, bins + 1)
    return {
      fine: [reference, current],
      values: [reference, current],
      presence: [
        [sum(reference), column.missing, 0],
        [sum(current), at(2), at(1)],
      ],
      missing: [column.missing, at(2)],
      unseen: at(1),
    }
  }
  const width = (column.coarse.at(-1) ?? -1) + 1
  const reference = new Float64Array(width)
  const current = new Float64Array(width)
  for (let i = 0; i < bins; i++) {
    const coarse = column.coarse[i] as number
    reference[coarse] = (reference[coarse] as number) + (column.counts[i] as number)
    current[coarse] = (current[coarse] as number) + (slots[i] as number)
  }
  return {
    fine: [Float64Array.from(column.counts), slots.slice(0, bins)],
    values: [reference, current],
    presence: [
      [sum(reference), column.missing, column.positiveInfinity, column.negativeInfinity, 0],
      [sum(current), at(0), at(1), at(2), at(3)],
    ],
    missing: [column.missing, at(0)],
    unseen: at(3),
  }
}

/** The measures of one column of a window, which people may want to see; they decide nothing. */
export type Measures = Omit<ColumnDrift, 'verdict' | 'change' | 'times' | 'p' | 'error'>

export function measureColumn(column: ColumnProfile, slots: Float64Array, output: boolean): Measures {
  const views = viewsOf(column, slots)
  const rows = sum(views.presence[1])
  const referenceRows = sum(views.presence[0])
  const both = [
    [...views.values[0], ...views.presence[0].slice(1)],
    [...views.values[1], ...views.presence[1].slice(1)],
  ] as const
  const used = [
    both[0].filter((r, i) => r + (both[1][i] as number) > 0),
    both[1].filter((c, i) => c + (both[0][i] as number) > 0),
  ] as const
  const valid = sum(views.fine[1]) > 0 && sum(views.fine[0]) > 0
  const isNumber = column.kind === 'number' && valid
  const missing = views.missing[0] / referenceRows
  const missingNow = rows > 0 ? views.missing[1] / rows : 0
  return {
    name: column.name,
    kind: column.kind,
    output,
    rows,
    psi: rows > 0 ? psi(...used) : 0,
    corrected: rows > 0 ? correctedPsi(...used) : 0,
    kl: rows > 0 ? klDivergence(...used) : 0,
    js: rows > 0 ? jensenShannonDistance(...used) : 0,
    tvd: rows > 0 ? totalVariation(...used) : 0,
    ks: isNumber ? binnedKs(...views.fine) : null,
    wasserstein:
      isNumber && column.std > 0
        ? (column.form === 'bins' ? binnedWasserstein : pointWasserstein)(column.edges, ...views.fine) / column.std
        : null,
    missing: { reference: missing, current: missingNow, change: missingNow - missing },
    unseen: rows > 0 ? views.unseen / rows : 0,
    importance: column.importance ?? null,
  }
}
