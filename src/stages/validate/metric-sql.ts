import type { Metric, MetricResult } from '../../define/expectation/metric.ts'
import { toSql } from '../../define/expression/index.ts'
import type { Node } from '../../define/expression/node.ts'
import type { Dialect, Value } from '../../ports/data-engine.ts'
import { noMoments } from './state.ts'

/** Aggregates of one measure, and how their values are read. */
export interface Fragment {
  readonly columns: readonly string[]
  read(values: readonly Value[]): MetricResult
}

/** SQL that is true exactly where a condition is. */
export function isTrue(condition: Node | undefined, dialect: Dialect): string | undefined {
  return condition ? `coalesce(${toSql(condition, dialect)}, false)` : undefined
}

function all(...conditions: readonly (string | undefined)[]): string {
  const some = conditions.filter(one => one !== undefined)
  return some.length === 0 ? '' : ` FILTER (WHERE ${some.join(' AND ')})`
}

/** Where a number is neither null nor, as a float, NaN or infinite. */
function isNumber(of: Node, sql: string, dialect: Dialect): string {
  return of.type === 'float' ? `${sql} IS NOT NULL AND ${dialect.isFinite(sql)}` : `${sql} IS NOT NULL`
}

const number = (value: Value | undefined): number =>
  value === null || value === undefined ? Number.NaN : Number(value)

/** Rows with a value where one row stands for many. */
function counted(x: string, weight: string, condition: string | undefined): string {
  return `CAST(coalesce(sum(${weight})${all(condition, `${x} IS NOT NULL`)}, 0) AS BIGINT)`
}

/** A timestamp as the microseconds that results carry. */
export function comparable(of: Node, dialect: Dialect): string {
  const sql = toSql(of, dialect)
  return of.type === 'timestamp' ? dialect.epochMicros(sql) : sql
}

/**
 * A measure as aggregates that stand beside others in one SELECT. `weight` counts a row many times: over the counts of a
 * column's values the same conditions are answered from one row a value. Undefined where a measure takes a query of its own.
 */
export function fragment(metric: Metric, dialect: Dialect, weight?: string): Fragment | undefined {
  const condition = 'where' in metric ? isTrue(metric.where, dialect) : undefined
  switch (metric.fn) {
    case 'rows': {
      const rows = metric.where ? dialect.countWhere(toSql(metric.where, dialect)) : 'count(*)'
      const count = weight ? `coalesce(sum(${weight})${all(condition)}, 0)` : rows
      return { columns: [`CAST(${count} AS BIGINT)`], read: ([n]) => number(n) }
    }
    case 'moments': {
      if (weight && metric.spread) return undefined
      const sql = toSql(metric.of, dialect)
      const float = dialect.cast(sql, 'float')
      // an aggregate's own filter costs more than a value that is null
      const x = metric.of.type === 'float' ? `CASE WHEN ${dialect.isFinite(sql)} THEN ${float} END` : float
      const aggregate = (name: string, of = x) => `${name}(${of})${all(condition)}`
      return {
        columns: [
          weight ? counted(x, weight, condition) : aggregate('count'),
          dialect.cast(aggregate(dialect.sum, weight ? `${x} * ${weight}` : x), 'float'),
          ...(metric.spread ? [aggregate('var_pop')] : []),
        ],
        read: ([n, sum, variance]) =>
          number(n) === 0
            ? noMoments
            : {
                count: number(n),
                mean: number(sum) / number(n),
                m2: number(variance) * number(n),
                sum: number(sum),
              },
      }
    }
    case 'extremes': {
      const x = comparable(metric.of, dialect)
      const filter = all(condition)
      return {
        columns: [
          weight ? counted(x, weight, condition) : `count(${x})${filter}`,
          `min(${x})${filter}`,
          `max(${x})${filter}`,
        ],
        read: ([n, min, max]) => ({ count: number(n), min: min ?? null, max: max ?? null }),
      }
    }
    case 'comoments': {
      if (weight) return undefined
      const a = dialect.cast(toSql(metric.a, dialect), 'float')
      const b = dialect.cast(toSql(metric.b, dialect), 'float')
      const filter = all(
        condition,
        isNumber(metric.a, toSql(metric.a, dialect), dialect),
        isNumber(metric.b, toSql(metric.b, dialect), dialect),
      )
      return {
        columns: [
          `count(*)${filter}`,
          `avg(${a})${filter}`,
          `avg(${b})${filter}`,
          `var_pop(${a})${filter}`,
          `var_pop(${b})${filter}`,
          `covar_pop(${a}, ${b})${filter}`,
        ],
        read: ([n, meanA, meanB, varA, varB, covariance]) => {
          const count = number(n)
          if (count === 0) return { count, meanA: 0, meanB: 0, m2A: 0, m2B: 0, cross: 0 }
          return {
            count,
            meanA: number(meanA),
            meanB: number(meanB),
            m2A: number(varA) * count,
            m2B: number(varB) * count,
            cross: number(covariance) * count,
          }
        },
      }
    }
    default:
      return undefined
  }
}

