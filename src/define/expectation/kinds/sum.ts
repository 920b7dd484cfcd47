import { aggregateKind, type AggregateOptions } from '../aggregate-kind.ts'
import { columnKind } from '../kind.ts'
import { where as filter } from '../where.ts'
import type { Expectation } from '../spec.ts'

type Method = (options: AggregateOptions) => Expectation

const { kind, make } = aggregateKind({
  name: 'sum',
  summary: 'The sum of the finite values lies within bounds.',
  example: 'c.quantity.sum({ min: 1 })',
  words: of => `sum of ${of}`,
  fn: 'moments',
  metric: (of, where) => ({ fn: 'moments', of, ...filter(where) }),
  value: moments => ({ value: moments.count === 0 ? null : moments.sum, evaluated: moments.count }),
})

export const sum = columnKind<{ int: Method; float: Method }>()({ kind, on: ['int', 'float'], make })
