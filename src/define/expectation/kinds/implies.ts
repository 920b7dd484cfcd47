import { fromNode } from '../../expression/build.ts'
import { columnsOf, describe, type Node } from '../../expression/node.ts'
import type { BoolExpression } from '../../expression/types.ts'
import { tableKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type RowOptions } from '../spec.ts'

type Bool = BoolExpression<boolean, string>

export const implies = tableKind({
  kind: expressionKind<{ premise: Node; conclusion: Node }>({
    name: 'implies',
    group: 'several columns',
    summary: 'Where one condition is true, another is true as well.',
    example: 'expect.implies(c.returned, c.note.isNotNull())',
    good: ({ premise, conclusion }) =>
      // a premise that is unknown asks for nothing
      (fromNode(premise) as Bool).not().or(fromNode(conclusion) as Bool).node,
  }),
  make: (premise: Bool, conclusion: Bool, options: RowOptions = {}) =>
    rowExpectation({
      kind: 'implies',
      says: `where ${describe(premise.node)}, ${describe(conclusion.node)}`,
      args: { premise: premise.node, conclusion: conclusion.node },
      columns: columnsOf(premise.and(conclusion).node),
      options,
      nonFinite: 'allow',
    }),
})
