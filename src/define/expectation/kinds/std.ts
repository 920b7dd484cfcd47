import { aggregateKind, type AggregateOptions } from '../aggregate-kind.ts'
import { columnKind } from '../kind.ts'
import { where as filter } from '../where.ts'
import type { Expectation } from '../spec.ts'

type Method = (options: AggregateOptions) => Expectation

const { kind, make } = aggregateKind({
  name: 'std',
  summary: 'The population standard deviation (divisor n) of the finite values lies within bounds.',
  example: 'c.amount.std({ max: 500 })',
  words: of => `std of ${of}`,
  fn: 'moments',
  metric: (of, where) => ({ fn: 'moments', of, spread: true, ...filter(where) }),
  value: moments => ({
    value: moments.count === 0 ? null : Math.sqrt(moments.m2 / moments.count),
    evaluated: moments.count,
  }),
})

export const std = columnKind<{ int: Method; float: Method }>()({ kind, on: ['int', 'float'], make })
