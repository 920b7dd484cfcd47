import { aggregateKind, type AggregateOptions } from '../aggregate-kind.ts'
import { columnKind } from '../kind.ts'
import { where as filter } from '../where.ts'
import type { Expectation } from '../spec.ts'

type Method = (options: AggregateOptions) => Expectation

const { kind, make } = aggregateKind({
  name: 'mean',
  summary: 'The mean of the finite values lies within bounds.',
  example: 'c.amount.mean({ min: 5, max: 500 })',
  words: of => `mean of ${of}`,
  fn: 'moments',
  metric: (of, where) => ({ fn: 'moments', of, ...filter(where) }),
  value: moments => ({ value: moments.count === 0 ? null : moments.mean, evaluated: moments.count }),
})

export const mean = columnKind<{ int: Method; float: Method }>()({ kind, on: ['int', 'float'], make })
