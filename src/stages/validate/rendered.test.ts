import { describe, expect, it } from 'vitest'
import { duckdbDialect } from '../../adapters/data/duckdb/dialect.ts'
import { sparkDialect } from '../../adapters/data/spark/dialect.ts'
import type { Metric } from '../../define/expectation/metric.ts'
import type { Node } from '../../define/expression/node.ts'
import { fragment, ownQuery } from './metric-sql.ts'

// What each engine is asked for the same measures: a change to one dialect is seen here, and none to the other is made unseen.

const column = (name: string, type: 'int' | 'float' | 'text' | 'timestamp'): Node => ({ op: 'column', name, type })
const delay = column('delay', 'int')
const x = column('x', 'float')
const at = column('at', 'timestamp')
const text: Node = { op: 'literal', value: "it's \\d", type: 'text' }

const more: Node = { op: 'call', fn: 'add', args: [delay, { op: 'literal', value: 1, type: 'int' }], type: 'int' }
const late: Node = { op: 'call', fn: 'gt', args: [more, { op: 'literal', value: 15, type: 'int' }], type: 'bool' }
const named: Node = { op: 'call', fn: 'startsWith', args: [column('origin', 'text'), text], type: 'bool' }
const weekday: Node = { op: 'call', fn: 'dayOfWeek', args: [at], type: 'int', option: 'Europe/Berlin' }

const asked: Readonly<Record<string, Metric>> = {
  'rows that break a rule': { fn: 'rows', where: late },
  'rows by a text': { fn: 'rows', where: named },
  moments: { fn: 'moments', of: x, spread: true },
  'extremes of times': { fn: 'extremes', of: at },
  'values of a part of a time': { fn: 'values', of: weekday },
  quantiles: { fn: 'quantiles', of: x, q: [0.1, 0.5] },
  'approximate number of values': { fn: 'approximateDistinct', of: x },
}

describe.each([duckdbDialect, sparkDialect])('of $name is asked', dialect => {
  it.each(Object.entries(asked))('%s', (_what, metric) => {
    const part = fragment(metric, dialect)
    expect(part ? part.columns.join('\n') : ownQuery(metric, 'SELECT * FROM t', dialect).sql).toMatchSnapshot()
  })
})
