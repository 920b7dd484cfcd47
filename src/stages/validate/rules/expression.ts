import { conjunction } from '../../../define/expectation/where.ts'
import type { RowsMetric } from '../../../define/expectation/metric.ts'
import type { ExpectationSpec } from '../../../define/expectation/spec.ts'
import type { Node } from '../../../define/expression/node.ts'

const call = (fn: 'not' | 'isNull' | 'or' | 'and' | 'isFinite' | 'case', ...args: Node[]): Node => ({
  op: 'call',
  fn,
  args,
  type: 'bool',
})

/** Whether an expression is true or false for every row. */
function neverNull(node: Node): boolean {
  if (node.op !== 'call') return false
  if (node.fn === 'isNull') return true
  return (node.fn === 'not' || node.fn === 'and' || node.fn === 'or') && node.args.every(neverNull)
}

function negation(node: Node): Node {
  return node.op === 'call' && node.fn === 'not' ? (node.args[0] as Node) : call('not', node)
}

function floatColumns(node: Node, found = new Map<string, Node>()): Map<string, Node> {
  if (node.op === 'column' && node.type === 'float') found.set(node.name, node)
  if (node.op === 'call') for (const arg of node.args) floatColumns(arg, found)
  return found
}

function replaceColumns(node: Node, by: (column: Node & { op: 'column' }) => Node): Node {
  if (node.op === 'column') return by(node)
  return node.op === 'call' ? { ...node, args: node.args.map(arg => replaceColumns(arg, by)) } : node
}

/** What must be true of a row, NaN and infinities taken as the declaration says. */
function withFinite(good: Node, nonFinite: ExpectationSpec['nonFinite']): Node {
  if (nonFinite === 'allow') return good
  if (nonFinite === 'null')
    return replaceColumns(good, column =>
      column.type === 'float'
        ? {
            op: 'call',
            fn: 'case',
            type: 'float',
            args: [call('isFinite', column), column, { op: 'literal', value: null, type: 'float' }],
          }
        : column,
    )
  return [...floatColumns(good).values()].reduce((all, column) => call('and', all, call('isFinite', column)), good)
}

/** An expression rule as measures: counts of rows tell all. */
export interface ExpressionParts {
  readonly bad: Node
  readonly metrics: { readonly bad: RowsMetric; readonly nulls?: RowsMetric }
}

/**
 * `bad` is true for the rows that break the rule: those within `when` for which `good` is false, and with `nulls: 'bad'`
 * those for which it is null.
 */
export function expressionParts(spec: ExpectationSpec, rule: Node): ExpressionParts {
  const good = withFinite(rule, spec.nonFinite)
  const known = neverNull(good)
  const broken = known || spec.nulls !== 'bad' ? negation(good) : call('or', negation(good), call('isNull', good))
  const bad = conjunction(broken, spec.when)
  return {
    bad,
    metrics: {
      bad: { fn: 'rows', where: bad },
      ...(known || spec.nulls !== 'ignore'
        ? {}
        : { nulls: { fn: 'rows', where: conjunction(call('isNull', good), spec.when) } as const }),
    },
  }
}
