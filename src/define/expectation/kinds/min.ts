import { aggregateKind, type AggregateOptions } from '../aggregate-kind.ts'
import { columnKind } from '../kind.ts'
import { where as filter } from '../where.ts'
import type { Expectation } from '../spec.ts'

type Method = (options: AggregateOptions) => Expectation

const { kind, make } = aggregateKind({
  name: 'min',
  summary: 'The smallest finite value lies within bounds.',
  example: 'c.quantity.min({ min: 1 })',
  words: of => `min of ${of}`,
  fn: 'moments',
  metric: (of, where) => ({ fn: 'moments', of, ...filter(where) }),
  value: moments => ({ value: moments.count === 0 ? null : moments.min, evaluated: moments.count }),
})

export const min = columnKind<{ int: Method; float: Method }>()({ kind, on: ['int', 'float'], make })
