import type { Node } from '../../expression/node.ts'
import { columnsOf, describe } from '../../expression/node.ts'
import { refuse } from '../../named.ts'
import { columnKind, type Kind } from '../kind.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from '../spec.ts'
import { boundsAsSigns, figure, inside, overNothing } from '../verdict.ts'
import { where } from '../where.ts'

type Ranges = Readonly<Record<number, readonly [min: number | undefined, max: number | undefined]>>
type Several = (ranges: Ranges, options?: ExpectationOptions) => Expectation
type One = (q: number, options: Bounds & ExpectationOptions) => Expectation

interface Args {
  readonly of: Node
  readonly q: readonly number[]
  readonly bounds: readonly Bounds[]
}

const kind: Kind<Args> = {
  name: 'quantiles',
  group: 'aggregate',
  summary:
    'Exact quantiles of the finite values (linear between order statistics) lie within bounds. `quantile(q, bounds)` says the same of one.',
  example: 'c.amount.quantiles({ 0.01: [0, undefined], 0.99: [undefined, 500] })',
  needs: ({ args, when }) => ({
    metrics: { measure: { fn: 'quantiles', of: args.of, q: args.q, ...where(when) } },
  }),
  verdict: (spec, measured) => {
    const { q, bounds } = spec.args
    const { at, count } = measured.metric('measure', 'quantiles')
    const threshold = q.map((one, i) => `q${one} ${boundsAsSigns(bounds[i] as Bounds)}`).join(', ')
    if (count === 0) return overNothing(spec, threshold)
    const outside = q.filter((_, i) => !inside(at[i] as number, bounds[i] as Bounds))
    const shown = q.map((one, i) => `q${one} is ${figure(at[i] as number)}`).join(', ')
    return {
      status: outside.length === 0 ? 'pass' : 'fail',
      observed:
        q.length === 1 ? { value: at[0] as number } : Object.fromEntries(q.map((one, i) => [`q${one}`, at[i] ?? null])),
      evaluated: count,
      bad: outside.length,
      threshold,
      message: `${spec.says}: ${shown}`,
    }
  },
}

function make(of: Node, ranges: readonly (readonly [number, Bounds])[], options: ExpectationOptions): Expectation {
  if (ranges.length === 0) refuse('expectation', 'quantiles', 'needs at least one quantile')
  for (const [q, bounds] of ranges) {
    if (typeof q !== 'number' || !(q >= 0 && q <= 1))
      refuse('expectation', 'quantiles', `${q} is not a level from 0 to 1`)
    checkBounds('quantiles', bounds)
  }
  const words = ranges.map(([q, bounds]) => `quantile ${q} of ${describe(of)} ${boundsInWords(bounds)}`)
  return expectation({
    kind: 'quantiles',
    says: words.join(', '),
    args: { of, q: ranges.map(([q]) => q), bounds: ranges.map(([, bounds]) => boundsOf(bounds)) } satisfies Args,
    columns: columnsOf(of),
    options,
    more: ['min', 'max'],
  })
}

export const quantiles = columnKind<{ int: Several; float: Several }>()({
  kind,
  on: ['int', 'float'],
  make: (of: Node, ranges: Ranges, options: ExpectationOptions = {}) =>
    make(
      of,
      Object.entries(ranges)
        .map(
          ([q, [min, max]]) =>
            [
              Number(q),
              boundsOf({ ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }),
            ] as const,
        )
        .sort(([a], [b]) => a - b),
      options,
    ),
})

/** The same of one quantile. */
export const quantile = columnKind<{ int: One; float: One }>()({
  kind,
  on: ['int', 'float'],
  optionsRequired: true,
  make: (of: Node, q: number, options: Bounds & ExpectationOptions) => make(of, [[q, options]], options),
})
