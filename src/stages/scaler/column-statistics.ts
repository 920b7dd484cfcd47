import type { DataEngine } from '../../ports/data-engine.ts'
import type { ColumnStatistics } from './refit.ts'

/** Inputs that one statement asks for: planning is no longer linear in their number far beyond it. */
const inputsAtOnce = 64

interface Both {
  readonly train: ColumnStatistics
  readonly all: ColumnStatistics
}

/**
 * Statistics of each number input over the training rows, and over all rows of the frame; text gives undefined. Quantiles
 * hold every value of an input in memory, so they are taken of those named in `withQuantiles` alone, and are NaN elsewhere.
 */
export async function columnStatistics(
  engine: DataEngine,
  path: string,
  inputs: readonly { readonly name: string; readonly kind: 'number' | 'text' }[],
  withQuantiles: ReadonlySet<string>,
): Promise<readonly (Both | undefined)[]> {
  const relation = await engine.scan({ kind: 'parquet', path }, '/')
  const names = inputs.filter(input => input.kind === 'number').map(input => input.name)
  const found = new Map<string, Both>()
  for (let start = 0; start < names.length; start += inputsAtOnce) {
    const some = names.slice(start, start + inputsAtOnce)
    const statistics = await statisticsOf(engine, relation.sql, some, withQuantiles)
    some.forEach((name, i) => found.set(name, statistics[i] as Both))
  }
  return inputs.map(input => found.get(input.name))
}

async function statisticsOf(
  engine: DataEngine,
  sql: string,
  names: readonly string[],
  withQuantiles: ReadonlySet<string>,
): Promise<readonly Both[]> {
  const { dialect } = engine
  // One NaN or infinity would make the whole query fail or every figure NaN. They become null before they are summed:
  // an engine keeps a copy of every input of a statement for each aggregate that has a filter of its own
  const values = names.flatMap((name, i) => {
    const value = dialect.cast(dialect.identifier(name), 'float')
    const finite = dialect.isFinite(value)
    return [
      `CASE WHEN ${finite} THEN ${value} END AS a${i}`,
      `CASE WHEN ${finite} AND millrace_split = 'train' THEN ${value} END AS t${i}`,
    ]
  })
  const figures = names.flatMap((name, i) =>
    (['t', 'a'] as const).flatMap(rows => [
      `avg(${rows}${i}) AS ${rows}_mean${i}`,
      `var_pop(${rows}${i}) AS ${rows}_variance${i}`,
      `min(${rows}${i}) AS ${rows}_min${i}`,
      `max(${rows}${i}) AS ${rows}_max${i}`,
      ...(withQuantiles.has(name) ? ([25, 50, 75] as const) : []).map(
        level => `${dialect.quantile(`${rows}${i}`, level / 100, true)} AS ${rows}_q${level}_${i}`,
      ),
    ]),
  )
  const [row] = await engine.rows(`SELECT ${figures.join(', ')} FROM (SELECT ${values.join(', ')} FROM ${sql}) AS kept`)
  return names.map((_, i) => {
    const over = (rows: 't' | 'a'): ColumnStatistics => {
      const read = (name: string): number =>
        Number(row?.[`${rows}_${name}${i}`] ?? (name.startsWith('q') ? Number.NaN : 0))
      const iqr = read('q75_') - read('q25_')
      return {
        mean: read('mean'),
        variance: read('variance'),
        min: read('min'),
        max: read('max'),
        median: read('q50_'),
        iqr,
      }
    }
    return { train: over('t'), all: over('a') }
  })
}
