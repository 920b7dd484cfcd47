import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { expectedRange, type Strategy } from '../anomaly.ts'
import { columnKind, tableKind, type Kind, type Measurements } from '../kind.ts'
import type { Metric } from '../metric.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { bounded, carried, figure, plural, skipped } from '../verdict.ts'
import { finiteExtremes } from '../extremes-kind.ts'
import { conjunction, where } from '../where.ts'
import { checkWord } from '../options.ts'

type Measure = 'rowCount' | 'nullShare' | 'distinctCount' | 'mean' | 'std' | 'sum' | 'min' | 'max' | 'median'
type OfAny = 'nullShare' | 'distinctCount'

const ofAny: readonly Measure[] = ['nullShare', 'distinctCount']
const ofNumbers: readonly Measure[] = [...ofAny, 'mean', 'std', 'sum', 'min', 'max', 'median']

export interface Surprise {
  /**
   * `mad` (default): median ± sigma·1.4826·MAD. `normal`: mean ± sigma·σ. `change`: within maxChange of the last.
   * `seasonal`: `normal` over the figures one, two, … periods ago.
   */
  readonly strategy?: Strategy
  /** Default 3. */
  readonly sigma?: number
  /** Greatest relative change from the last figure, for `change` (default 0.5). */
  readonly maxChange?: number
  /** Relative change that is never a surprise, however still the history was (default 0.01). */
  readonly minChange?: number
  /** Evaluations a season has, for `seasonal` (default 7). */
  readonly period?: number
  /** Figures that must be known before anything is judged (default 7). */
  readonly minHistory?: number
}
type Options = Surprise & ExpectationOptions
type Method<M> = (measure: M, options?: Options) => Expectation

interface Args extends Required<Surprise> {
  readonly of?: Node
  readonly measure: Measure
}

function metrics({ of, measure }: Args, when: Node | undefined): Readonly<Record<string, Metric>> {
  if (!of) return { rows: { fn: 'rows', ...where(when) } }
  if (measure === 'nullShare')
    return {
      rows: { fn: 'rows', ...where(when) },
      nulls: { fn: 'rows', where: conjunction(fromNode(of).isNull().node, when) },
    }
  if (measure === 'distinctCount') return { distinct: { fn: 'distinct', of, ...where(when) } }
  if (measure === 'median') return { quantiles: { fn: 'quantiles', of, q: [0.5], ...where(when) } }
  if (measure === 'min' || measure === 'max') return { extremes: finiteExtremes(of, when) }
  return { moments: { fn: 'moments', of, ...(measure === 'std' ? { spread: true } : {}), ...where(when) } }
}

function reading({ of, measure }: Args, measured: Pick<Measurements, 'metric'>): number | null {
  if (!of) return measured.metric('rows', 'rows')
  if (measure === 'nullShare') return measured.metric('nulls', 'rows') / measured.metric('rows', 'rows')
  if (measure === 'distinctCount') return measured.metric('distinct', 'distinct')
  if (measure === 'median') return measured.metric('quantiles', 'quantiles').at[0] ?? null
  if (measure === 'min' || measure === 'max') {
    const extremes = measured.metric('extremes', 'extremes')
    return extremes.count === 0 ? null : Number(extremes[measure])
  }
  const moments = measured.metric('moments', 'moments')
  if (moments.count === 0) return null
  return measure === 'std' ? Math.sqrt(moments.m2 / moments.count) : moments[measure as 'mean' | 'sum']
}

const kind: Kind<Args> = {
  name: 'metricAnomaly',
  group: 'distribution',
  looksBack: true,
  summary:
    'A figure of a column, or the row count, is no surprise after its own history. Figures that failed are left out of the history.',
  example: "c.amount.metricAnomaly('mean', { strategy: 'mad', sigma: 4 })",
  needs: ({ args, when }) => ({ metrics: metrics(args, when) }),
  verdict: (spec, measured, { history }) => {
    const value = reading(spec.args, measured)
    const before = history('value')
    if (value === null || !Number.isFinite(value)) return bounded(spec, {}, null, 0)
    const { strategy, sigma, maxChange, minChange, period, minHistory } = spec.args
    const range =
      before.length < minHistory ? undefined : expectedRange(before, strategy, { sigma, maxChange, minChange, period })
    if (!range)
      return {
        ...skipped(spec, `${plural(before.length, 'earlier figure')} of the ${minHistory} that it takes`),
        observed: { value: carried(value), history: before.length },
      }
    return bounded(spec, { min: range.low, max: range.high }, value, 1, {
      observed: { low: range.low, high: range.high, history: before.length },
      shown: `${figure(value)}, expected ${figure(range.low)} to ${figure(range.high)} after ${plural(before.length, 'figure')}`,
    })
  },
}

function make(of: Node | undefined, measure: Measure, options: Options): Expectation {
  const {
    strategy = 'mad',
    sigma = 3,
    maxChange = 0.5,
    minChange = 0.01,
    period = 7,
    minHistory = 7,
    ...common
  } = options
  const isNumber = of?.type === 'int' || of?.type === 'float'
  if (of) checkWord('metricAnomaly', `the measure of ${describe(of)}`, measure ?? '', isNumber ? ofNumbers : ofAny)
  if (!['change', 'normal', 'mad', 'seasonal'].includes(strategy))
    refuse(
      'expectation',
      'metricAnomaly',
      `has no strategy '${String(strategy)}'; it has change, normal, mad, seasonal`,
    )
  for (const [name, value] of Object.entries({ sigma, maxChange, period, minHistory }))
    if (!(typeof value === 'number' && value > 0 && Number.isFinite(value)))
      refuse('expectation', 'metricAnomaly', `${name} must be a number above 0`)
  for (const [name, value] of Object.entries({ period, minHistory }))
    if (!Number.isInteger(value)) refuse('expectation', 'metricAnomaly', `${name} must be a whole number`)
  if (!(typeof minChange === 'number' && minChange >= 0 && Number.isFinite(minChange)))
    refuse('expectation', 'metricAnomaly', 'minChange must be a number, 0 or more')
  const args: Args = { ...(of ? { of } : {}), measure, strategy, sigma, maxChange, minChange, period, minHistory }
  return expectation({
    kind: 'metricAnomaly',
    says: `${of ? `${measure} of ${describe(of)}` : 'row count'} is no surprise (${strategy})`,
    args,
    columns: of ? columnsOf(of) : [],
    options: common,
  })
}

export const metricAnomaly = columnKind<{
  int: Method<Exclude<Measure, 'rowCount'>>
  float: Method<Exclude<Measure, 'rowCount'>>
  text: Method<OfAny>
  bool: Method<OfAny>
  timestamp: Method<OfAny>
}>()({
  kind,
  on: ['int', 'float', 'text', 'bool', 'timestamp'],
  make: (of: Node, measure: Measure, options: Options = {}) => make(of, measure, options),
})

/** The same of the number of rows. */
export const rowCountAnomaly = tableKind({
  kind,
  make: (options: Options = {}): Expectation => make(undefined, 'rowCount', options),
})
