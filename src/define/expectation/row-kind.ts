import type { Node } from '../expression/node.ts'
import type { Group, Kind, RowCounts } from './kind.ts'
import type { RowRule } from './rule.ts'
import type { ExpectationSpec } from './spec.ts'
import { tolerated } from './verdict.ts'

interface RowKind<A> {
  readonly name: string
  readonly group: Group
  readonly summary: string
  readonly example: string
  readonly restsOnMore?: NonNullable<Kind<A>['restsOnMore']>
  readonly rule: (spec: ExpectationSpec<A>) => RowRule
}

/** A kind that single rows break. */
export function rowKind<A>({ rule, ...kind }: RowKind<A>): Kind<A> {
  return {
    ...kind,
    needs: spec => ({ rows: rule(spec) }),
    verdict: (spec, measured) => tolerated(spec, measured.rows as RowCounts),
  }
}

/** A kind whose rows must make one expression true. */
export function expressionKind<A>({ good, ...kind }: Omit<RowKind<A>, 'rule'> & { good: (args: A) => Node }): Kind<A> {
  return rowKind({ ...kind, rule: spec => ({ by: 'expression', good: good(spec.args) }) })
}
