import { fromNode } from '../../expression/build.ts'
import type { Node } from '../../expression/node.ts'
import type { BoolExpression } from '../../expression/types.ts'
import { refuse } from '../../named.ts'
import { binLevels, binOf, cutPoints } from '../bins.ts'
import { tableKind, type Kind } from '../kind.ts'
import type { Metric, PairCounts } from '../metric.ts'
import { columnNames, expectation, type ColumnReference, type Expectation, type ExpectationOptions } from '../spec.ts'
import { keyOf } from '../value-counts.ts'
import { bounded, figure, skipped } from '../verdict.ts'
import { where } from '../where.ts'

export interface Leak {
  /** The label, as a condition: `c.returned`, `c.delay.gt(15)`. */
  readonly label: BoolExpression<boolean, string>
  /** Columns that might give the label away. */
  readonly features: readonly ColumnReference[]
  /** Greatest AUC that one feature alone may reach (default 0.98). */
  readonly max?: number
}
interface Args {
  readonly label: Node
  readonly features: readonly Node[]
  readonly max: number
}

const bins = 64
/** Rarer values of a text are one value together: each alone would tell its label by chance. */
const rare = 20

const isNumber = (of: Node): boolean => of.type === 'int' || of.type === 'float'

/** AUC of the order in which groups come, from their counts of labels that are false and true. */
function auc(groups: readonly (readonly [no: number, yes: number])[]): number {
  let below = 0
  let won = 0
  let allNo = 0
  let allYes = 0
  for (const [no, yes] of groups) {
    won += yes * (below + no / 2)
    below += no
    allNo += no
    allYes += yes
  }
  return allNo === 0 || allYes === 0 ? Number.NaN : won / (allNo * allYes)
}

/** The best AUC of one feature alone: in the order of a number either way, of a text in the order of its label shares. */
function alone(pairs: PairCounts, ordered: boolean): number {
  const groups = new Map<string, { readonly at: number; counts: [number, number] }>()
  pairs.a.forEach((value, i) => {
    const key = keyOf(value)
    const group = groups.get(key) ?? { at: Number(value), counts: [0, 0] }
    group.counts[pairs.b[i] === true ? 1 : 0] += pairs.counts[i] as number
    groups.set(key, group)
  })
  if (ordered) {
    const area = auc([...groups.values()].sort((a, b) => a.at - b.at).map(group => group.counts))
    return Math.max(area, 1 - area)
  }
  const frequent: [number, number][] = []
  const others: [number, number] = [0, 0]
  for (const { counts } of groups.values())
    if (counts[0] + counts[1] >= rare) frequent.push(counts)
    else {
      others[0] += counts[0]
      others[1] += counts[1]
    }
  const share = ([no, yes]: readonly [number, number]) => yes / (no + yes)
  return auc([...frequent, ...(others[0] + others[1] > 0 ? [others] : [])].sort((a, b) => share(a) - share(b)))
}

const kind: Kind<Args> = {
  name: 'labelLeak',
  group: 'distribution',
  summary:
    'No feature alone tells the label: its AUC stays below a limit. Numbers are taken in order (64 bins of equal share), texts in the order of their label shares.',
  example: 'expect.labelLeak({ label: c.returned, features: [c.amount, c.shop] })',
  approximate: 'numbers are cut into 64 bins of equal share',
  needs: ({ args, when }) => ({
    metrics: Object.fromEntries(
      args.features.flatMap((of, i): [string, Metric][] =>
        isNumber(of) ? [[`cuts${i}`, { fn: 'quantiles', of, q: binLevels(bins), ...where(when) }]] : [],
      ),
    ),
  }),
  later: [
    ({ args, when }, measured) => ({
      metrics: Object.fromEntries(
        args.features.map((of, i): [string, Metric] => {
          const a = isNumber(of) ? binOf(of, cutPoints(measured.metric(`cuts${i}`, 'quantiles').at)) : of
          return [`pairs${i}`, { fn: 'pairs', a, b: args.label, ...where(when) }]
        }),
      ),
    }),
  ],
  verdict: (spec, measured) => {
    const areas = spec.args.features.map((of, i) => ({
      name: of.op === 'column' ? of.name : '',
      auc: alone(measured.metric(`pairs${i}`, 'pairs'), isNumber(of)),
    }))
    const known = areas.filter(one => !Number.isNaN(one.auc)).sort((a, b) => b.auc - a.auc)
    const [worst] = known
    if (!worst) return skipped(spec, 'there is only one label')
    return {
      ...bounded(spec, { max: spec.args.max }, worst.auc, spec.args.features.length, {
        observed: { auc: Object.fromEntries(known.map(one => [one.name, one.auc])) },
        shown: `${figure(worst.auc)} (${worst.name})`,
      }),
      bad: known.filter(one => one.auc > spec.args.max).length,
    }
  },
}

export const labelLeak = tableKind({
  kind,
  optionsRequired: true,
  make: ({ label, features, max = 0.98, ...options }: Leak & ExpectationOptions): Expectation => {
    if (!features || features.length === 0) refuse('expectation', 'labelLeak', 'needs `features`: at least one column')
    if (typeof max !== 'number' || !(max > 0.5 && max <= 1))
      refuse('expectation', 'labelLeak', 'max must be above 0.5 and at most 1')
    const names = columnNames(features, 'labelLeak')
    if (label?.node?.type !== 'bool')
      refuse('expectation', 'labelLeak', 'needs `label`: a condition that is true or false')
    const condition = fromNode(label.node) as BoolExpression<boolean, string>
    return expectation({
      kind: 'labelLeak',
      says: `no feature alone tells the label (AUC at most ${max})`,
      args: { label: condition.node, features: features.map(one => one.node), max } satisfies Args,
      columns: names,
      options,
    })
  },
})
