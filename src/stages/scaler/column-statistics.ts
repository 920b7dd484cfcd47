import type { DataEngine } from '../../ports/data-engine.ts'
import type { ColumnStatistics } from './refit.ts'

/** Inputs that one statement asks for: planning is no longer linear in their number far beyond it. */
const inputsAtOnce = 64

/** A column over the rows of each part of a frame. */
export interface ColumnOfParts {
  readonly train: ColumnStatistics
  readonly all: ColumnStatistics
  /** Where the held-out rows were asked for. */
  readonly test?: ColumnStatistics
}

export interface AskedColumn {
  readonly name: string
  /** What stands for missing values; without it they are left out. */
  readonly fill?: number
  /** Quantiles hold every value of a column in memory: where they are not asked for, they are NaN. */
  readonly quantiles?: boolean
}

/** Statistics of columns of a frame, in the order in which they are asked for; `heldOut` those of its test rows as well. */
export async function columnStatistics(
  engine: DataEngine,
  path: string,
  asked: readonly AskedColumn[],
  heldOut = false,
): Promise<readonly ColumnOfParts[]> {
  const relation = await engine.scan({ kind: 'parquet', path }, '/')
  const found: ColumnOfParts[] = []
  for (let start = 0; start < asked.length; start += inputsAtOnce)
    found.push(...(await statisticsOf(engine, relation.sql, asked.slice(start, start + inputsAtOnce), heldOut)))
  return found
}

type Part = keyof ColumnOfParts

async function statisticsOf(
  engine: DataEngine,
  sql: string,
  asked: readonly AskedColumn[],
  heldOut: boolean,
): Promise<readonly ColumnOfParts[]> {
  const parts: readonly Part[] = heldOut ? ['train', 'all', 'test'] : ['train', 'all']
  const { dialect } = engine
  // One NaN or infinity would make the whole query fail or every figure NaN. They become null before they are summed:
  // an engine keeps a copy of every input of a statement for each aggregate that has a filter of its own
  const values = asked.flatMap(({ name, fill }, i) => {
    const value = dialect.cast(dialect.identifier(name), 'float')
    const missing = fill === undefined ? '' : ` ELSE ${dialect.cast(String(fill), 'float')}`
    const known = `CASE WHEN ${dialect.isFinite(value)} THEN ${value}${missing} END`
    return parts.map(
      rows => `${rows === 'all' ? known : `CASE WHEN millrace_split = '${rows}' THEN ${known} END`} AS ${rows}${i}`,
    )
  })
  const figures = asked.flatMap(({ quantiles }, i) =>
    parts.flatMap(rows => [
      `count(${rows}${i}) AS ${rows}_count${i}`,
      `avg(${rows}${i}) AS ${rows}_mean${i}`,
      `var_pop(${rows}${i}) AS ${rows}_variance${i}`,
      `min(${rows}${i}) AS ${rows}_min${i}`,
      `max(${rows}${i}) AS ${rows}_max${i}`,
      ...(quantiles ? ([25, 50, 75] as const) : []).map(
        level => `${dialect.quantile(`${rows}${i}`, level / 100, true)} AS ${rows}_q${level}_${i}`,
      ),
    ]),
  )
  const [row] = await engine.rows(`SELECT ${figures.join(', ')} FROM (SELECT ${values.join(', ')} FROM ${sql}) AS kept`)
  return asked.map((_, i) => {
    const over = (rows: Part): ColumnStatistics => {
      const read = (name: string): number =>
        Number(row?.[`${rows}_${name}${i}`] ?? (name.startsWith('q') ? Number.NaN : 0))
      const iqr = read('q75_') - read('q25_')
      return {
        count: read('count'),
        mean: read('mean'),
        variance: read('variance'),
        min: read('min'),
        max: read('max'),
        median: read('q50_'),
        iqr,
      }
    }
    return { train: over('train'), all: over('all'), ...(heldOut ? { test: over('test') } : {}) }
  })
}
