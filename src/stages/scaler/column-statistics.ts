import type { DataEngine } from '../../ports/data-engine.ts'
import type { ColumnStatistics } from './refit.ts'

/**
 * Statistics of each number input over the training rows, and over all rows of the frame; text gives undefined. Quantiles
 * hold every value of an input in memory, so they are taken of those named in `withQuantiles` alone, and are NaN elsewhere.
 */
export async function columnStatistics(
  engine: DataEngine,
  path: string,
  inputs: readonly { readonly name: string; readonly kind: 'number' | 'text' }[],
  withQuantiles: ReadonlySet<string>,
): Promise<readonly ({ readonly train: ColumnStatistics; readonly all: ColumnStatistics } | undefined)[]> {
  const { dialect } = engine
  const relation = await engine.scan({ kind: 'parquet', path }, '/')
  const selected = inputs.flatMap((input, i) => {
    if (input.kind === 'text') return []
    const value = dialect.cast(dialect.identifier(input.name), 'float')
    const finite = dialect.isFinite(value)
    return (['t', 'a'] as const).flatMap(rows => {
      // One NaN or infinity would make the whole query fail or every figure NaN
      const filter = `FILTER (WHERE ${finite}${rows === 't' ? " AND millrace_split = 'train'" : ''})`
      return [
        `avg(${value}) ${filter} AS ${rows}_mean${i}`,
        `var_pop(${value}) ${filter} AS ${rows}_variance${i}`,
        `min(${value}) ${filter} AS ${rows}_min${i}`,
        `max(${value}) ${filter} AS ${rows}_max${i}`,
        ...(withQuantiles.has(input.name) ? ([25, 50, 75] as const) : []).map(
          level => `${dialect.quantile(value, level / 100, true)} ${filter} AS ${rows}_q${level}_${i}`,
        ),
      ]
    })
  })
  const [row] = selected.length > 0 ? await engine.rows(`SELECT ${selected.join(', ')} FROM ${relation.sql}`) : [{}]
  return inputs.map((input, i) => {
    if (input.kind === 'text') return undefined
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
