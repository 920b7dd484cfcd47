import { personalColumns } from '../../define/dataset.ts'
import type { Metric } from '../../define/expectation/metric.ts'
import { conjunction } from '../../define/expectation/where.ts'
import type { ColumnNode, Node } from '../../define/expression/node.ts'
import type { CheckResult } from '../../define/report.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { exactMicros, formatTime } from '../../internal/time.ts'
import {
  rowColumn,
  rowsOfFile,
  type ColumnType,
  type DataEngine,
  type Row,
  type Value,
} from '../../ports/data-engine.ts'
import type { Measurer } from './measurer.ts'
import type { RowLevel } from './quarantine.ts'
import { unreadableColumn, type FoundDataset } from './relation.ts'

/** Breaking values that a result shows. */
const maxValues = 10

/** A value as JSON has it; what JSON has not (NaN, infinities, whole numbers beyond 2^53) as text. */
function plain(value: Value): Json {
  if (typeof value === 'bigint') return value.toString()
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value
}

/** A column as it is shown: times as RFC 3339. */
function shownSql({ dialect }: DataEngine, name: string, type: ColumnType | undefined): string {
  const identifier = dialect.identifier(name)
  return type === 'timestamp' ? dialect.timeText(identifier) : identifier
}

/** Where a row came from: its place in its file, the line there where it is known, and the file where a line or others are. */
function place(
  row: number,
  files: readonly string[] | undefined,
  line: number | undefined,
  unplaced: boolean,
): Record<string, Json> {
  const file = files && (files.length > 1 || line !== undefined) ? files[Math.floor(row / rowsOfFile)] : undefined
  return {
    ...(unplaced ? {} : { millrace_row: row % rowsOfFile }),
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
  const columns = [...found.usable].map(
    name => `${shownSql(engine, name, found.dataset.columns[name]?.type)} AS ${dialect.identifier(name)}`,
  )
  if (found.tells) columns.push(dialect.identifier(unreadableColumn))
  const rows = await engine.rows(
    `SELECT ${[row, ...columns].join(', ')} FROM (${found.numbered}) WHERE ${row} IN (${numbers.join(', ')})`,
  )
  return new Map(rows.map(one => [Number(one[rowColumn]), one]))
}

interface FrequentValue {
  readonly value: Json
  readonly count: number
}

/** What tells the most frequent values that break a check of one column: where a rule is an expression, measures do. */
function frequencyMetrics({ spec, condition }: RowLevel, of: ColumnNode) {
  if (!condition || spec.kind === 'readable') return undefined
  const missing: Node = { op: 'call', fn: 'isNull', args: [of], type: 'bool' }
  return {
    top: { fn: 'topValues', of, most: maxValues, where: condition },
    nulls: { fn: 'rows', where: conjunction(missing, condition) },
  } as const satisfies Record<string, Metric>
}

/** The most frequent values that break a check of one column. */
async function frequentValues(
  engine: DataEngine,
  measurer: Measurer,
  found: FoundDataset,
  check: RowLevel,
  of: ColumnNode,
): Promise<FrequentValue[]> {
  const asked = frequencyMetrics(check, of)
  if (asked) {
    const top = measurer.result(asked.top)
    const nulls = measurer.result(asked.nulls)
    const measured = (value: Value) => (of.type === 'timestamp' ? formatTime(exactMicros(value)) : plain(value))
    const values = top.values.map((value, i) => ({ value: measured(value), count: top.counts[i] as number }))
    const all = nulls > 0 ? [...values, { value: null, count: nulls }] : values
    return all.toSorted((a, b) => b.count - a.count).slice(0, maxValues)
  }
  const readable = check.spec.kind === 'readable'
  const shown = readable ? engine.dialect.identifier(unreadableColumn) : shownSql(engine, of.name, of.type)
  const rows = await engine.rows(
    `SELECT ${shown} AS value, count(*) AS n FROM (${found.numbered}) WHERE ${check.bad} GROUP BY 1 ORDER BY n DESC, value LIMIT ${maxValues}`,
  )
  return rows.map(one => ({ value: plain(one.value ?? null), count: Number(one.n) }))
}

/** Adds to each failed check its first rows and its most frequent bad values. Personal data is masked. */
export async function withSamples(
  engine: DataEngine,
  measurer: Measurer,
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
  const onlyColumn = ({ spec: { columns } }: RowLevel): ColumnNode | undefined => {
    const [name] = columns
    const type = name === undefined ? undefined : found.dataset.columns[name]?.type
    return name === undefined || type === undefined || columns.length > 1 || personal.has(name)
      ? undefined
      : { op: 'column', name, type }
  }
  const asked = failing.flatMap(check => {
    const of = onlyColumn(check)
    return Object.values((of && frequencyMetrics(check, of)) ?? {})
  })
  await measurer.take(asked)
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
    const only = onlyColumn(check)
    const values = only ? await frequentValues(engine, measurer, found, check, only) : []
    sampled.push({
      ...result,
      sample: (check.first ?? []).map(number => {
        const row = rows.get(number)
        const cells = shown.map(name => [name, personal.has(name) ? '•••' : plain(row?.[name] ?? null)])
        const at = place(number, files, lines?.get(number), found.source.unplaced === true)
        return { ...at, ...(Object.fromEntries(cells) as Record<string, Json>) }
      }),
      ...(values.length > 0 ? { distinctBad: values } : {}),
    })
  }
  return sampled
}
