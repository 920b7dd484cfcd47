import type { InputSpec } from '../../define/model.ts'
import type { DataEngine } from '../../ports/data-engine.ts'

/** Rows of a training frame in memory, in order of time. */
export interface FrameRows {
  readonly rows: number
  /** Event times, microseconds. */
  readonly at: Float64Array
  readonly labels: Float32Array
  /** One a model input: float32 with NaN for missing, or text with '' for missing. */
  readonly inputs: readonly (Float32Array | readonly string[])[]
  readonly slices: ReadonlyMap<string, Uint8Array>
}

/** Reads one split of a frame; `limit` takes evenly spaced rows. */
export async function readFrame(
  engine: DataEngine,
  path: string,
  inputs: readonly InputSpec[],
  split: 'train' | 'test',
  limit?: number,
): Promise<FrameRows> {
  const { dialect } = engine
  const relation = await engine.scan({ kind: 'parquet', path, ...(limit ? { rowNumber: 'millrace_n' } : {}) }, '/')
  const named = (await engine.describe(relation)).map(column => column.name).filter(name => name.startsWith('slice:'))
  const selected = inputs.map(
    (input, i) =>
      `${input.type === 'text' ? dialect.identifier(input.name) : dialect.cast(dialect.identifier(input.name), 'float')} AS i${i}`,
  )
  const sliced = named.map((name, i) => `${dialect.identifier(name)} AS s${i}`)
  const where = `millrace_split = ${dialect.literal(split, 'text')}`
  let thinned = ''
  if (limit) {
    const [count] = await engine.rows(
      `SELECT count(*) AS n, min(millrace_n) AS first FROM ${relation.sql} WHERE ${where}`,
    )
    const step = Math.max(1, Math.ceil(Number(count?.n) / limit))
    thinned = ` AND (millrace_n - ${Number(count?.first)}) % ${step} = 0`
  }
  const columns = await engine.columns(
    `SELECT millrace_at, CAST(millrace_label AS DOUBLE) AS label, ${[...selected, ...sliced].join(', ')} FROM ${relation.sql} WHERE ${where}${thinned}`,
  )
  const at = columns.get('millrace_at')?.values as Float64Array
  return {
    rows: at.length,
    at,
    labels: Float32Array.from(columns.get('label')?.values as Float64Array),
    inputs: inputs.map((input, i) => {
      const values = columns.get(`i${i}`)?.values
      return input.type === 'text' ? (values as readonly string[]) : Float32Array.from(values as Float64Array)
    }),
    slices: new Map(named.map((name, i) => [name.slice(6), columns.get(`s${i}`)?.values as Uint8Array])),
  }
}
