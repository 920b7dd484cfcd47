import type { Metric } from '../../define/expectation/metric.ts'
import { columnsOf, type CallNode, type ColumnNode, type Node } from '../../define/expression/node.ts'

/** What a column says less of than its values: the hour of a time. Where it has few values, it is counted like a column. */
export interface DerivedColumn {
  readonly node: CallNode
  /** What stands for it among counted values. */
  readonly column: ColumnNode
}

const key = (node: Node): string => JSON.stringify(node)

/** Conditions are answered over counts; floats and times are told apart by too much. */
const isCategory = ({ type }: Node): boolean => type === 'int' || type === 'text'

function nodesOf(metric: Metric): Node[] {
  return Object.values(metric).filter((one): one is Node => typeof one === 'object' && one !== null && 'op' in one)
}

/** Expressions over one of some columns, the innermost of each that makes a category of it, by what they are. */
export function derivedOf(metrics: readonly Metric[], among: (column: string) => boolean): Map<string, DerivedColumn> {
  const found = new Map<string, DerivedColumn>()
  const visit = (node: Node): boolean => {
    if (node.op !== 'call') return false
    if (node.args.map(visit).includes(true)) return true
    const [column, other] = columnsOf(node)
    if (column === undefined || other !== undefined || !among(column) || !isCategory(node)) return false
    found.set(key(node), { node, column: { op: 'column', name: `=${key(node)}`, type: node.type } })
    return true
  }
  for (const metric of metrics) nodesOf(metric).forEach(visit)
  return found
}

/** A measure over columns that stand for what is derived. */
export function overDerived(metric: Metric, derived: ReadonlyMap<string, DerivedColumn>): Metric {
  if (derived.size === 0) return metric
  let changed = false
  const replaced = (node: Node): Node => {
    if (node.op !== 'call') return node
    const known = derived.get(key(node))
    if (known) {
      changed = true
      return known.column
    }
    return { ...node, args: node.args.map(replaced) }
  }
  const made = Object.fromEntries(
    Object.entries(metric).map(([name, value]) => [
      name,
      typeof value === 'object' && value !== null && 'op' in value ? replaced(value as Node) : (value as unknown),
    ]),
  ) as unknown as Metric
  return changed ? made : metric
}
