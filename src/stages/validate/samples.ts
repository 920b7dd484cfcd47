import { personalColumns } from '../../define/dataset.ts'
import type { CheckResult } from '../../define/report.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { rowColumn, rowsOfFile, type DataEngine, type Row } from '../../ports/data-engine.ts'
import type { RowLevel } from './quarantine.ts'
import { unreadableColumn, type FoundDataset } from './relation.ts'

/** Breaking values that a result shows. */
const mostValues = 10

function plain(at: Row): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(at).map(([name, value]) => [
      name,
      typeof value === 'bigint'
        ? value.toString()
        : typeof value === 'number' && !Number.isFinite(value)
          ? String(value)
          : value,
    ]),
  )
}

/** Where a row came from: its place in its file, the line there where it is known, and the file where a line or others are. */
function place(row: number, files: readonly string[] | undefined, line: number | undefined): Record<string, Json> {
  const file = files && (files.length > 1 || line !== undefined) ? files[Math.floor(row / rowsOfFile)] : undefined
  return {
    millrace_row: row % rowsOfFile,
    ...(file === undefined ? {} : { millrace_file: file }),
    ...(line === undefined ? {} : { millrace_line: line }),
  }
}

/** Rows by number, timestamps as text. */
async function rowsByNumber(
  engine: DataEngine,
  found: FoundDataset,
  numbers: readonly number[],
): Promise<Map<number, Row>> {
  if (numbers.length === 0) return new Map()
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const columns = [...found.usable].map(name => {
    const identifier = dialect.identifier(name)
    return found.dataset.columns[name]?.type === 'timestamp'
      ? `${dialect.timeText(identifier)} AS ${identifier}`
      : identifier
  })
  if (found.source.text) columns.push(dialect.identifier(unreadableColumn))
  const rows = await engine.rows(
    `SELECT ${[row, ...columns].join(', ')} FROM (${found.numbered}) WHERE ${row} IN (${numbers.join(', ')})`,
  )
  return new Map(rows.map(one => [Number(one[rowColumn]), one]))
}

/** The most frequent values that break a check of one column. */
async function frequentValues(engine: DataEngine, found: FoundDataset, { spec, bad }: RowLevel, column: string) {
  const name = engine.dialect.identifier(spec.kind === 'readable' ? unreadableColumn : column)
  const rows = await engine.rows(
    `SELECT CAST(${name} AS VARCHAR) AS value, count(*) AS n FROM (${found.numbered}) WHERE ${bad} GROUP BY 1 ORDER BY n DESC, value LIMIT ${mostValues}`,
  )
  return rows.map(one => ({ value: one.value as string | null, count: Number(one.n) }))
}

/** Adds to each failed check its first rows and its most frequent bad values. Personal data is masked. */
export async function withSamples(
  engine: DataEngine,
  found: FoundDataset,
  results: readonly CheckResult[],
  failing: readonly RowLevel[],
  files: readonly string[] | undefined,
): Promise<CheckResult[]> {
  const personal = personalColumns(found.dataset)
  const numbers = [...new Set(failing.flatMap(check => check.first ?? []))]
  const rows = await rowsByNumber(engine, found, numbers)
  const lines = await found.source.text?.lines?.(numbers)
  const byId = new Map(failing.map(check => [check.spec.id, check]))
  const sampled: CheckResult[] = []
  for (const result of results) {
    const check = byId.get(result.id)
    if (!check) {
      sampled.push(result)
      continue
    }
    const { columns, kind } = check.spec
    const wanted = [...new Set([...found.dataset.key, ...(columns.length > 0 ? columns : found.usable)])]
    const shown = wanted.filter(name => found.usable.has(name))
    if (kind === 'readable' && !wanted.some(name => personal.has(name))) shown.push(unreadableColumn)
    const [only] = columns
    const values =
      only !== undefined && columns.length === 1 && !personal.has(only)
        ? await frequentValues(engine, found, check, only)
        : []
    sampled.push({
      ...result,
      sample: (check.first ?? []).map(number => {
        const row = plain(rows.get(number) ?? {})
        const cells = shown.map(name => [name, personal.has(name) ? '•••' : (row[name] ?? null)])
        return { ...place(number, files, lines?.get(number)), ...(Object.fromEntries(cells) as Record<string, Json>) }
      }),
      ...(values.length > 0 ? { distinctBad: values } : {}),
    })
  }
  return sampled
}
