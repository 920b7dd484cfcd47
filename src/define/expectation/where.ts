import { fromNode } from '../expression/build.ts'
import type { Node } from '../expression/node.ts'
import type { BoolExpression } from '../expression/types.ts'

type Bool = BoolExpression<boolean, string>

/** Both conditions, or the one that there is. */
export function conjunction(one: Node, other: Node | undefined): Node {
  return other ? (fromNode(one) as Bool).and(fromNode(other) as Bool).node : one
}

/** Joins conditions two by two, so that many of them nest no deeper than their number's logarithm. */
export function inPairs<T>(all: readonly T[], join: (one: T, other: T) => T): T | undefined {
  let left = [...all]
  while (left.length > 1)
    left = left.flatMap((one, i) => (i % 2 === 1 ? [] : [i + 1 < left.length ? join(one, left[i + 1] as T) : one]))
  return left[0]
}

/** `where` of a metric, when there is a condition. */
export function where(condition: Node | undefined): { readonly where?: Node } {
  return condition ? { where: condition } : {}
}