/** Most different values, or pairs of them, that are counted; beyond that a column is no category. */
export const maxValues = 1_000_000

/** Name of the column that says which part a row of a result is about. */
export const partColumn = 'millrace_part'

interface QueryOptions {
  /** SQL of the part that a row belongs to, where the measure is taken by part. */
  readonly part?: string | undefined
  /** Column that says for how many rows one stands. */
  readonly weight?: string
  /** One more than this many values are fetched at most. */
  readonly most?: number
  /** The values of the columns are few: what is done with a value is done once for all rows that have it. */
  readonly fewValues?: boolean
}

/** A query of a measure's own over `base`. */
export interface OwnQuery {
  readonly sql: string
  /** Reads the rows of one part. */
  read(rows: readonly Readonly<Record<string, Value>>[]): MetricResult
}

// Ties get the mean of their ranks

/** Correlation of the ranks of `x` and `y`, each row ranked: twice an order of all rows. */
function ranksOfRows(values: string): string {
  const rank = (x: string) => `rank() OVER (ORDER BY ${x}) + (count(*) OVER (PARTITION BY ${x}) - 1) / 2.0`
  return `SELECT count(*) AS n, corr(a, b) AS r FROM (SELECT ${rank('x')} AS a, ${rank('y')} AS b FROM (${values}))`
}

/** The same by their different pairs: a tenth of the time where these are few, three times it where no two rows are alike. */
function ranksOfValues(values: string): string {
  const rank = (x: string) =>
    `SELECT ${x}, sum(n) OVER (ORDER BY ${x} ROWS UNBOUNDED PRECEDING) - n + (n + 1) / 2.0 - (SELECT (sum(n) + 1) / 2.0 FROM pairs) AS r FROM (SELECT ${x}, sum(n) AS n FROM pairs GROUP BY ${x})`
  const sum = (of: string) => `sum(pairs.n * ${of})`
  // one value alone has no spread, and some engines refuse to divide by it
  const r = `${sum('a.r * b.r')} / nullif(sqrt(${sum('a.r * a.r')} * ${sum('b.r * b.r')}), 0)`
  return `WITH pairs AS (SELECT x, y, CAST(count(*) AS DOUBLE) AS n FROM (${values}) GROUP BY x, y), a AS (${rank('x')}), b AS (${rank('y')}) SELECT coalesce(sum(pairs.n), 0) AS n, ${r} AS r FROM pairs JOIN a ON pairs.x = a.x JOIN b ON pairs.y = b.y`
}

