import type { InputSpec } from '../../define/model.ts'
import type { DataEngine } from '../../ports/data-engine.ts'
import type { FrameRows, SliceColumn, TrainingFrame } from '../../ports/trainer.ts'
import { type FoldPart, partCondition } from '../features/parts.ts'

/** A frame for who trains on it; with `fold` the training rows alone, parted by that fold of them. */
export function openFrame(
  engine: DataEngine,
  path: string,
  inputs: readonly Pick<InputSpec, 'name' | 'type'>[],
  fold?: FoldPart,
): TrainingFrame {
  return {
    path,
    rows: (part, limit) => readFrame(engine, path, inputs, part, limit, fold),
    write: (part, to) => writePart(engine, path, inputs, part, to, fold),
    read: async (file, called = file) => {
      const kind = called.endsWith('.csv') ? 'csv' : /\.(json|jsonl|ndjson)$/.test(called) ? 'json' : 'parquet'
      const relation = await engine.scan({ kind, path: file }, '/')
      return engine.columns(`SELECT * FROM ${relation.sql}`)
    },
  }
}

/** How many rows a part of a frame has, or of a fold of its training rows. */
export async function countRows(
  engine: DataEngine,
  path: string,
  part: 'train' | 'test',
  fold: FoldPart,
): Promise<number> {
  const relation = await engine.scan({ kind: 'parquet', path, rowNumber: 'millrace_n' }, '/')
  const where = partCondition(engine.dialect, relation.sql, part, fold)
  const [found] = await engine.rows(`SELECT count(*) AS n FROM ${relation.sql} WHERE ${where}`)
  return Number(found?.n)
}

/** One part as a file of its own, its rows in their order: the inputs, and what a training row is trained by. */
async function writePart(
  engine: DataEngine,
  path: string,
  inputs: readonly Pick<InputSpec, 'name'>[],
  part: 'train' | 'test',
  to: string,
  fold?: FoldPart,
): Promise<readonly string[]> {
  const { dialect } = engine
  const relation = await engine.scan({ kind: 'parquet', path, rowNumber: 'millrace_n' }, '/')
  const has = (await engine.describe(relation)).map(column => column.name)
  const trained = ['millrace_weight', 'millrace_class', 'millrace_label']
  const besides = ['millrace_at', ...(part === 'train' ? trained : [])].filter(name => has.includes(name))
  const columns = [...inputs.map(one => one.name), ...besides]
  await engine.writeParquet(
    `SELECT ${columns.map(dialect.identifier).join(', ')} FROM ${relation.sql} WHERE ${partCondition(dialect, relation.sql, part, fold)} ORDER BY millrace_n`,
    to,
  )
  return columns
}

/** Reads one part of a frame, or of a fold of its training rows; `limit` takes evenly spaced rows. */
export async function readFrame(
  engine: DataEngine,
  path: string,
  inputs: readonly Pick<InputSpec, 'name' | 'type'>[],
  split: 'train' | 'test',
  limit?: number,
  fold?: FoldPart,
): Promise<FrameRows> {
  const { dialect } = engine
  const numbered = limit !== undefined || fold !== undefined
  const relation = await engine.scan({ kind: 'parquet', path, ...(numbered ? { rowNumber: 'millrace_n' } : {}) }, '/')
  const columnsThere = await engine.describe(relation)
  const has = columnsThere.map(column => column.name)
  const named = columnsThere.filter(column => column.name.startsWith('slice:'))
  const selected = inputs.map(
    (input, i) =>
      `${input.type === 'text' ? dialect.identifier(input.name) : dialect.cast(dialect.identifier(input.name), 'float')} AS i${i}`,
  )
  const optional = ['millrace_at', 'millrace_weight'].filter(name => has.includes(name))
  const sliced = named.map(({ name, type }, i) => {
    const column = dialect.identifier(name)
    return `${type === 'float' ? dialect.cast(column, 'float') : column} AS s${i}`
  })
  const where = partCondition(dialect, relation.sql, split, fold)
  let thinned = ''
  if (limit) {
    const [count] = await engine.rows(`SELECT count(*) AS n FROM ${relation.sql} WHERE ${where}`)
    const step = Math.max(1, Math.ceil(Number(count?.n) / limit))
    // Every so many of the part's own rows: those of a random part lie anywhere in the file
    const ranked = `SELECT millrace_n, row_number() OVER (ORDER BY millrace_n) AS place FROM ${relation.sql} WHERE ${where}`
    if (step > 1)
      thinned = ` AND millrace_n IN (SELECT millrace_n FROM (${ranked}) AS ranked WHERE (place - 1) % ${step} = 0) ORDER BY millrace_n`
  }
  const columns = await engine.columns(
    `SELECT CAST(millrace_label AS DOUBLE) AS label, ${[...optional, ...selected, ...sliced].join(', ')} FROM ${relation.sql} WHERE ${where}${thinned}`,
  )
  const labels = Float32Array.from(columns.get('label')?.values as Float64Array)
  const at = columns.get('millrace_at')?.values as Float64Array | undefined
  const weights = columns.get('millrace_weight')?.values as Float64Array | undefined
  return {
    rows: labels.length,
    ...(at ? { at } : {}),
    labels,
    ...(weights ? { weights: Float32Array.from(weights) } : {}),
    inputs: inputs.map((input, i) => {
      const values = columns.get(`i${i}`)?.values
      return input.type === 'text' ? (values as readonly string[]) : Float32Array.from(values as Float64Array)
    }),
    slices: new Map(
      named.map(({ name, type }, i) => {
        const values = columns.get(`s${i}`)?.values
        return [name.slice(6), type === 'float' ? Float32Array.from(values as Float64Array) : (values as SliceColumn)]
      }),
    ),
  }
}

/** At most `most` rows, evenly spaced. */
export function thinned(frame: FrameRows, most: number): FrameRows {
  if (frame.rows <= most) return frame
  const step = frame.rows / most
  const pick = Int32Array.from({ length: most }, (_, i) => Math.floor(i * step))
  const take = (values: Float32Array): Float32Array => Float32Array.from(pick, row => values[row] as number)
  return {
    rows: most,
    ...(frame.at ? { at: Float64Array.from(pick, row => frame.at?.[row] as number) } : {}),
    labels: take(frame.labels),
    ...(frame.weights ? { weights: take(frame.weights) } : {}),
    inputs: frame.inputs.map(column =>
      column instanceof Float32Array ? take(column) : Array.from(pick, row => column[row] as string),
    ),
    slices: new Map(
      [...frame.slices].map(([name, column]) => [
        name,
        column instanceof Uint8Array
          ? Uint8Array.from(pick, row => column[row] as number)
          : column instanceof Float32Array
            ? take(column)
            : Array.from(pick, row => column[row] as string),
      ]),
    ),
  }
}
