import { columnsOf, describe, type Node } from '../expression/node.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from './spec.ts'

/** A figure of one column within bounds, as its kinds are declared. */
export type BoundedMethod = (options: Bounds & ExpectationOptions) => Expectation

export interface BoundedArgs extends Bounds {
  readonly of: Node
}

/** Declares that a figure from 0 on, of one column, lies within bounds; shares end at 1. */
export function boundedColumn(kind: string, words: (of: string) => string, highest?: number) {
  return (of: Node, options: Bounds & ExpectationOptions): Expectation => {
    checkBounds(kind, options, 0, highest)
    return expectation({
      kind,
      says: `${words(describe(of))} ${boundsInWords(options)}`,
      args: { of, ...boundsOf(options) } satisfies BoundedArgs,
      columns: columnsOf(of),
      options,
      more: ['min', 'max'],
    })
  }
}