export function ownQuery(
  metric: Metric,
  base: string,
  dialect: Dialect,
  { part, weight, most = maxValues, fewValues = false }: QueryOptions = {},
): OwnQuery {
  const count = weight ? `CAST(sum(${weight}) AS BIGINT)` : 'count(*)'
  const condition = 'where' in metric ? isTrue(metric.where, dialect) : undefined
  const key = part ? `${part} AS ${partColumn}, ` : ''
  const keyed = part ? `${partColumn}, ` : ''
  const where = (...more: readonly (string | undefined)[]) => {
    const some = [condition, ...more].filter(one => one !== undefined)
    return some.length === 0 ? '' : ` WHERE ${some.join(' AND ')}`
  }
  // what is grouped by is named first: a name in GROUP BY would mean a column of the rows that is called so, and the engine
  // loses its way in expressions there of columns without any value
  const named = (columns: string, known?: string) =>
    `(SELECT ${key}${columns}${weight ? `, ${weight}` : ''} FROM (${base})${where(known)})`
  switch (metric.fn) {
    case 'values':
      return {
        sql: `SELECT ${keyed}v, ${count} AS n FROM ${named(`${comparable(metric.of, dialect)} AS v`)} GROUP BY ${keyed}v LIMIT ${most + 1}`,
        read: rows => {
          const known = rows.filter(row => row.v !== null)
          return {
            values: known.map(row => row.v ?? null),
            counts: known.map(row => Number(row.n)),
            nulls: rows.reduce((sum, row) => (row.v === null ? sum + Number(row.n) : sum), 0),
          }
        },
      }
    case 'pairs':
      return {
        sql: `SELECT ${keyed}a, b, ${count} AS n FROM ${named(`${comparable(metric.a, dialect)} AS a, ${comparable(metric.b, dialect)} AS b`)} GROUP BY ${keyed}a, b LIMIT ${most + 1}`,
        read: rows => {
          const known = rows.filter(row => row.a !== null && row.b !== null)
          return {
            a: known.map(row => row.a ?? null),
            b: known.map(row => row.b ?? null),
            counts: known.map(row => Number(row.n)),
          }
        },
      }
    case 'distinct': {
      const x = toSql(metric.of, dialect)
      // grouping first is faster than count(DISTINCT) and spills
      return {
        sql: `SELECT count(*) AS n FROM (SELECT 1 FROM (${base})${where(`${x} IS NOT NULL`)} GROUP BY ${x})`,
        read: ([row]) => Number(row?.n ?? 0),
      }
    }
    case 'approximateDistinct':
      return {
        sql: `SELECT ${dialect.approximateDistinct(toSql(metric.of, dialect))} AS n FROM (${base})${where()}`,
        read: ([row]) => ({ value: Number(row?.n ?? 0), exact: false }),
      }
    case 'topValues': {
      const x = comparable(metric.of, dialect)
      return {
        sql: `SELECT v, n, count(*) OVER () AS levels FROM (SELECT v, ${count} AS n FROM ${named(`${x} AS v`, `${x} IS NOT NULL`)} GROUP BY v) ORDER BY n DESC, v LIMIT ${metric.most}`,
        read: rows => ({
          values: rows.map(row => row.v ?? null),
          counts: rows.map(row => Number(row.n)),
          distinct: Number(rows[0]?.levels ?? 0),
        }),
      }
    }
    case 'quantiles': {
      const x = toSql(metric.of, dialect)
      const value = dialect.cast(x, 'float')
      return {
        sql: dialect.quantiles(`(${base})${where(isNumber(metric.of, x, dialect))}`, value, metric.q),
        read: rows => ({
          count: Number(rows[0]?.n ?? 0),
          at: metric.q.map((_, i) => (rows[i]?.q === null || rows[i] === undefined ? null : Number(rows[i].q))),
        }),
      }
    }
    case 'rankCorrelation': {
      const a = toSql(metric.a, dialect)
      const b = toSql(metric.b, dialect)
      const known = where(isNumber(metric.a, a, dialect), isNumber(metric.b, b, dialect))
      const values = `SELECT ${a} AS x, ${b} AS y FROM (${base})${known}`
      return {
        sql: fewValues ? ranksOfValues(values) : ranksOfRows(values),
        read: ([row]) => {
          const value = row?.r
          return {
            count: Number(row?.n ?? 0),
            value: value === null || value === undefined || !Number.isFinite(Number(value)) ? null : Number(value),
          }
        },
      }
    }
    default:
      throw new TypeError(`${metric.fn} stands in a scan`)
  }
}
