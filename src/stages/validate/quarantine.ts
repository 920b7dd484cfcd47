import type { ExpectationSpec } from '../../define/expectation/spec.ts'
import type { CheckResult } from '../../define/report.ts'
import type { Json } from '../../internal/canonical-json.ts'
import { rowColumn, rowsOfFile, type DataEngine, type Row } from '../../ports/data-engine.ts'
import { unreadableColumn, type FoundDataset } from './relation.ts'

/** A check whose failing rows can be pointed at: SQL that is true for them. */
export interface RowLevel {
  readonly spec: ExpectationSpec
  readonly bad: string
}

export interface Split {
  /** SELECT of the rows that stay: those that break no critical row-level check. */
  readonly good: string
  /**
   * SELECT of every failing row with `millrace_checks` (ids), `millrace_reasons` (sentences) and `millrace_accepted` (it
   * stays nevertheless). Undefined when none fails.
   */
  readonly bad: string | undefined
}

/**
 * Parts a dataset by its failed row-level checks, in one look at its rows. Failing rows are kept once in `table` with the
 * ids and sentences of the checks that they break.
 */
export async function split(
  engine: DataEngine,
  found: FoundDataset,
  failing: readonly RowLevel[],
  table: string,
): Promise<Split> {
  const { dialect } = engine
  const row = dialect.identifier(rowColumn)
  const named = [...found.usable].map(dialect.identifier).join(', ')
  // what a cell of text held that is no value of its column's type
  const texts = found.source.text ? `, ${dialect.identifier(unreadableColumn)}` : ''
  // in the order of arrival: joins keep none, and a snapshot's digest must not depend on threads
  const kept = (where: string) => `SELECT ${named} FROM (${found.numbered})${where} ORDER BY ${row}`
  if (failing.length === 0) return { good: kept(''), bad: undefined }
  const flags = failing.map(({ bad }, i) => `(${bad}) AS f${i}`)
  const listed = (text: (spec: ExpectationSpec) => string) =>
    dialect.listWhere(failing.map(({ spec }, i) => ({ condition: `f${i}`, text: text(spec) })))
  const critical = failing.flatMap(({ spec }, i) => (spec.severity === 'critical' ? [`f${i}`] : []))
  const refused = critical.length > 0 ? `(${critical.join(' OR ')})` : 'false'
  await engine.execute(
    `CREATE TABLE ${table} AS SELECT ${row}, ${named}${texts}, ${listed(spec => spec.id)} AS millrace_checks, ${listed(spec => spec.says)} AS millrace_reasons, NOT ${refused} AS millrace_accepted
     FROM (SELECT *, ${flags.join(', ')} FROM (${found.numbered})) WHERE ${failing.map((_, i) => `f${i}`).join(' OR ')} ORDER BY ${row}`,
  )
  const good = kept(
    critical.length === 0 ? '' : ` WHERE ${row} NOT IN (SELECT ${row} FROM ${table} WHERE NOT millrace_accepted)`,
  )
  return { good, bad: `SELECT * FROM ${table} ORDER BY ${row}` }
}

function plain(at: Row, skip: ReadonlySet<string>): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(at)
      .filter(([name]) => !skip.has(name))
      .map(([name, value]) => [
        name,
        typeof value === 'bigint'
          ? value.toString()
          : typeof value === 'number' && !Number.isFinite(value)
            ? String(value)
            : value,
      ]),
  )
}

/** Where a row came from: its place in its file, and the file's name where there are several. */
function place(row: number, files: readonly string[] | undefined): Record<string, Json> {
  const file = files && files.length > 1 ? files[Math.floor(row / rowsOfFile)] : undefined
  return { millrace_row: row % rowsOfFile, ...(file === undefined ? {} : { millrace_file: file }) }
}

/** Adds to each failed check its 20 lowest rows and its 10 most frequent bad values. Personal data is masked. */
export async function withSamples(
  engine: DataEngine,
  found: FoundDataset,
  results: readonly CheckResult[],
  failing: readonly RowLevel[],
  bad: string,
  files: readonly string[] | undefined,
): Promise<CheckResult[]> {
  const { dialect } = engine
  const byId = new Map(failing.map(check => [check.spec.id, check.spec]))
  const masked = new Set(Object.entries(found.dataset.columns).flatMap(([name, spec]) => (spec.pii ? [name] : [])))
  const row = dialect.identifier(rowColumn)
  const sampled: CheckResult[] = []
  for (const result of results) {
    const check = byId.get(result.id)
    if (!check) {
      sampled.push(result)
      continue
    }
    const wanted = [...new Set([...found.dataset.key, ...(check.columns.length > 0 ? check.columns : found.usable)])]
    const shown = wanted
      .filter(name => found.usable.has(name))
      .map(name =>
        found.dataset.columns[name]?.type === 'timestamp'
          ? `${dialect.timeText(dialect.identifier(name))} AS ${dialect.identifier(name)}`
          : dialect.identifier(name),
      )
    if (check.kind === 'readable' && !wanted.some(name => masked.has(name)))
      shown.push(dialect.identifier(unreadableColumn))
    const own = dialect.listHolds('millrace_checks', check.id)
    const rows = await engine.rows(
      `SELECT ${[row, ...shown].join(', ')} FROM (${bad}) WHERE ${own} ORDER BY ${row} LIMIT 20`,
    )
    const [only] = check.columns
    const first = check.kind === 'readable' && only !== undefined ? unreadableColumn : only
    const values =
      first !== undefined && check.columns.length === 1 && !masked.has(only as string)
        ? await engine.rows(
            `SELECT CAST(${dialect.identifier(first)} AS VARCHAR) AS value, count(*) AS n FROM (${bad}) WHERE ${own} GROUP BY 1 ORDER BY n DESC, value LIMIT 10`,
          )
        : []
    sampled.push({
      ...result,
      sample: rows.map(({ [rowColumn]: number, ...one }) => ({
        ...place(Number(number), files),
        ...plain(one, masked),
        ...Object.fromEntries([...masked].filter(name => wanted.includes(name)).map(name => [name, '•••'])),
      })),
      ...(values.length > 0
        ? { distinctBad: values.map(one => ({ value: one.value as string | null, count: Number(one.n) })) }
        : {}),
    })
  }
  return sampled
}
