import { fromNode } from '../expression/build.ts'
import type { Node } from '../expression/node.ts'
import type { BoolExpression } from '../expression/types.ts'

type Bool = BoolExpression<boolean, string>

/** Both conditions, or the one that there is. */
export function conjunction(one: Node, other: Node | undefined): Node {
  return other ? (fromNode(one) as Bool).and(fromNode(other) as Bool).node : one
}

/** `where` of a metric, when there is a condition. */
export function where(condition: Node | undefined): { readonly where?: Node } {
  return condition ? { where: condition } : {}
}
