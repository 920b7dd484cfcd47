import { tableKind, type Kind } from '../kind.ts'
import {
  boundsInWords,
  boundsOf,
  checkBounds,
  expectation,
  type Bounds,
  type Expectation,
  type ExpectationOptions,
} from '../spec.ts'
import { bounded } from '../verdict.ts'

const kind: Kind<Bounds> = {
  name: 'columnCount',
  group: 'table',
  summary: 'The number of columns of the source lies within bounds.',
  example: 'expect.columnCount({ min: 3 })',
  needs: () => ({}),
  verdict: (spec, _, { schema }) => bounded(spec, spec.args, schema.present.length, schema.present.length),
}

export const columnCount = tableKind({
  kind,
  optionsRequired: true,
  make: (options: Bounds & ExpectationOptions): Expectation => {
    checkBounds('columnCount', options, 0)
    return expectation({
      kind: 'columnCount',
      says: `column count ${boundsInWords(options)}`,
      args: boundsOf(options),
      columns: [],
      options,
      more: ['min', 'max'],
    })
  },
})
