import { aggregateKind, type AggregateOptions } from '../aggregate-kind.ts'
import { columnKind } from '../kind.ts'
import { where as filter } from '../where.ts'
import type { Expectation } from '../spec.ts'

type Method = (options: AggregateOptions) => Expectation

const { kind, make } = aggregateKind({
  name: 'max',
  summary: 'The greatest finite value lies within bounds.',
  example: 'c.quantity.max({ max: 1_000 })',
  words: of => `max of ${of}`,
  fn: 'moments',
  metric: (of, where) => ({ fn: 'moments', of, ...filter(where) }),
  value: moments => ({ value: moments.count === 0 ? null : moments.max, evaluated: moments.count }),
})

export const max = columnKind<{ int: Method; float: Method }>()({ kind, on: ['int', 'float'], make })
