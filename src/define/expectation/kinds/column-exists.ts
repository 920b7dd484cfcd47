import { refuse } from '../../named.ts'
import { tableKind, type Kind } from '../kind.ts'
import { expectation, type Expectation, type ExpectationOptions } from '../spec.ts'
import { problems } from '../verdict.ts'

const kind: Kind<{ column: string }> = {
  name: 'columnExists',
  group: 'table',
  summary: 'A column is there, declared or not, of whatever type.',
  example: "expect.columnExists('shop')",
  needs: () => ({}),
  verdict: (spec, _, { schema }) => {
    const { column } = spec.args
    const there = schema.present.some(one => one.name === column)
    const found = there ? [] : [`the columns are ${schema.present.map(one => one.name).join(', ')}`]
    return problems(spec, found, 1, 'it is there', { present: there })
  },
}

export const columnExists = tableKind({
  kind,
  make: (column: string, options: ExpectationOptions = {}): Expectation => {
    if (typeof column !== 'string' || column === '') refuse('expectation', 'columnExists', 'needs the name of a column')
    return expectation({
      kind: 'columnExists',
      says: `column ${column} exists`,
      args: { column },
      columns: [],
      options,
    })
  },
})
