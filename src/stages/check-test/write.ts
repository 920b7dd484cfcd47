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

type Spec = Dataset['expectations'][number]

/** An id that was made from the declaration: it changes with it, and says nothing to a person. */
const isMade = ({ id, kind }: Spec): boolean => id.startsWith(`${kind}-`) && /-[0-9a-f]{12}$/.test(id)

const about = (spec: Spec): string => spec.columns.join(', ')

/** How a test names an expectation: by the id that it was given, else by kind, columns and position among those alike. */
function idText({ expectations }: Dataset, id: string): string {
  const spec = expectations.find(one => one.id === id)
  if (!spec || !isMade(spec)) return quoted(id)
  const alike = expectations.filter(one => one.kind === spec.kind && about(one) === about(spec))
  const position = alike.indexOf(spec) + 1
  const parts = [quoted(spec.kind), quoted(about(spec)), ...(position > 1 ? [String(position)] : [])]
  return `idOf(${parts.join(', ')})`
}

const idOfText = `
/** The id of an expectation of some kind about some columns: the first of them, or the one at that position. */
function idOf(kind: string, columns: string, position = 1): string | undefined {
  return dataset.expectations.filter(one => one.kind === kind && one.columns.join(', ') === columns)[position - 1]?.id
}
`

/**
 * A Vitest file that holds a dataset's expectations to real rows: `place` is the project file, from it. It passes as
 * it is written, and fails once an expectation stops to catch what it catches.
 */
export function checkTest(dataset: Dataset, place: string, { good, bad }: SampleRows): string {
  const row = good ?? Object.fromEntries(Object.keys(dataset.columns).map(name => [name, null]))
  const ids = bad.map(one => idText(dataset, one.id))
  return `import { checkRows } from 'millrace/testing'
import { expect, test } from 'vitest'
import project from ${quoted(place)}

const dataset = project.datasets.get(${quoted(dataset.name)})!
${ids.some(one => one.startsWith('idOf(')) ? idOfText : ''}
// a row that breaks nothing
const good = { ${rowText(dataset, row)} }

test('a good row breaks nothing', async () => {
  const { broken } = await checkRows(dataset, [good])
  expect(broken).toEqual([[]])
})
${bad
  .map(
    (one, i) => `
test(${quoted(`${one.says}: a row that breaks it`)}, async () => {
  const { broken } = await checkRows(dataset, [{ ...good, ${rowText(dataset, one.row)} }])
  expect(broken[0]).toContain(${ids[i]})
})
`,
  )
  .join('')}`
}
