import {
  binnedKs,
  binnedWasserstein,
  cramersV,
  jensenShannonDistance,
  largestDifference,
  psi,
} from '../../../math/distribution/divergence.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { binCounts, binLevels, binOf, categoryCounts, cutPoints } from '../bins.ts'
import { columnKind, type Kind, type Measurements } from '../kind.ts'
import type { Extremes, Moments } from '../metric.ts'
import { referenceOf, type ReferenceOption } from '../reference.ts'
import type { Reference } from '../rule.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { total } from '../value-counts.ts'
import { bounded, skipped } from '../verdict.ts'
import { finiteExtremes } from '../extremes-kind.ts'
import { where } from '../where.ts'
import { checkNumbers } from '../options.ts'

const numeric = ['psi', 'jsd', 'linf', 'ks', 'wasserstein', 'cramersV'] as const
const nominal = ['psi', 'jsd', 'linf', 'cramersV'] as const
type Measure = (typeof numeric)[number]

const defaults: Record<Measure, number> = { psi: 0.2, jsd: 0.1, linf: 0.1, ks: 0.1, wasserstein: 0.1, cramersV: 0.1 }
const bins = 20
/** With fewer rows on either side the distance is noise. */
const least = 200

export interface Drift<M> {
  /** Default: the snapshot accepted before. */
  readonly from?: ReferenceOption
  /** Default `psi`. */
  readonly metric?: M
  /** Default 0.2 for `psi`, 0.1 for the others; `wasserstein` in standard deviations of the reference. */
  readonly max?: number
}
type Method<M> = (options?: Drift<M> & ExpectationOptions) => Expectation

interface Args {
  readonly of: Node
  readonly from: Reference
  readonly metric: Measure
  readonly max: number
}

const isNumber = (of: Node): boolean => of.type === 'int' || of.type === 'float'

/** Twice what a float may move by when it is stored in 32 bits, as a share of itself. */
const width = 2 ** -22

/**
 * Where floats are cut: not at values of the reference but just above them, so that the same values stored in fewer bits fall
 * into the same bins.
 */
function cutsOf(of: Node, measured: Pick<Measurements, 'reference'>): number[] | undefined {
  const found = measured.reference('cuts', 'quantiles')
  if (!found || found.count === 0) return undefined
  const cuts = cutPoints(found.at)
  return of.type === 'float' ? cutPoints(cuts.map(cut => cut + Math.abs(cut) * width)) : cuts
}

function distance(
  metric: Measure,
  reference: number[],
  current: number[],
  cuts: number[],
  measured: Pick<Measurements, 'reference'>,
): number {
  switch (metric) {
    case 'psi':
      return psi(reference, current)
    case 'jsd':
      return jensenShannonDistance(reference, current)
    case 'linf':
      return largestDifference(reference, current)
    case 'cramersV':
      return cramersV(reference, current)
    case 'ks':
      return binnedKs(reference.slice(0, -1), current.slice(0, -1))
    case 'wasserstein': {
      const moments = measured.reference('moments', 'moments') as Moments
      const extremes = measured.reference('extremes', 'extremes') as Extremes
      const [min, max] = [Number(extremes.min), Number(extremes.max)]
      const spread = Math.sqrt(moments.m2 / moments.count)
      const edges = [Math.min(min, cuts[0] ?? min), ...cuts, Math.max(max, cuts.at(-1) ?? max)]
      return spread === 0 ? 0 : binnedWasserstein(edges, reference.slice(0, -1), current.slice(0, -1)) / spread
    }
  }
}

const kind: Kind<Args> = {
  name: 'drift',
  group: 'distribution',
  summary:
    'The distribution is near that of a reference: `psi`, `jsd` (Jensen–Shannon distance), `linf`, `cramersV`, and for numbers `ks` and `wasserstein`. Numbers are cut at 20 quantiles of the reference; nulls are a bin of their own.',
  example: "c.amount.drift({ from: archive, metric: 'psi', max: 0.5 })",
  approximate:
    'distances are taken between binned distributions (20 bins of equal share, or the 100 most frequent values)',
  needs: ({ args: { of, from, metric }, when }) => {
    if (!isNumber(of)) {
      const values = { fn: 'values', of, ...where(when) } as const
      return { metrics: { values }, reference: { from, metrics: { values } } }
    }
    const cuts = { fn: 'quantiles', of, q: binLevels(bins), ...where(when) } as const
    if (metric !== 'wasserstein') return { reference: { from, metrics: { cuts } } }
    const moments = { fn: 'moments', of, spread: true, ...where(when) } as const
    return { reference: { from, metrics: { cuts, moments, extremes: finiteExtremes(of, when) } } }
  },
  later: [
    ({ args: { of, from }, when }, measured) => {
      const cuts = isNumber(of) ? cutsOf(of, measured) : undefined
      if (!cuts) return {}
      const values = { fn: 'values', of: binOf(of, cuts), ...where(when) } as const
      return { metrics: { values }, reference: { from, metrics: { values } } }
    },
  ],
  verdict: (spec, measured) => {
    const { of, metric, max } = spec.args
    const cuts = isNumber(of) ? cutsOf(of, measured) : []
    const before = cuts && measured.reference('values', 'values')
    if (!cuts || !before) return skipped(spec, 'there is no reference to compare with')
    const now = measured.metric('values', 'values')
    const [reference, current] = isNumber(of)
      ? [binCounts(before, cuts.length + 1), binCounts(now, cuts.length + 1)]
      : categoryCounts(before, now)
    const rows = Math.min(total(reference), total(current))
    if (rows < least) return skipped(spec, `it takes ${least} rows on either side, there are ${rows}`)
    return bounded(spec, { max }, distance(metric, reference, current, cuts, measured), total(current), {
      observed: { bins: reference.length, referenceRows: total(reference) },
    })
  },
}

export const drift = columnKind<{
  int: Method<Measure>
  float: Method<Measure>
  text: Method<(typeof nominal)[number]>
  bool: Method<(typeof nominal)[number]>
}>()({
  kind,
  on: ['int', 'float', 'text', 'bool'],
  make: (
    of: Node,
    { from = 'previous', metric = 'psi', max = defaults[metric], ...options }: Drift<Measure> & ExpectationOptions = {},
  ) => {
    const known: readonly string[] = isNumber(of) ? numeric : nominal
    if (!known.includes(metric))
      refuse('expectation', 'drift', `has no metric '${metric}' for ${describe(of)}; it has ${known.join(', ')}`)
    checkNumbers('drift', { max })
    const reference = referenceOf('drift', from)
    return expectation({
      kind: 'drift',
      says: `${metric} of ${describe(of)} from ${reference.words} at most ${max}`,
      args: { of, from: reference.from, metric, max } satisfies Args,
      columns: columnsOf(of),
      options,
      uses: reference.uses,
    })
  },
})
