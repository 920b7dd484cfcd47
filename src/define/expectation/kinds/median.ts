import { aggregateKind, type AggregateOptions } from '../aggregate-kind.ts'
import { columnKind } from '../kind.ts'
import { where as filter } from '../where.ts'
import type { Expectation } from '../spec.ts'

type Method = (options: AggregateOptions) => Expectation

const aggregate = aggregateKind({
  name: 'median',
  summary: 'The exact median of the finite values lies within bounds.',
  example: 'c.amount.median({ min: 1, max: 500 })',
  words: of => `median of ${of}`,
  fn: 'quantiles',
  metric: (of, where) => ({ fn: 'quantiles', of, q: [0.5], ...filter(where) }),
  value: quantiles => ({ value: quantiles.at[0] ?? null, evaluated: quantiles.count }),
})

export const median = columnKind<{ int: Method; float: Method }>()({ ...aggregate, on: ['int', 'float'] })
