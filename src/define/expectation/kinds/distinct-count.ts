import { aggregateKind, type AggregateOptions } from '../aggregate-kind.ts'
import { columnKind } from '../kind.ts'
import { where as filter } from '../where.ts'
import type { Expectation } from '../spec.ts'

type Method = (options: AggregateOptions) => Expectation

const aggregate = aggregateKind({
  name: 'distinctCount',
  summary: 'The exact number of different values, nulls left out, lies within bounds.',
  example: 'c.shop.distinctCount({ min: 1, max: 50 })',
  words: of => `different values of ${of}`,
  fn: 'distinct',
  lowest: 0,
  metric: (of, where) => ({ fn: 'distinct', of, ...filter(where) }),
  value: distinct => ({ value: distinct, evaluated: distinct }),
})

export const distinctCount = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp', Method>>()({
  ...aggregate,
  on: ['int', 'float', 'text', 'bool', 'timestamp'],
})
