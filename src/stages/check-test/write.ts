import type { Dataset } from '../../define/dataset.ts'
import { ofEachRow } from '../../define/expectation/index.ts'
import { columnsOf } from '../../define/expression/node.ts'
import { rowColumn, type DataEngine, type Row } from '../../ports/data-engine.ts'
import { formatTime } from '../../internal/time.ts'
import { keyText, literalText, quoted } from '../../internal/typescript-text.ts'
import type { Validation } from '../validate/validate.ts'

/** Real rows of a dataset: one that breaks nothing, and one for each check that some row breaks by itself. */
export interface SampleRows {
  readonly good: Row | undefined
  /** `row` has what the check looks at alone. */
  readonly bad: readonly { readonly id: string; readonly says: string; readonly row: Row }[]
}

const pick = (row: Row, names: readonly string[]): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => names.includes(name)))

/** Takes the rows of a validation; times as microseconds. */
export async function sampleRows(engine: DataEngine, { split, found }: Validation): Promise<SampleRows> {
  const { dialect } = engine
  const { dataset } = found
  const columns = [...found.usable].map(name => {
    const identifier = dialect.identifier(name)
    return dataset.columns[name]?.type === 'timestamp'
      ? `${dialect.epochMicros(identifier)} AS ${identifier}`
      : identifier
  })
  const [good] = await engine.rows(`SELECT ${columns.join(', ')} FROM (${split.good}) LIMIT 1`)
  const bad: SampleRows['bad'][number][] = []
  if (split.bad)
    for (const spec of dataset.expectations.filter(ofEachRow)) {
      const row = dialect.identifier(rowColumn)
      const [first] = await engine.rows(
        `SELECT ${columns.join(', ')} FROM (${split.bad}) WHERE list_contains(millrace_checks, ${dialect.literal(spec.id, 'text')}) ORDER BY ${row} LIMIT 1`,
      )
      const looksAt = [...spec.columns, ...(spec.when ? columnsOf(spec.when) : [])]
      if (first) bad.push({ id: spec.id, says: spec.says, row: pick(first, looksAt) })
    }
  return { good, bad }
}

function rowText(dataset: Dataset, row: Row): string {
  return Object.entries(row)
    .map(([name, value]) => {
      const isTime = dataset.columns[name]?.type === 'timestamp' && value !== null
      return `${keyText(name)}: ${literalText(isTime ? formatTime(Number(value)) : value)}`
    })
    .join(', ')
}

/**
 * A Vitest file that holds a dataset's expectations to real rows: `place` is the project file, from it. It passes as
 * it is written, and fails once an expectation stops to catch what it catches.
 */
export function checkTest(dataset: Dataset, place: string, { good, bad }: SampleRows): string {
  const row = good ?? Object.fromEntries(Object.keys(dataset.columns).map(name => [name, null]))
  return `import { checkRows } from 'millrace/testing'
import { expect, test } from 'vitest'
import project from ${quoted(place)}

const dataset = project.datasets.get(${quoted(dataset.name)})!

// a row that breaks nothing
const good = { ${rowText(dataset, row)} }

test('a good row breaks nothing', async () => {
  const { broken } = await checkRows(dataset, [good])
  expect(broken).toEqual([[]])
})
${bad
  .map(
    one => `
test(${quoted(`${one.says}: a row that breaks it`)}, async () => {
  const { broken } = await checkRows(dataset, [{ ...good, ${rowText(dataset, one.row)} }])
  expect(broken[0]).toContain(${quoted(one.id)})
})
`,
  )
  .join('')}`
}
