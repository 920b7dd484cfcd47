import type { GroupExpectation, RowExpectation } from '../../define/expectation/spec.ts'
import type { CheckResult } from '../../define/report.ts'
import type { Json } from '../../internal/canonical-json.ts'
import type { DataEngine, Dialect, Row } from '../../ports/data-engine.ts'
import { breaks, groupWhere } from './metrics.ts'
import type { FoundDataset } from './relation.ts'

/** A check whose failing rows can be pointed at. */
export type RowLevel = RowExpectation | GroupExpectation

export interface Split {
  /** SELECT of the rows that stay: those that break no critical row-level check. */
  readonly good: string
  /** SELECT of every failing row with `millrace_reasons` (check ids) and `millrace_accepted`. Undefined when none fails. */
  readonly bad: string | undefined
}

const row = 'millrace_row'

/** Condition over the numbered rows of `table` that picks the failing ones of one check. */
function condition(check: RowLevel, columns: readonly string[], table: string, dialect: Dialect): string {
  if (check.form === 'row') return breaks(check, dialect)
  const whole = check.over.length === 0
  const over = (whole ? columns : check.over).map(dialect.identifier)
  const where = groupWhere(check, over, dialect)
  const hashed = dialect.rowHash(over)
  const suspects = `SELECT ${hashed} FROM ${table} WHERE ${where} GROUP BY 1 HAVING count(*) > 1`
  // Whole-row duplicates keep their first row; for keys no row of the group can be told to be the right one
  const chosen = whole ? 'list_slice(list_sort(rows), 2, NULL)' : 'rows'
  return `${row} IN (SELECT unnest(${chosen}) FROM (SELECT list(${row}) AS rows FROM ${table} WHERE ${where} AND ${hashed} IN (${suspects}) GROUP BY ${over.join(', ')} HAVING count(*) > 1))`
}

/**
 * Parts a dataset by its failed row-level checks. `table` holds the rows of `found.sql`, numbered; failing rows are kept
 * once in `badTable` with the ids of the checks that they break.
 */
export async function split(
  engine: DataEngine,
  found: FoundDataset,
  failing: readonly RowLevel[],
  table: string,
  badTable: string,
): Promise<Split> {
  const { dialect } = engine
  const named = [...found.usable].map(dialect.identifier).join(', ')
  if (failing.length === 0) return { good: `SELECT ${named} FROM ${table} ORDER BY ${row}`, bad: undefined }
  const conditions = failing.map(check => condition(check, [...found.usable], table, dialect))
  const flags = conditions.map((sql, i) => `(${sql}) AS f${i}`)
  const reasons = failing.map((check, i) => `CASE WHEN f${i} THEN ${dialect.literal(check.id, 'text')} END`)
  const critical = failing.flatMap((check, i) => (check.severity === 'critical' ? [`f${i}`] : []))
  const refused = critical.length > 0 ? `(${critical.join(' OR ')})` : 'false'
  await engine.execute(
    `CREATE TABLE ${badTable} AS SELECT ${row}, ${named}, list_filter([${reasons.join(', ')}], lambda x : x IS NOT NULL) AS millrace_reasons, NOT ${refused} AS millrace_accepted
     FROM (SELECT *, ${flags.join(', ')} FROM ${table}) WHERE ${failing.map((_, i) => `f${i}`).join(' OR ')} ORDER BY ${row}`,
  )
  const good =
    critical.length === 0 ? '' : ` WHERE ${row} NOT IN (SELECT ${row} FROM ${badTable} WHERE NOT millrace_accepted)`
  return {
    good: `SELECT ${named} FROM ${table}${good} ORDER BY ${row}`,
    bad: `SELECT * FROM ${badTable} ORDER BY ${row}`,
  }
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

/** Adds to each failed check its 20 lowest rows and its 10 most frequent bad values. Personal data is masked. */
export async function withSamples(
  engine: DataEngine,
  found: FoundDataset,
  results: readonly CheckResult[],
  failing: readonly RowLevel[],
  bad: string,
): Promise<CheckResult[]> {
  const { dialect } = engine
  const byId = new Map(failing.map(check => [check.id, check]))
  const masked = new Set(Object.entries(found.dataset.columns).flatMap(([name, spec]) => (spec.pii ? [name] : [])))
  const times = Object.entries(found.dataset.columns).flatMap(([name, spec]) =>
    spec.type === 'timestamp' ? [name] : [],
  )
  const sampled: CheckResult[] = []
  for (const result of results) {
    const check = byId.get(result.id)
    if (!check) {
      sampled.push(result)
      continue
    }
    const wanted = [...new Set([...found.dataset.key, ...(check.columns.length > 0 ? check.columns : found.usable)])]
    const shown = wanted.map(name =>
      times.includes(name)
        ? `strftime(${dialect.identifier(name)}, '%Y-%m-%dT%H:%M:%S.%fZ') AS ${dialect.identifier(name)}`
        : dialect.identifier(name),
    )
    const own = `list_contains(millrace_reasons, ${dialect.literal(check.id, 'text')})`
    const rows = await engine.rows(
      `SELECT ${row}, ${shown.join(', ')} FROM (${bad}) WHERE ${own} ORDER BY ${row} LIMIT 20`,
    )
    const [first] = check.columns
    const values =
      first !== undefined && check.columns.length === 1 && !masked.has(first)
        ? await engine.rows(
            `SELECT CAST(${dialect.identifier(first)} AS VARCHAR) AS value, count(*) AS n FROM (${bad}) WHERE ${own} GROUP BY 1 ORDER BY n DESC, value LIMIT 10`,
          )
        : []
    sampled.push({
      ...result,
      sample: rows.map(one => ({
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
