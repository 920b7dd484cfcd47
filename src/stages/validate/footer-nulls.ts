import { isUnreadableName } from '../../define/expectation/kinds/readable.ts'
import type { Metric } from '../../define/expectation/metric.ts'
import { columnsOf, type FunctionName, type Node } from '../../define/expression/node.ts'

/** Functions that give null for a null alone: arithmetic may have none for other values too. */
const strict: ReadonlySet<FunctionName> = new Set<FunctionName>([
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'not',
  'in',
  'isFinite',
  'isNan',
  'matches',
  'length',
  'lower',
  'upper',
  'trim',
  'startsWith',
  'toFloat',
])

/** Whether an expression is null only where one of its columns is; with a column alone, exactly there. */
function nullWithColumns(node: Node): boolean {
  if (node.op === 'literal') return node.value !== null
  if (node.op === 'column') return true
  // `null and false` is false: with one column both sides are null together
  const both = node.fn === 'and' || node.fn === 'or'
  if (!both && !strict.has(node.fn)) return false
  return node.args.every(arg => nullWithColumns(arg) && (!both || columnsOf(arg).length > 0))
}

/** Whether a condition asks for unreadable cells where every cell is known to read. */
function isNowhereTrue(node: Node, nulls: ReadonlyMap<string, number>): boolean {
  if (node.op === 'column') return isUnreadableName(node.name) && nulls.has(node.name)
  return node.op === 'call' && node.fn === 'and' && node.args.some(arg => isNowhereTrue(arg, nulls))
}

/** The number of rows that a measure counts because something is null, where metadata states it. */
export function nullsByFooter(metric: Metric, nulls: ReadonlyMap<string, number> | undefined): number | undefined {
  if (!nulls || metric.fn !== 'rows' || !metric.where) return undefined
  if (isNowhereTrue(metric.where, nulls)) return 0
  if (metric.where.op !== 'call' || metric.where.fn !== 'isNull') return undefined
  const [of] = metric.where.args
  if (!of || !nullWithColumns(of)) return undefined
  const counts = columnsOf(of).map(column => nulls.get(column))
  if (counts.length === 1) return counts[0]
  return counts.length > 1 && counts.every(count => count === 0) ? 0 : undefined
}
