import { exactMicros, formatTime } from '../../../internal/time.ts'
import type { Dataset } from '../../dataset.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind, type Kind } from '../kind.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { overNothing, skipped } from '../verdict.ts'
import { where } from '../where.ts'

export interface After<D extends Dataset> {
  /** The dataset that comes before in time: training data, where this is test data. */
  readonly after: D
  /** Its column with the time. */
  readonly column: keyof D['columns'] & string
}
type Method = <D extends Dataset>(options: After<D> & ExpectationOptions) => Expectation
interface Args {
  readonly of: Node
  readonly dataset: string
  readonly column: string
}

const kind: Kind<Args> = {
  name: 'timeLeak',
  group: 'distribution',
  summary:
    'All of it is later than the newest row of another dataset: a test set that begins where training has ended.',
  example: "c.placed.timeLeak({ after: archive, column: 'placed' })",
  needs: ({ args: { of, dataset, column }, when }) => ({
    metrics: { extremes: { fn: 'extremes', of, ...where(when) } },
    reference: {
      from: { dataset },
      metrics: { extremes: { fn: 'extremes', of: { op: 'column', name: column, type: 'timestamp' } } },
    },
  }),
  verdict: (spec, measured) => {
    const before = measured.reference('extremes', 'extremes')
    if (!before || before.max === null) return skipped(spec, `${spec.args.dataset} has no rows`)
    const { min } = measured.metric('extremes', 'extremes')
    const threshold = `after ${formatTime(exactMicros(before.max))}`
    if (min === null) return overNothing(spec, threshold)
    const holds = Number(min) > Number(before.max)
    return {
      status: holds ? 'pass' : 'fail',
      observed: { first: formatTime(exactMicros(min)), last: formatTime(exactMicros(before.max)) },
      evaluated: 1,
      bad: holds ? 0 : 1,
      threshold,
      message: `${spec.says}: it begins ${formatTime(exactMicros(min))}, ${spec.args.dataset} ends ${formatTime(exactMicros(before.max))}`,
    }
  },
}

export const timeLeak = columnKind<{ timestamp: Method }>()({
  kind,
  on: ['timestamp'],
  optionsRequired: true,
  make: (of: Node, { after, column, ...options }: After<Dataset> & ExpectationOptions) => {
    if (after.columns[column]?.type !== 'timestamp')
      refuse('expectation', 'timeLeak', `${after.name} has no timestamp column '${column}'`)
    return expectation({
      kind: 'timeLeak',
      says: `${describe(of)} after all of ${after.name}`,
      args: { of, dataset: after.name, column } satisfies Args,
      columns: columnsOf(of),
      options,
      uses: [after],
    })
  },
})
