import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type RowOptions } from '../spec.ts'
import { search } from './matches.ts'

type Method = (patterns: readonly RegExp[], options?: RowOptions) => Expectation

/** The two kinds that put several patterns to a text. */
export function severalPatterns(
  name: 'matchesAny' | 'matchesAll',
  texts: { readonly summary: string; readonly example: string },
) {
  const [joined, words] = name === 'matchesAny' ? (['or', 'one of'] as const) : (['and', 'each of'] as const)
  return columnKind<{ text: Method }>()({
    kind: expressionKind<{ good: Node }>({ name, group: 'row', ...texts, good: ({ good }) => good }),
    on: ['text'],
    make: (of: Node, patterns: readonly RegExp[], options: RowOptions = {}) => {
      const [first, ...others] = patterns.map(pattern => search(of, pattern))
      if (!first) refuse('expectation', name, 'needs at least one pattern')
      return rowExpectation({
        kind: name,
        says: `${describe(of)} matches ${words} ${patterns.map(String).join(', ')}`,
        args: { good: others.reduce((all, one) => all[joined](one), first).node },
        columns: columnsOf(of),
        options,
      })
    },
  })
}
