import type { Metric } from '../../define/expectation/metric.ts'
import { fromNode } from '../../define/expression/build.ts'
import type { Node } from '../../define/expression/node.ts'
import type { NumberExpression } from '../../define/expression/types.ts'
import type { Micros } from '../../internal/time.ts'
import type { Measurer } from '../validate/measurer.ts'

/** How times lie. */
export interface Times {
  readonly oldest: Micros
  readonly newest: Micros
  /** Rows more than five minutes ahead of the clock. */
  readonly future: number
  /** Length of the spans in which rows were counted. */
  readonly span: 'minute' | 'hour' | 'day'
  /** Spans between the oldest and the newest without a row, and the longest stretch of them. */
  readonly empty: number
  readonly longestGap?: { readonly from: Micros; readonly to: Micros }
}

const lengths = { day: 86_400_000_000, hour: 3_600_000_000, minute: 60_000_000 } as const
const ahead = 5 * 60_000_000
const enoughSpans = 10

const epoch: Node = { op: 'literal', value: 0, type: 'timestamp' }
const microsOf = (of: Node): Node => ({ op: 'call', fn: 'diffMicros', args: [of, epoch], type: 'int' })

export const futureOf = (of: Node, now: Micros): Metric => ({
  fn: 'rows',
  where: {
    op: 'call',
    fn: 'gt',
    args: [of, { op: 'literal', value: Math.round(now) + ahead, type: 'timestamp' }],
    type: 'bool',
  },
})

/** Times as they lie between the oldest and the newest: spans of days, else of hours or minutes, that have no row. */
export async function timesOf(measurer: Measurer, of: Node, now: Micros): Promise<Times | undefined> {
  const extremes = await measurer.measure({ fn: 'extremes', of })
  if (extremes.min === null || extremes.max === null) return undefined
  const [oldest, newest] = [Number(extremes.min), Number(extremes.max)]
  const future = Number(await measurer.measure(futureOf(of, now)))
  const span =
    (['day', 'hour', 'minute'] as const).find(name => newest - oldest >= enoughSpans * lengths[name]) ?? 'minute'
  const length = lengths[span]
  const place = (fromNode(microsOf(of)) as NumberExpression<'int', boolean, string>).div(length).floor()
  const filled = await measurer.measure({ fn: 'values', of: place.node })
  const at = filled.values.map(Number).sort((a, b) => a - b)
  let empty = 0
  let longest: { from: number; to: number } | undefined
  for (let i = 1; i < at.length; i++) {
    const [from, to] = [(at[i - 1] as number) + 1, at[i] as number]
    empty += to - from
    if (to > from && (!longest || to - from > longest.to - longest.from)) longest = { from, to }
  }
  return {
    oldest,
    newest,
    future,
    span,
    empty,
    ...(longest ? { longestGap: { from: longest.from * length, to: longest.to * length } } : {}),
  }
}
