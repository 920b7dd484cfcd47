import { columnsOf, describe, type Node } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind } from '../kind.ts'
import { expressionKind } from '../row-kind.ts'
import { rowExpectation, type Expectation, type NoFloatOptions } from '../spec.ts'
import { search } from './matches.ts'
import { inPairs } from '../where.ts'

type Method = (patterns: readonly RegExp[], options?: NoFloatOptions) => Expectation

/** The two kinds that put several patterns to a text. */
export function severalPatterns(
  name: 'matchesAny' | 'matchesAll',
  texts: { readonly summary: string; readonly example: string },
) {
  const [joined, words] = name === 'matchesAny' ? (['or', 'one of'] as const) : (['and', 'each of'] as const)
  return columnKind<{ text: Method }>()({
    kind: expressionKind<{ good: Node }>({ name, group: 'row', ...texts, good: ({ good }) => good }),
    on: ['text'],
    make: (of: Node, patterns: readonly RegExp[], options: NoFloatOptions = {}) => {
      const searches = patterns.map(pattern => search(of, pattern))
      const good = inPairs(searches, (one, other) => one[joined](other))
      if (!good) refuse('expectation', name, 'needs at least one pattern')
      return rowExpectation({
        kind: name,
        says: `${describe(of)} matches ${words} ${patterns.map(String).join(', ')}`,
        args: { good: good.node },
        columns: columnsOf(of),
        options,
      })
    },
  })
}
