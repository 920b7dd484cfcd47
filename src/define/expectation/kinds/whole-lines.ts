import { tableKind, type Kind } from '../kind.ts'
import { rowExpectation, type Expectation, type RowOptions } from '../spec.ts'
import { tolerated } from '../verdict.ts'

const kind: Kind<Record<string, never>> = {
  name: 'wholeLines',
  group: 'table',
  summary:
    'Every line of a text source is a row: as many cells as there are columns, quotes closed, of the declared encoding, or an object of JSON. Stands by itself for CSV and JSON lines; failures have their line numbers.',
  example: 'expect.wholeLines({ maxBad: 3 })',
  needs: () => ({}),
  verdict: (spec, _, { schema: { lines, broken, rows } }) => {
    const counts = { bad: broken, evaluated: rows + broken, excludedNull: 0, excludedFilter: 0 }
    const verdict = tolerated(spec, counts)
    const [first] = lines
    if (!first) return verdict
    const place = `line ${first.line}${first.file === undefined ? '' : ` of ${first.file}`}`
    return {
      ...verdict,
      message: `${verdict.message}; ${place}: ${first.reason}`,
      sample: lines.slice(0, 20).map(line => ({ ...line })),
    }
  },
}

export const wholeLines = tableKind({
  kind,
  make: (options: Omit<RowOptions, 'when' | 'nulls' | 'nonFinite'> = {}): Expectation =>
    rowExpectation({
      kind: 'wholeLines',
      says: 'every line is a row',
      args: {},
      columns: [],
      options,
      without: ['when', 'nulls', 'nonFinite'],
    }),
})
