import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { columnKind, type Kind } from '../kind.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { overNothing, plural } from '../verdict.ts'
import { where } from '../where.ts'

type Method = (options?: ExpectationOptions) => Expectation

const kind: Kind<{ of: Node }> = {
  name: 'notConstant',
  group: 'aggregate',
  summary: 'There is more than one value: a column that never varies teaches nothing and often means a broken feed.',
  example: 'c.amount.notConstant()',
  needs: ({ args, when }) => ({ metrics: { distinct: { fn: 'distinct', of: args.of, ...where(when) } } }),
  verdict: (spec, measured) => {
    const distinct = measured.metric('distinct', 'distinct')
    const threshold = 'at least 2 different values'
    if (distinct === 0) return overNothing(spec, threshold)
    return {
      status: distinct > 1 ? 'pass' : 'fail',
      observed: { value: distinct },
      evaluated: distinct,
      bad: distinct > 1 ? 0 : 1,
      threshold,
      message: `${spec.says}: it has ${plural(distinct, 'different value')}`,
    }
  },
}

export const notConstant = columnKind<Record<'int' | 'float' | 'text' | 'bool' | 'timestamp', Method>>()({
  kind,
  on: ['int', 'float', 'text', 'bool', 'timestamp'],
  make: (of: Node, options: ExpectationOptions = {}) =>
    expectation({
      kind: 'notConstant',
      says: `${describe(of)} is not constant`,
      args: { of },
      columns: columnsOf(of),
      options,
    }),
})
